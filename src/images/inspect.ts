import { describeDisk } from '../protocols/disk/describe.ts'
import type { InspectDisk } from './disks.ts'

/** What is on a disk, in the few words that its version shows. */
export const inspectDisk: InspectDisk = async (read, bytes) => {
  const { table, partitions, filesystem } = await describeDisk(read, bytes)
  const found = [filesystem, ...partitions.map((partition) => partition.filesystem)]
  return { table, filesystems: found.flatMap((each) => (each ? [each.type] : [])) }
}

import { basename, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Inventory } from '../../api/contract/agent.ts'
import { describeDisk } from '../../protocols/disk/describe.ts'
import { openDisk } from '../disk/open.ts'
import { namesIn, numberOf } from '../inventory/tree.ts'
import { runProgram } from '../program.ts'

type PartitionFacts = Inventory['disks'][number]['partitions'][number]

/** A partition, or a whole disk with a filesystem and no table (number 0), that can be mounted. */
export type Place = Readonly<{
  path: string
  number: number
  type: string
  bytes: number
  filesystem: PartitionFacts['filesystem']
}>

const WAIT_SECONDS = 10

/** What lies on the disk at this path now, read from the disk itself. */
export async function contentOf(path: string) {
  const disk = await openDisk(path, { write: false })
  try {
    await disk.forget()
    const read = async (offset: number, length: number) => {
      const bytes = new Uint8Array(length)
      await disk.read(offset, bytes)
      return bytes
    }
    return { ...(await describeDisk(read, disk.bytes)), bytes: disk.bytes }
  } finally {
    await disk.close()
  }
}

/** Makes the kernel read the partition table again and waits for the device files. Rejects when something uses a partition. */
export async function placesOn(path: string): Promise<Place[]> {
  const content = await contentOf(path)
  if (content.table === null)
    return [{ path, number: 0, type: '', bytes: content.bytes, filesystem: content.filesystem }]
  await runProgram('blockdev', ['--rereadpt', path], { seconds: 60 })
  for (let tried = 0; ; tried++) {
    const known = await knownPartitions(path)
    const missing = content.partitions.filter((p) => known.get(p.number)?.bytes !== p.bytes && !isExtended(p.type))
    if (missing.length === 0)
      return content.partitions
        .filter(({ number }) => known.has(number))
        .map((p) => ({
          path: known.get(p.number)!.path,
          number: p.number,
          type: p.type,
          bytes: p.bytes,
          filesystem: p.filesystem,
        }))
    if (tried >= WAIT_SECONDS * 10)
      throw new Error(`the kernel does not see partition ${missing[0]!.number} of ${path} as its table has it`)
    await pause(100)
  }
}

function isExtended(type: string): boolean {
  return ['0x05', '0x0f', '0x85'].includes(type)
}

async function knownPartitions(path: string): Promise<Map<number, { path: string; bytes: number }>> {
  const [name, folder] = [basename(path), join(path, '..')]
  const known = new Map<number, { path: string; bytes: number }>()
  for (const entry of await namesIn('/sys/class/block', name)) {
    const number = await numberOf('/sys/class/block', name, entry, 'partition')
    const blocks = await numberOf('/sys/class/block', name, entry, 'size')
    if (number && blocks) known.set(number, { path: join(folder, entry), bytes: blocks * 512 })
  }
  return known
}

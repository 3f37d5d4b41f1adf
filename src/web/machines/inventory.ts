import type { OutputOf } from '../../api/client/client.ts'

export type Inventory = OutputOf<'getInventory'>['inventory']
export type Disk = Inventory['disks'][number]

/** A piece of the bar that shows a disk. `partition` is `null` where no partition is. `share` of 0 to 100. */
export type Segment = Readonly<{ partition: Disk['partitions'][number] | null; bytes: number; share: number }>

/** Below this share of the disk a piece is drawn wider than it is, so that it can be seen and pointed at. */
const LEAST = 3
/** Gaps below this are alignment and no room that anybody could use. */
const GAP_BYTES = 32 * 1024 * 1024

/** The disk from its beginning to its end: partitions in their order and the room between them. Shares sum up to 100. */
export function segmentsOf(disk: Pick<Disk, 'bytes' | 'partitions'>): Segment[] {
  if (disk.bytes <= 0) return []
  const pieces: { partition: Segment['partition']; bytes: number }[] = []
  let at = 0
  for (const partition of disk.partitions.toSorted((a, b) => a.startBytes - b.startBytes)) {
    const gap = partition.startBytes - at
    if (gap >= GAP_BYTES) pieces.push({ partition: null, bytes: gap })
    pieces.push({ partition, bytes: partition.bytes })
    // Logical partitions of an MBR lie inside their extended one.
    at = Math.max(at, partition.startBytes + partition.bytes)
  }
  if (disk.bytes - at >= GAP_BYTES || pieces.length === 0)
    pieces.push({ partition: null, bytes: Math.max(0, disk.bytes - at) })
  const raised = pieces.map((piece) => Math.max(LEAST, (100 * piece.bytes) / disk.bytes))
  const sum = raised.reduce((a, b) => a + b, 0)
  return pieces.map((piece, index) => ({ ...piece, share: (100 * raised[index]!) / sum }))
}

/** `ext4 “root”`, or what can be said of a partition without a filesystem. */
export function filesystemText(facts: Disk['filesystem']): string {
  if (!facts) return 'no filesystem that is known'
  return facts.label ? `${facts.type} “${facts.label}”` : facts.type
}

/** What kind of disk it is, in words: `NVMe, solid state`. */
export function diskKind({
  transport,
  rotational,
  removable,
}: Pick<Disk, 'transport' | 'rotational' | 'removable'>): string {
  const words: Readonly<Record<Disk['transport'], string>> = {
    nvme: 'NVMe',
    sata: 'SATA',
    sas: 'SAS',
    usb: 'USB',
    virtio: 'virtio',
    mmc: 'MMC',
    other: 'other',
  }
  return [words[transport], rotational ? 'rotating' : 'solid state', removable && 'removable']
    .filter(Boolean)
    .join(', ')
}

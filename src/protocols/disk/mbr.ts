import { ByteReader, hex } from '../../kit/bytes.ts'

/** Most logical partitions that are followed: the chain of a damaged disk may be a circle. */
const MOST_LOGICAL = 60
const EXTENDED: readonly number[] = [0x05, 0x0f, 0x85]

export type MbrPartition = Readonly<{
  /** 1 to 4; logical partitions from 5, as the kernel counts them. */
  number: number
  type: number
  active: boolean
  firstLba: number
  blocks: number
  /** Holds logical partitions and no filesystem. */
  extended: boolean
}>

export type Mbr = Readonly<{ diskId: string; partitions: readonly MbrPartition[]; protective: boolean }>

/**
 * Reads the first block of a disk, without logical partitions. `undefined` when it is no MBR: no signature, an impossible entry, or
 * neither a disk id nor a partition. Boot sectors of filesystems have the same signature: look for those first.
 */
export function parseMbr(block: Uint8Array): Mbr | undefined {
  if (block.length < 512 || block[510] !== 0x55 || block[511] !== 0xaa) return undefined
  const partitions: MbrPartition[] = []
  for (let i = 0; i < 4; i++) {
    const flag = block[446 + i * 16]!
    if (flag !== 0 && flag !== 0x80) return undefined
    const entry = parseEntry(block, i, 0)
    if (!entry) continue
    if (entry.firstLba === 0) return undefined
    partitions.push({ ...entry, number: i + 1 })
  }
  const id = new ByteReader(block.subarray(440, 444)).u32le()
  if (partitions.length === 0 && id === 0) return undefined
  const diskId = `0x${id.toString(16).padStart(8, '0')}`
  return { diskId, partitions, protective: partitions.some(({ type }) => type === 0xee) }
}

/**
 * The logical partitions of an extended one: each link of the chain is a block like an MBR whose first entry is the partition, counted
 * from that block, and whose second leads to the next link, counted from the start of the extended partition. What lies outside is
 * not followed.
 */
export async function readLogical(
  { firstLba, blocks }: Pick<MbrPartition, 'firstLba' | 'blocks'>,
  readBlock: (lba: number) => Promise<Uint8Array | undefined>,
): Promise<MbrPartition[]> {
  const found: MbrPartition[] = []
  const seen = new Set<number>()
  let at = firstLba
  while (found.length < MOST_LOGICAL && !seen.has(at)) {
    seen.add(at)
    const block = await readBlock(at)
    if (!block || block.length < 512 || block[510] !== 0x55 || block[511] !== 0xaa) break
    const entry = parseEntry(block, 0, at)
    if (entry && !entry.extended) found.push({ ...entry, number: 5 + found.length })
    const next = parseEntry(block, 1, firstLba)
    if (!next?.extended || next.firstLba >= firstLba + blocks) break
    at = next.firstLba
  }
  return found
}

/**
 * The first block with its last partition made to reach the end of the disk, in whole MiB; `undefined` if it cannot grow: it ends there
 * already, it holds logical partitions, or blocks are counted to 2^32 only. Blocks of 512 bytes.
 */
export function growLastMbrPartition(block: Uint8Array, diskBytes: number): Uint8Array | undefined {
  const last = parseMbr(block)
    ?.partitions.toSorted((a, b) => a.firstLba - b.firstLba)
    .at(-1)
  const end = Math.floor(Math.min(diskBytes / 512, 2 ** 32 - 1) / 2048) * 2048
  if (!last || last.extended || last.type === 0xee || last.firstLba + last.blocks >= end) return undefined
  const grown = block.slice()
  new DataView(grown.buffer).setUint32(446 + 16 * (last.number - 1) + 12, end - last.firstLba, true)
  return grown
}

/** `0x83` */
export function mbrTypeText(type: number): string {
  return `0x${hex(Uint8Array.of(type))}`
}

function parseEntry(block: Uint8Array, index: number, base: number): Omit<MbrPartition, 'number'> | undefined {
  const reader = new ByteReader(block.subarray(446 + index * 16, 462 + index * 16))
  const active = reader.u8() === 0x80
  reader.skip(3)
  const type = reader.u8()
  reader.skip(3)
  const firstLba = base + reader.u32le()
  const blocks = reader.u32le()
  return type === 0 || blocks === 0 ? undefined : { type, active, firstLba, blocks, extended: EXTENDED.includes(type) }
}

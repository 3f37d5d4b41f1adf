import { DecodeError } from '../../kit/errors.ts'
import { detectFilesystem, type FilesystemFacts, type Read } from './filesystem.ts'
import { type Gpt, MOST_ENTRY_BYTES, parseGptEntries, parseGptHeader } from './gpt.ts'
import { type MbrPartition, mbrTypeText, parseMbr, readLogical } from './mbr.ts'

export type PartitionFacts = {
  number: number
  name: string
  type: string
  startBytes: number
  bytes: number
  filesystem: FilesystemFacts | null
}

export type DiskContent = {
  table: 'gpt' | 'mbr' | null
  tableId: string | null
  partitions: PartitionFacts[]
  filesystem: FilesystemFacts | null
}

/** Partitions that are told of; a GPT may hold more. */
const MOST_PARTITIONS = 128
const BLOCK_BYTES = [512, 4096]

/**
 * What lies on a disk or in an image of one: its partition table, and the filesystem of every partition or, without partitions, of
 * the whole. An ISO image with a table for USB sticks has both. A table that firmware would refuse is no table; if only the backup
 * of a GPT is whole, that counts. `read` gives exactly `length` bytes and is asked only for what lies on the disk; what it throws
 * is thrown. `blockBytes`: logical block size, if known.
 */
export async function describeDisk(
  read: Read,
  bytes: number,
  { blockBytes }: { blockBytes?: number } = {},
): Promise<DiskContent> {
  const sizes = blockBytes ? [blockBytes] : BLOCK_BYTES
  const first = await read(0, Math.min(bytes, 4096))
  const whole = await detectFilesystem(read, bytes)
  const mbr = parseMbr(first)
  if (mbr?.protective) {
    const gpt = await readGpt(read, bytes, sizes)
    const partitions = gpt ? gptPartitions(gpt) : []
    const filesystem = whole?.type === 'iso9660' ? whole : null
    return {
      table: 'gpt',
      tableId: gpt?.diskGuid ?? null,
      partitions: await withContent(partitions, read, bytes),
      filesystem,
    }
  }
  if (!mbr || (whole !== null && whole.type !== 'iso9660'))
    return { table: null, tableId: null, partitions: [], filesystem: whole }
  const unit = sizes[0]!
  const partitions = await mbrPartitions(mbr.partitions, unit, read, bytes)
  return {
    table: 'mbr',
    tableId: mbr.diskId,
    partitions: await withContent(partitions, read, bytes),
    filesystem: whole,
  }
}

/**
 * The GPT of a disk: its primary copy or, when that is damaged, the backup at the end. `undefined` if neither is whole. The protective
 * MBR is not looked at.
 */
export async function readGpt(
  read: Read,
  bytes: number,
  blockSizes: readonly number[] = BLOCK_BYTES,
): Promise<Gpt | undefined> {
  for (const blockBytes of blockSizes) {
    const last = Math.floor(bytes / blockBytes) - 1
    if (last < 2) continue
    const gpt = (await copyAt(read, bytes, blockBytes, 1)) ?? (await copyAt(read, bytes, blockBytes, last))
    if (gpt) return gpt
  }
  return undefined
}

async function copyAt(read: Read, bytes: number, blockBytes: number, lba: number): Promise<Gpt | undefined> {
  try {
    const header = parseGptHeader(await read(lba * blockBytes, blockBytes), lba)
    const { entryCount, entryBytes, diskGuid, firstUsableLba, lastUsableLba } = header
    const [at, length] = [header.entriesLba * blockBytes, entryCount * entryBytes]
    if (length > MOST_ENTRY_BYTES || at + length > bytes) return undefined
    const entries = parseGptEntries(header, await read(at, length))
    const entriesLba = lba === 1 ? header.entriesLba : 2
    return { blockBytes, diskGuid, firstUsableLba, lastUsableLba, entriesLba, entryCount, entries }
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}

function gptPartitions({ entries, blockBytes }: Gpt): PartitionFacts[] {
  return entries
    .filter(({ firstLba, lastLba }) => firstLba <= lastLba)
    .map(({ number, name, type, firstLba, lastLba }) => ({
      number,
      name,
      type,
      startBytes: firstLba * blockBytes,
      bytes: (lastLba - firstLba + 1) * blockBytes,
      filesystem: null,
    }))
}

async function mbrPartitions(
  primary: readonly MbrPartition[],
  blockBytes: number,
  read: Read,
  bytes: number,
): Promise<PartitionFacts[]> {
  const readBlock = async (lba: number) =>
    (lba + 1) * blockBytes <= bytes ? read(lba * blockBytes, blockBytes) : undefined
  const extended = primary.find((partition) => partition.extended)
  const logical = extended ? await readLogical(extended, readBlock) : []
  return [...primary, ...logical].map(({ number, type, firstLba, blocks }) => ({
    number,
    name: '',
    type: mbrTypeText(type),
    startBytes: firstLba * blockBytes,
    bytes: blocks * blockBytes,
    filesystem: null,
  }))
}

const EXTENDED_TYPES = ['0x05', '0x0f', '0x85']

async function withContent(partitions: PartitionFacts[], read: Read, bytes: number): Promise<PartitionFacts[]> {
  const told = partitions.filter(({ number }) => number <= MOST_PARTITIONS).slice(0, MOST_PARTITIONS)
  const facts: PartitionFacts[] = []
  for (const partition of told) {
    const { startBytes, type } = partition
    const length = Math.min(partition.bytes, bytes - startBytes)
    const empty = length <= 0 || EXTENDED_TYPES.includes(type)
    const filesystem = empty
      ? null
      : await detectFilesystem((offset, count) => read(startBytes + offset, count), length)
    facts.push({ ...partition, filesystem })
  }
  return facts
}

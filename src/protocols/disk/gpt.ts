import { ByteReader, ByteWriter, latin1 } from '../../kit/bytes.ts'
import { DecodeError } from '../../kit/errors.ts'
import { crc32 } from './crc32.ts'
import { utf16 } from './fields.ts'
import { guidBytes, guidText } from './guid.ts'

/** The GUID Partition Table of UEFI 2.10, section 5.3. Positions are in logical blocks (LBA). */

const SIGNATURE = 'EFI PART'
const REVISION = 0x00010000
const HEADER_BYTES = 92
const ENTRY_BYTES = 128
/** Table 5.6: an unused entry has the type GUID of zeros. */
const UNUSED = '00000000-0000-0000-0000-000000000000'
/** The largest array of entries that is understood; 128 entries of 128 bytes are usual. */
export const MOST_ENTRY_BYTES = 1024 * 1024
/** The smallest array that a disk must reserve (section 5.3.1). */
const LEAST_ENTRY_BYTES = 16_384

export type GptHeader = Readonly<{
  myLba: number
  alternateLba: number
  firstUsableLba: number
  lastUsableLba: number
  diskGuid: string
  entriesLba: number
  entryCount: number
  entryBytes: number
  entriesCrc: number
}>

export type GptEntry = Readonly<{
  /** From 1: the place in the array, which is the number the kernel gives the partition. */
  number: number
  type: string
  guid: string
  firstLba: number
  /** Inclusive. */
  lastLba: number
  /** Hex digits of the 64 bits: kept as they are. */
  attributes: string
  name: string
}>

/** A whole table, without where its copies lie: `layOutGpt` decides that. */
export type Gpt = Readonly<{
  blockBytes: number
  diskGuid: string
  firstUsableLba: number
  lastUsableLba: number
  /** Where the array of the primary copy lies; 2 on most disks. */
  entriesLba: number
  entryCount: number
  entries: readonly GptEntry[]
}>

/** Bytes to be written at a place of the disk. */
export type DiskWrite = Readonly<{ offset: number; bytes: Uint8Array }>

/**
 * Reads a header and checks its CRC (section 5.3.2), but not the entries. `lba` is where it was read from. Throws a `DecodeError` for a
 * header that firmware would refuse too.
 */
export function parseGptHeader(block: Uint8Array, lba: number): GptHeader {
  const reader = new ByteReader(block)
  if (latin1(reader.bytes(8)) !== SIGNATURE) throw new DecodeError('there is no GPT header')
  const revision = reader.u32le()
  if (revision >>> 16 !== REVISION >>> 16)
    throw new DecodeError(`GPT revision ${revision.toString(16)} is not understood`)
  const size = reader.u32le()
  if (size < HEADER_BYTES || size > block.length) throw new DecodeError(`a GPT header has not ${size} bytes`)
  const crc = reader.u32le()
  const unsigned = block.slice(0, size)
  unsigned.fill(0, 16, 20)
  if (crc32(unsigned) !== crc) throw new DecodeError('the GPT header does not match its checksum')
  reader.skip(4)
  const header = {
    myLba: u64(reader),
    alternateLba: u64(reader),
    firstUsableLba: u64(reader),
    lastUsableLba: u64(reader),
    diskGuid: guidText(reader.bytes(16)),
    entriesLba: u64(reader),
    entryCount: reader.u32le(),
    entryBytes: reader.u32le(),
    entriesCrc: reader.u32le(),
  }
  if (header.myLba !== lba) throw new DecodeError(`the GPT header at ${lba} says that it lies at ${header.myLba}`)
  if (header.entryBytes < ENTRY_BYTES || header.entryBytes % 8 !== 0 || header.entryBytes > 4096)
    throw new DecodeError(`GPT entries of ${header.entryBytes} bytes are not understood`)
  if (header.entryCount === 0 || header.entryCount * header.entryBytes > MOST_ENTRY_BYTES)
    throw new DecodeError(`a GPT of ${header.entryCount} entries is not understood`)
  return header
}

/** The used entries in the order of their numbers. `bytes`: the whole array. Throws a `DecodeError` if it does not match its CRC. */
export function parseGptEntries(header: GptHeader, bytes: Uint8Array): GptEntry[] {
  const length = header.entryCount * header.entryBytes
  if (bytes.length < length) throw new DecodeError(`the GPT entries need ${length} bytes, there are ${bytes.length}`)
  if (crc32(bytes.subarray(0, length)) !== header.entriesCrc)
    throw new DecodeError('the GPT entries do not match their checksum')
  const entries: GptEntry[] = []
  for (let i = 0; i < header.entryCount; i++) {
    const reader = new ByteReader(bytes.subarray(i * header.entryBytes, (i + 1) * header.entryBytes))
    const type = guidText(reader.bytes(16))
    if (type === UNUSED) continue
    const guid = guidText(reader.bytes(16))
    const firstLba = u64(reader)
    const lastLba = u64(reader)
    const low = reader.u32le()
    const attributes = hex32(reader.u32le()) + hex32(low)
    entries.push({ number: i + 1, type, guid, firstLba, lastLba, attributes, name: utf16(reader.bytes(72)) })
  }
  return entries
}

/** Why this table cannot be trusted on a disk of this size, one sentence each; empty when all is well (section 5.3.2). */
export function checkGpt(gpt: Gpt, diskBytes: number): string[] {
  const problems: string[] = []
  const lastBlock = Math.floor(diskBytes / gpt.blockBytes) - 1
  if (gpt.firstUsableLba > gpt.lastUsableLba || gpt.lastUsableLba > lastBlock)
    problems.push(
      `its usable blocks ${gpt.firstUsableLba} to ${gpt.lastUsableLba} do not fit a disk of ${lastBlock + 1}`,
    )
  const ordered = [...gpt.entries].sort((a, b) => a.firstLba - b.firstLba)
  for (const [i, entry] of ordered.entries()) {
    if (entry.firstLba > entry.lastLba || entry.firstLba < gpt.firstUsableLba || entry.lastLba > gpt.lastUsableLba)
      problems.push(`partition ${entry.number} lies outside the usable blocks`)
    const before = ordered[i - 1]
    if (before && before.lastLba >= entry.firstLba)
      problems.push(`partitions ${before.number} and ${entry.number} overlap`)
  }
  return problems
}

/** Blocks that one copy of the entries takes. */
function entryBlocks(gpt: Pick<Gpt, 'blockBytes' | 'entryCount'>): number {
  return Math.ceil(Math.max(gpt.entryCount * ENTRY_BYTES, LEAST_ENTRY_BYTES) / gpt.blockBytes)
}

/** An empty table for a disk, its first partition to begin at 1 MiB. */
export function emptyGpt(
  diskBytes: number,
  { diskGuid, blockBytes = 512 }: { diskGuid: string; blockBytes?: number },
): Gpt {
  const gpt = { blockBytes, diskGuid, firstUsableLba: 0, lastUsableLba: 0, entriesLba: 2, entryCount: 128, entries: [] }
  const blocks = entryBlocks(gpt)
  return { ...gpt, firstUsableLba: 2 + blocks, lastUsableLba: Math.floor(diskBytes / blockBytes) - 2 - blocks }
}

/**
 * The same table for a disk of another size: what lies behind the last usable block moves to the new end. A `RangeError` if a partition
 * would not fit.
 */
export function resizeGpt(gpt: Gpt, diskBytes: number): Gpt {
  const lastUsableLba = Math.floor(diskBytes / gpt.blockBytes) - 2 - entryBlocks(gpt)
  for (const { number, lastLba } of gpt.entries)
    if (lastLba > lastUsableLba) throw new RangeError(`partition ${number} does not fit a disk of ${diskBytes} bytes`)
  return { ...gpt, lastUsableLba }
}

/**
 * The last partition made to end with the usable blocks, rounded down to a whole MiB where it gains by that. `undefined` if it cannot
 * grow, or there is no partition.
 */
export function growLastPartition(gpt: Gpt): { gpt: Gpt; entry: GptEntry } | undefined {
  const last = gpt.entries.reduce<GptEntry | undefined>((a, b) => (a && a.lastLba > b.lastLba ? a : b), undefined)
  if (!last) return undefined
  const align = Math.max(1, (1024 * 1024) / gpt.blockBytes)
  const lastLba = Math.floor((gpt.lastUsableLba + 1) / align) * align - 1
  if (lastLba <= last.lastLba) return undefined
  const entry = { ...last, lastLba }
  return { gpt: { ...gpt, entries: gpt.entries.map((old) => (old === last ? entry : old)) }, entry }
}

/**
 * The bytes of both copies and the protective MBR, in the order in which they are to be written with a flush after each: the backup
 * first, so that at every moment one copy is whole. Boot code of `mbr`, the present first block, is kept. A `RangeError` if an array
 * would lie on usable blocks.
 */
export function layOutGpt(gpt: Gpt, diskBytes: number, mbr?: Uint8Array): DiskWrite[] {
  const { blockBytes } = gpt
  const lastLba = Math.floor(diskBytes / blockBytes) - 1
  const entries = encodeEntries(gpt)
  const blocks = entries.length / blockBytes
  if (gpt.entriesLba < 2 || gpt.entriesLba + blocks > gpt.firstUsableLba || gpt.lastUsableLba >= lastLba - blocks)
    throw new RangeError(`the partition table has no room on a disk of ${diskBytes} bytes`)
  const entriesCrc = crc32(entries.subarray(0, gpt.entryCount * ENTRY_BYTES))
  const backup = encodeHeader(gpt, { myLba: lastLba, alternateLba: 1, entriesLba: lastLba - blocks, entriesCrc })
  const primary = encodeHeader(gpt, { myLba: 1, alternateLba: lastLba, entriesLba: gpt.entriesLba, entriesCrc })
  return [
    { offset: (lastLba - blocks) * blockBytes, bytes: entries },
    { offset: lastLba * blockBytes, bytes: backup },
    { offset: gpt.entriesLba * blockBytes, bytes: entries },
    { offset: blockBytes, bytes: primary },
    { offset: 0, bytes: protectiveMbr(lastLba, mbr?.subarray(0, blockBytes) ?? new Uint8Array(blockBytes)) },
  ]
}

/** Section 5.2.3: one partition of type EEh over the whole disk. Boot code, and a hybrid MBR as a whole, are kept. */
export function protectiveMbr(lastLba: number, old: Uint8Array): Uint8Array {
  const block = old.slice()
  const signed = block[510] === 0x55 && block[511] === 0xaa
  const types = [446, 462, 478, 494].map((at) => block[at + 4])
  if (signed && types.includes(0xee) && types.some((type) => type !== 0xee && type !== 0)) return block
  // Some BIOSes boot only a disk with an active partition: the flag stays where it was set.
  const flag = signed && types[0] === 0xee && block[446] === 0x80 ? 0x80 : 0
  const entry = new ByteWriter(16)
    .u8(flag)
    .bytes(Uint8Array.of(0, 2, 0, 0xee, 0xff, 0xff, 0xff))
    .u32le(1)
  block.fill(0, 446, 510)
  block.set(entry.u32le(Math.min(lastLba, 0xffffffff)).finish(), 446)
  block.set([0x55, 0xaa], 510)
  return block
}

function encodeEntries(gpt: Gpt): Uint8Array {
  const bytes = new Uint8Array(Math.ceil((gpt.entryCount * ENTRY_BYTES) / gpt.blockBytes) * gpt.blockBytes)
  for (const entry of gpt.entries) {
    if (entry.number < 1 || entry.number > gpt.entryCount) throw new RangeError(`there is no entry ${entry.number}`)
    const writer = new ByteWriter(ENTRY_BYTES)
    writer.bytes(guidBytes(entry.type)).bytes(guidBytes(entry.guid))
    put64(put64(writer, entry.firstLba), entry.lastLba)
    writer
      .u32le(Number.parseInt(entry.attributes.slice(8), 16))
      .u32le(Number.parseInt(entry.attributes.slice(0, 8), 16))
    for (const unit of entry.name.slice(0, 36).split('')) writer.u16le(unit.charCodeAt(0))
    bytes.set(writer.finish(), (entry.number - 1) * ENTRY_BYTES)
  }
  return bytes
}

function encodeHeader(
  gpt: Gpt,
  place: Pick<GptHeader, 'myLba' | 'alternateLba' | 'entriesLba' | 'entriesCrc'>,
): Uint8Array {
  const writer = new ByteWriter(gpt.blockBytes).text(SIGNATURE, 8).u32le(REVISION).u32le(HEADER_BYTES).u32le(0).u32le(0)
  put64(put64(writer, place.myLba), place.alternateLba)
  put64(put64(writer, gpt.firstUsableLba), gpt.lastUsableLba)
  put64(writer.bytes(guidBytes(gpt.diskGuid)), place.entriesLba)
  writer.u32le(gpt.entryCount).u32le(ENTRY_BYTES).u32le(place.entriesCrc)
  const bytes = writer.padTo(gpt.blockBytes).finish()
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(16, crc32(bytes.subarray(0, HEADER_BYTES)), true)
  return bytes
}

/** Blocks are counted in numbers, which are exact to 2^53. */
function u64(reader: ByteReader): number {
  const low = reader.u32le()
  const high = reader.u32le()
  if (high >= 2 ** 21) throw new DecodeError('a block number of the GPT is beyond every disk')
  return high * 2 ** 32 + low
}

function put64(writer: ByteWriter, value: number): ByteWriter {
  return writer.u32le(value % 2 ** 32).u32le(Math.floor(value / 2 ** 32))
}

function hex32(value: number): string {
  return value.toString(16).padStart(8, '0')
}

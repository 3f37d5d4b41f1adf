import { DecodeError } from '../kit/errors.ts'

// ELF-64 as in the System V ABI, chapters 4 and 5; little endian only, which is what x86-64 and arm64 Linux have.
const SEGMENT_LOAD = 1
const SEGMENT_DYNAMIC = 2
const SEGMENT_INTERPRETER = 3
const TAG_END = 0n
const TAG_NEEDED = 1n
const TAG_STRINGS = 5n
/** More than any real file has; a number above it is a damaged or a hostile file. */
const MOST_HEADERS = 4096
const MOST_TAGS = 4096
const LONGEST_NAME = 4096

/** What an executable or shared library needs to run: the sonames, and the dynamic linker's path (none in a library). */
export type ElfNeeds = Readonly<{ libraries: readonly string[]; interpreter: string | null }>

type Segment = Readonly<{ type: number; offset: number; address: bigint; bytes: number }>

export function isElf(file: Uint8Array): boolean {
  return file.length >= 64 && file[0] === 0x7f && file[1] === 0x45 && file[2] === 0x4c && file[3] === 0x46
}

/** Throws `DecodeError` on what is no ELF-64 file, or one that contradicts itself. A static program needs nothing. */
export function elfNeeds(file: Uint8Array): ElfNeeds {
  const { view, segments } = readSegments(file)
  const interpreter = segments.find(({ type }) => type === SEGMENT_INTERPRETER)
  const dynamic = segments.find(({ type }) => type === SEGMENT_DYNAMIC)
  const libraries: string[] = []
  if (dynamic) {
    const tags: [bigint, bigint][] = []
    for (let at = dynamic.offset; at + 16 <= dynamic.offset + dynamic.bytes; at += 16) {
      if (tags.length >= MOST_TAGS) throw new DecodeError(`an ELF file with more than ${MOST_TAGS} dynamic tags`)
      const tag = view.getBigUint64(at, true)
      if (tag === TAG_END) break
      tags.push([tag, view.getBigUint64(at + 8, true)])
    }
    const strings = tags.find(([tag]) => tag === TAG_STRINGS)?.[1]
    for (const [tag, value] of tags) {
      if (tag !== TAG_NEEDED) continue
      if (strings === undefined) throw new DecodeError('an ELF file without dynamic strings')
      libraries.push(text(file, offsetOf(segments, strings + value)))
    }
  }
  return { libraries, interpreter: interpreter ? text(file, interpreter.offset) : null }
}

/**
 * The file without its section headers and whatever lies behind the last byte that is loaded: symbols and debugging information, which
 * running it does not need.
 */
export function withoutSections(file: Uint8Array): Uint8Array {
  const { segments, headersEnd } = readSegments(file)
  const end = Math.max(headersEnd, ...segments.map(({ offset, bytes }) => offset + bytes))
  const short = file.slice(0, end)
  const view = new DataView(short.buffer, short.byteOffset, short.byteLength)
  view.setBigUint64(40, 0n, true)
  view.setUint16(60, 0, true)
  view.setUint16(62, 0, true)
  return short
}

function readSegments(file: Uint8Array) {
  if (!isElf(file)) throw new DecodeError('no ELF file')
  if (file[4] !== 2 || file[5] !== 1) throw new DecodeError('an ELF file that is not 64-bit little-endian')
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  const start = within(view.getBigUint64(32, true), file)
  const size = view.getUint16(54, true)
  const count = view.getUint16(56, true)
  const headersEnd = start + size * count
  if (count > MOST_HEADERS || (count > 0 && size < 56) || headersEnd > file.length)
    throw new DecodeError('an ELF file whose program headers are not in it')
  const segments: Segment[] = []
  for (let at = start; at < headersEnd; at += size) {
    const type = view.getUint32(at, true)
    const offset = within(view.getBigUint64(at + 8, true), file)
    const bytes = within(view.getBigUint64(at + 32, true), file)
    if (offset + bytes > file.length) throw new DecodeError('an ELF file that ends inside a segment')
    segments.push({ type, offset, address: view.getBigUint64(at + 16, true), bytes })
  }
  return { view, segments, headersEnd }
}

function within(value: bigint, file: Uint8Array): number {
  if (value > BigInt(file.length)) throw new DecodeError('an ELF file that points behind its own end')
  return Number(value)
}

function offsetOf(segments: readonly Segment[], address: bigint): number {
  for (const { type, offset, address: from, bytes } of segments)
    if (type === SEGMENT_LOAD && address >= from && address < from + BigInt(bytes))
      return offset + Number(address - from)
  throw new DecodeError('an ELF file that points at nothing that is loaded')
}

function text(file: Uint8Array, at: number): string {
  const end = file.subarray(at, at + LONGEST_NAME).indexOf(0)
  if (end < 0) throw new DecodeError('an ELF file with a name that does not end')
  return Buffer.from(file.buffer, file.byteOffset + at, end).toString('latin1')
}

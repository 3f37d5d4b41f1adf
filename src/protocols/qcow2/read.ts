import { DecodeError } from '../../kit/errors.ts'
import { zstdFrameLength } from '../zstd/frames.ts'
import { decodeL1Entry, decodeL2Entry, type Mapping } from './entry.ts'
import { decodeQcow2Header, HEADER_READ } from './header.ts'

/** A file that is read at any place. A read never gives fewer bytes than asked for: it throws. */
export type Source = Readonly<{ bytes: number; read(offset: number, length: number): Promise<Uint8Array> }>

/**
 * Unpacks one cluster to at most `most` bytes (2 MiB at the most); throws for anything damaged or longer. `deflate` is raw deflate
 * (RFC 1951) and is given bytes behind its end, which it must not mind; `zstd` is given just one frame.
 */
export type Decompress = Readonly<{
  deflate(packed: Uint8Array, most: number): Promise<Uint8Array>
  zstd(packed: Uint8Array, most: number): Promise<Uint8Array>
}>

/** The disk within a qcow2 file. Reads throw a `DecodeError` where the file contradicts itself. */
export type Qcow2 = Readonly<{
  /** Size of the disk. */
  bytes: number
  clusterBytes: number
  read(offset: number, length: number): Promise<Uint8Array>
  /** Whether this part is known to be zeros without reading it; `false` says nothing. */
  isZero(offset: number, length: number): Promise<boolean>
}>

/** L2 tables kept in memory: 4 MiB of them, and two at least. */
const CACHE_BYTES = 4 * 1024 * 1024

type Geometry = Readonly<{
  bytes: number
  clusterBits: number
  clusterBytes: number
  version: 2 | 3
  compression: 'zlib' | 'zstd'
}>

/**
 * Opens the newest state of a disk in a qcow2 file (versions 2 and 3; QEMU, docs/interop/qcow2) for reading. Only this one file is
 * ever touched: backing files, data files and encryption are refused. Memory: the L1 table (at most 32 MiB), 4 MiB of L2 tables,
 * and what is asked for. The disk may be far larger than the file: bound `bytes` before reading all of it.
 */
export async function openQcow2(source: Source, decompress: Decompress): Promise<Qcow2> {
  const header = decodeQcow2Header(await source.read(0, Math.min(HEADER_READ, source.bytes)))
  const { bytes, clusterBits, version, compression } = header
  const geometry = { bytes, clusterBits, clusterBytes: 2 ** clusterBits, version, compression }
  const tables = await readL1(source, header.l1Offset, header.l1Entries, geometry)
  const reader = new Reader(source, decompress, geometry, tables)
  return {
    bytes,
    clusterBytes: geometry.clusterBytes,
    read: (offset, length) => reader.read(offset, length),
    isZero: (offset, length) => reader.isZero(offset, length),
  }
}

/** Reads within the file; a place outside of it is a contradiction of the file, not a fault of the reader. */
async function readAt(source: Source, offset: number, length: number, what: string): Promise<Uint8Array> {
  if (offset + length > source.bytes)
    throw new DecodeError(`${what} is said to lie at ${offset}, behind the end of the file: is it cut off?`)
  return source.read(offset, length)
}

/** Places of all L2 tables. Each must be the only one of its kind: one table for many parts makes a tiny file a huge disk. */
async function readL1(source: Source, offset: number, entries: number, geometry: Geometry): Promise<Float64Array> {
  const encoded = await readAt(source, offset, entries * 8, 'the L1 table')
  const view = new DataView(encoded.buffer, encoded.byteOffset, encoded.length)
  const places = new Float64Array(entries)
  for (let i = 0; i < entries; i++)
    places[i] = decodeL1Entry(view.getUint32(i * 8), view.getUint32(i * 8 + 4), geometry.clusterBits)
  const sorted = places.slice().sort()
  for (let i = 1; i < entries; i++)
    if (sorted[i] !== 0 && sorted[i] === sorted[i - 1])
      throw new DecodeError(`two entries of the L1 table name the same L2 table at ${sorted[i]}`)
  return places
}

class Reader {
  readonly #source: Source
  readonly #decompress: Decompress
  readonly #geometry: Geometry
  readonly #places: Float64Array
  /** L2 tables by number, the one not used for longest first. */
  readonly #tables = new Map<number, Promise<DataView>>()

  constructor(source: Source, decompress: Decompress, geometry: Geometry, places: Float64Array) {
    this.#source = source
    this.#decompress = decompress
    this.#geometry = geometry
    this.#places = places
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    this.#check(offset, length)
    const { clusterBytes } = this.#geometry
    const target = new Uint8Array(length)
    for (let done = 0; done < length; ) {
      const at = offset + done
      const within = at % clusterBytes
      const first = Math.floor(at / clusterBytes)
      const mapping = await this.#mapping(first)
      let count = Math.min(clusterBytes - within, length - done)
      if (mapping.kind === 'compressed') {
        const cluster = await this.#unpack(mapping)
        target.set(cluster.subarray(within, within + count), done)
      } else if (mapping.kind === 'file') {
        // Clusters that follow each other in the file are read in one go.
        for (let next = 1; done + count < length; next++) {
          const following = await this.#mapping(first + next)
          if (following.kind !== 'file' || following.offset !== mapping.offset + next * clusterBytes) break
          count = Math.min(count + clusterBytes, length - done)
        }
        target.set(await this.#readData(mapping.offset + within, count), done)
      }
      done += count
    }
    return target
  }

  async isZero(offset: number, length: number): Promise<boolean> {
    this.#check(offset, length)
    const { clusterBits, clusterBytes } = this.#geometry
    const tableBytes = clusterBytes * 2 ** (clusterBits - 3)
    for (let at = offset; at < offset + length; ) {
      const table = Math.floor(at / tableBytes)
      if (this.#places[table] === 0) at = (table + 1) * tableBytes
      else {
        const cluster = Math.floor(at / clusterBytes)
        if ((await this.#mapping(cluster)).kind !== 'zero') return false
        at = (cluster + 1) * clusterBytes
      }
    }
    return true
  }

  #check(offset: number, length: number): void {
    if (!(offset >= 0 && length >= 0 && offset + length <= this.#geometry.bytes))
      throw new RangeError(`${length} bytes at ${offset} are not within a disk of ${this.#geometry.bytes} bytes`)
  }

  /** The last cluster of a file may be shorter than the others: the rest of it was never written and is zeros. */
  async #readData(offset: number, length: number): Promise<Uint8Array> {
    const there = this.#source.bytes - offset
    if (there >= length) return this.#source.read(offset, length)
    if (there <= length - this.#geometry.clusterBytes)
      throw new DecodeError(`data is said to lie at ${offset}, behind the end of the file: is it cut off?`)
    const padded = new Uint8Array(length)
    padded.set(await this.#source.read(offset, there))
    return padded
  }

  async #unpack({ offset, length }: { offset: number; length: number }): Promise<Uint8Array> {
    const { clusterBytes } = this.#geometry
    // The last sector may be cut short by the end of the file.
    const packed = await readAt(
      this.#source,
      offset,
      Math.max(1, Math.min(length, this.#source.bytes - offset)),
      'packed data',
    )
    const cluster = await this.#inflate(packed, clusterBytes)
    if (cluster.length !== clusterBytes)
      throw new DecodeError(`a compressed cluster at ${offset} has ${cluster.length} bytes, not ${clusterBytes}`)
    return cluster
  }

  async #inflate(packed: Uint8Array, most: number): Promise<Uint8Array> {
    try {
      if (this.#geometry.compression === 'zlib') return await this.#decompress.deflate(packed, most)
      return await this.#decompress.zstd(packed.subarray(0, zstdFrameLength(packed)), most)
    } catch (error) {
      throw new DecodeError(`a compressed cluster is damaged: ${error instanceof Error ? error.message : error}`)
    }
  }

  async #mapping(cluster: number): Promise<Mapping> {
    const { clusterBits, version } = this.#geometry
    const perTable = 2 ** (clusterBits - 3)
    const number = Math.floor(cluster / perTable)
    const place = this.#places[number]!
    if (place === 0) return { kind: 'zero' }
    const table = await this.#table(number, place)
    const at = (cluster % perTable) * 8
    return decodeL2Entry(table.getUint32(at), table.getUint32(at + 4), clusterBits, version)
  }

  #table(number: number, place: number): Promise<DataView> {
    let table = this.#tables.get(number)
    if (table) this.#tables.delete(number)
    else
      table = readAt(this.#source, place, this.#geometry.clusterBytes, 'an L2 table').then(
        (bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.length),
      )
    this.#tables.set(number, table)
    const most = Math.max(2, Math.floor(CACHE_BYTES / this.#geometry.clusterBytes))
    for (const oldest of this.#tables.keys()) {
      if (this.#tables.size <= most) break
      this.#tables.delete(oldest)
    }
    return table
  }
}

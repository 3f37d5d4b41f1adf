import { ByteReader } from '../../kit/bytes.ts'
import { DecodeError } from '../../kit/errors.ts'

/** Clusters have 2^9 (512 B) to 2^21 (2 MiB) bytes; QEMU makes no others. */
const LEAST_CLUSTER_BITS = 9
const MOST_CLUSTER_BITS = 21
/** The largest disk that is understood: 64 TiB. */
export const MOST_BYTES = 2 ** 46
/** QEMU's own limit for the L1 table. */
export const MOST_L1_BYTES = 32 * 1024 * 1024
/** All that is read of a header with its extensions; QEMU keeps them in the first cluster. */
export const HEADER_READ = 65_536
const MOST_EXTENSIONS = 64

const MAGIC = 0x514649fb
const V2_BYTES = 72
const V3_BYTES = 104

const DIRTY = 1
const CORRUPT = 2
const DATA_FILE = 4
const COMPRESSION_TYPE = 8
const EXTENDED_L2 = 16
const KNOWN = DIRTY | CORRUPT | DATA_FILE | COMPRESSION_TYPE | EXTENDED_L2

const EXTENSION_END = 0
const EXTENSION_BACKING_FORMAT = 0xe2792aca
const EXTENSION_ENCRYPTION = 0x0537be77
const EXTENSION_DATA_FILE = 0x44415441

export type Qcow2Header = Readonly<{
  version: 2 | 3
  /** Size of the disk. */
  bytes: number
  clusterBits: number
  l1Entries: number
  l1Offset: number
  compression: 'zlib' | 'zstd'
}>

/** Whether a file says of itself that it is qcow2: its first four bytes (`QFI\xfb`). */
export function looksLikeQcow2(start: Uint8Array): boolean {
  return start.length >= 4 && new DataView(start.buffer, start.byteOffset).getUint32(0) === MAGIC
}

/** A number of 64 bits as far as JavaScript counts exactly. */
function u64(reader: ByteReader, what: string): number {
  const value = reader.u32() * 2 ** 32 + reader.u32()
  if (!Number.isSafeInteger(value)) throw new DecodeError(`${what} of the qcow2 file is ${value}: that cannot be`)
  return value
}

/**
 * Reads the start of a qcow2 file (QEMU, docs/interop/qcow2, "Header"). What leans on other files, is encrypted, was not closed
 * properly or needs a feature that is not known here is refused with the reason: a `DecodeError`.
 */
export function decodeQcow2Header(start: Uint8Array): Qcow2Header {
  const reader = new ByteReader(start)
  if (reader.u32() !== MAGIC) throw new DecodeError('this is not a qcow2 file')
  const version = reader.u32()
  if (version !== 2 && version !== 3) throw new DecodeError(`qcow2 version ${version} is not understood, only 2 and 3`)
  const backing = reader.u32() + reader.u32()
  const backingBytes = reader.u32()
  if (backing !== 0 || backingBytes !== 0)
    throw new DecodeError('the qcow2 file leans on a backing file; qemu-img convert makes one file of both')
  const clusterBits = reader.u32()
  if (clusterBits < LEAST_CLUSTER_BITS || clusterBits > MOST_CLUSTER_BITS)
    throw new DecodeError(`clusters of 2^${clusterBits} bytes are not understood, only 2^9 to 2^21`)
  const bytes = u64(reader, 'the size')
  if (bytes === 0 || bytes > MOST_BYTES)
    throw new DecodeError(`a disk of ${bytes} bytes is not understood, only up to 64 TiB`)
  if (reader.u32() !== 0) throw new DecodeError('the qcow2 file is encrypted')
  const l1Entries = reader.u32()
  const l1Offset = u64(reader, 'the place of the L1 table')
  // Refcounts and snapshots (24 bytes) do not matter to a reader of the newest state.
  reader.skip(24)
  const { headerBytes, compression } = version === 3 ? versionThree(reader) : ({ headerBytes: V2_BYTES } as const)
  refuseExtensions(start, headerBytes, 2 ** clusterBits)

  const perTable = 2 ** (clusterBits - 3)
  const needed = Math.ceil(bytes / (2 ** clusterBits * perTable))
  if (l1Entries < needed) throw new DecodeError(`an L1 table of ${l1Entries} entries is too short for ${bytes} bytes`)
  if (needed * 8 > MOST_L1_BYTES)
    throw new DecodeError(`the L1 table would have ${needed} entries; clusters of 64 KiB would do with fewer`)
  if (l1Offset % 2 ** clusterBits !== 0 || l1Offset === 0)
    throw new DecodeError('the L1 table does not begin at a cluster')
  // A longer table than the disk needs is allowed (room to grow); the rest of it does not matter.
  return { version, bytes, clusterBits, l1Entries: needed, l1Offset, compression: compression ?? 'zlib' }
}

function versionThree(reader: ByteReader): { headerBytes: number; compression: 'zlib' | 'zstd' } {
  const high = reader.u32()
  const incompatible = reader.u32()
  if (high !== 0 || (incompatible & ~KNOWN) !== 0)
    throw new DecodeError('the qcow2 file needs a feature that is not known here')
  if (incompatible & DATA_FILE)
    throw new DecodeError('the data of the qcow2 file is in another file; qemu-img convert makes one of both')
  if (incompatible & EXTENDED_L2)
    throw new DecodeError('the qcow2 file has subclusters (extended_l2); qemu-img convert makes one without')
  if (incompatible & CORRUPT) throw new DecodeError('the qcow2 file is marked as corrupt; qemu-img check says more')
  if (incompatible & DIRTY)
    throw new DecodeError('the qcow2 file was not closed properly; qemu-img check -r all repairs it')
  // Compatible and autoclear features, and the width of refcounts.
  reader.skip(20)
  const headerBytes = reader.u32()
  if (headerBytes < V3_BYTES || headerBytes % 8 !== 0 || headerBytes > HEADER_READ)
    throw new DecodeError(`a qcow2 header of ${headerBytes} bytes is not understood`)
  const type = headerBytes > V3_BYTES ? reader.u8() : 0
  if (type > 1) throw new DecodeError(`compression type ${type} is not understood, only zlib and zstd`)
  if (((incompatible & COMPRESSION_TYPE) !== 0) !== type > 0)
    throw new DecodeError('the compression type of the qcow2 file contradicts its features')
  return { headerBytes, compression: type === 1 ? 'zstd' : 'zlib' }
}

/** Extensions that change what the bytes mean are refused; all others say nothing that a reader needs. */
function refuseExtensions(start: Uint8Array, headerBytes: number, clusterBytes: number): void {
  const reader = new ByteReader(start.subarray(0, Math.min(start.length, clusterBytes)))
  reader.skip(headerBytes)
  for (let count = 0; reader.remaining >= 8; count++) {
    const type = reader.u32()
    if (type === EXTENSION_END) return
    const length = reader.u32()
    if (count >= MOST_EXTENSIONS) throw new DecodeError('the qcow2 file has too many header extensions')
    if (type === EXTENSION_BACKING_FORMAT) throw new DecodeError('the qcow2 file leans on a backing file')
    if (type === EXTENSION_ENCRYPTION) throw new DecodeError('the qcow2 file is encrypted')
    if (type === EXTENSION_DATA_FILE) throw new DecodeError('the data of the qcow2 file is in another file')
    reader.skip(Math.ceil(length / 8) * 8)
  }
}

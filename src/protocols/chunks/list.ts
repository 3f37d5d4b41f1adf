import { ByteReader, ByteWriter, fromHex, hex, latin1, latin1Bytes } from '../../kit/bytes.ts'
import { DecodeError } from '../../kit/errors.ts'

/** Every chunk but the last of a disk has this many bytes. */
export const CHUNK_BYTES = 4 * 1024 * 1024
/** Chunks of the largest disk that is understood: 64 TiB. */
export const MOST_CHUNKS = 16 * 1024 * 1024

const MAGIC = 'RVCHUNKS'
const FORMAT = 1
const HEADER_BYTES = 32
const HASH_BYTES = 32
const ZERO = '0'.repeat(64)

/**
 * The content of a disk: its size and, for each 4 MiB of it, the SHA-256 of those bytes, or `null` where they are all zero. The
 * encoded list is a file like any other, so its own SHA-256 names the whole content.
 */
export type ChunkList = Readonly<{ bytes: number; chunks: readonly (string | null)[] }>

/** How many chunks a disk of this many bytes has. */
export function chunkCount(bytes: number): number {
  return Math.ceil(bytes / CHUNK_BYTES)
}

/** How many bytes the chunk at `index` has: the last one may be shorter. */
export function chunkLength(list: Pick<ChunkList, 'bytes'>, index: number): number {
  return Math.min(CHUNK_BYTES, list.bytes - index * CHUNK_BYTES)
}

/**
 * 8 bytes `RVCHUNKS`, u32 format 1, u32 bytes of a chunk, u64 bytes of the disk, 8 bytes zero, then 32 bytes for each chunk;
 * all numbers big-endian. A chunk of zeros has 32 bytes of zero.
 */
export function encodeChunkList({ bytes, chunks }: ChunkList): Uint8Array {
  if (chunks.length !== chunkCount(bytes)) throw new RangeError(`${bytes} bytes are not ${chunks.length} chunks`)
  const writer = new ByteWriter(HEADER_BYTES + chunks.length * HASH_BYTES)
  writer.bytes(latin1Bytes(MAGIC)).u32(FORMAT).u32(CHUNK_BYTES)
  writer
    .u32(Math.floor(bytes / 2 ** 32))
    .u32(bytes % 2 ** 32)
    .u32(0)
    .u32(0)
  for (const chunk of chunks) writer.bytes(fromHex(chunk ?? ZERO))
  return writer.finish()
}

/** Throws a `DecodeError` for anything that `encodeChunkList` would not have written. */
export function decodeChunkList(encoded: Uint8Array): ChunkList {
  if (encoded.length < HEADER_BYTES) throw new DecodeError(`${encoded.length} bytes are too few for a chunk list`)
  const reader = new ByteReader(encoded)
  if (latin1(reader.bytes(8)) !== MAGIC) throw new DecodeError('this is not a chunk list')
  const format = reader.u32()
  if (format !== FORMAT) throw new DecodeError(`chunk lists of format ${format} are not understood`)
  const chunkBytes = reader.u32()
  if (chunkBytes !== CHUNK_BYTES) throw new DecodeError(`chunks of ${chunkBytes} bytes are not understood`)
  const bytes = reader.u32() * 2 ** 32 + reader.u32()
  if (reader.u32() !== 0 || reader.u32() !== 0) throw new DecodeError('reserved bytes of the chunk list are not zero')
  const count = chunkCount(bytes)
  if (bytes === 0 || count > MOST_CHUNKS) throw new DecodeError(`a disk of ${bytes} bytes is not understood`)
  if (encoded.length !== HEADER_BYTES + count * HASH_BYTES)
    throw new DecodeError(`a chunk list for ${bytes} bytes has not ${encoded.length} bytes`)
  const chunks: (string | null)[] = []
  for (let i = 0; i < count; i++) {
    const hash = hex(reader.view(HASH_BYTES))
    chunks.push(hash === ZERO ? null : hash)
  }
  return { bytes, chunks }
}

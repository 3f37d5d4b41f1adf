import { ByteReader, ByteWriter, latin1, latin1Bytes } from '../../kit/bytes.ts'
import { DecodeError } from '../../kit/errors.ts'
import { CHUNK_BYTES } from './list.ts'

const MAGIC = 'RVCHUNK1'
/** Bytes before the payload in the file of a chunk. */
export const CHUNK_HEADER_BYTES = 24
/** The most bytes that a packed chunk may have: a zstd frame of bytes that do not shrink is a little larger than they are. */
export const MOST_PAYLOAD = CHUNK_BYTES + 65_536

const ENCODINGS = ['identity', 'zstd'] as const

/**
 * What stands before the payload of a chunk in a file. `crc` is the CRC-32 of the other 20 bytes of the header and the payload, so that a flipped bit
 * anywhere is seen without unpacking.
 */
export type ChunkHeader = Readonly<{
  encoding: (typeof ENCODINGS)[number]
  rawBytes: number
  payloadBytes: number
  crc: number
}>

/** 8 bytes `RVCHUNK1`, u8 encoding (0 identity, 1 zstd), 3 bytes zero, u32 raw bytes, u32 payload bytes, u32 CRC-32; big-endian. */
export function encodeChunkHeader({ encoding, rawBytes, payloadBytes, crc }: ChunkHeader): Uint8Array {
  const writer = new ByteWriter(CHUNK_HEADER_BYTES).bytes(latin1Bytes(MAGIC))
  writer.u8(ENCODINGS.indexOf(encoding)).bytes(new Uint8Array(3))
  return writer.u32(rawBytes).u32(payloadBytes).u32(crc).finish()
}

/** Reads the header of a file of `fileBytes`; a `DecodeError` for anything that `encodeChunkHeader` would not have written for it. */
export function decodeChunkHeader(header: Uint8Array, fileBytes: number): ChunkHeader {
  if (header.length < CHUNK_HEADER_BYTES) throw new DecodeError(`${header.length} bytes are too few for a chunk`)
  const reader = new ByteReader(header)
  if (latin1(reader.bytes(8)) !== MAGIC) throw new DecodeError('it does not begin like a chunk')
  const encoding = ENCODINGS[reader.u8()]
  if (!encoding) throw new DecodeError('its encoding is not understood')
  if (reader.u8() !== 0 || reader.u16() !== 0) throw new DecodeError('its reserved bytes are not zero')
  const [rawBytes, payloadBytes, crc] = [reader.u32(), reader.u32(), reader.u32()]
  if (rawBytes < 1 || rawBytes > CHUNK_BYTES) throw new DecodeError(`it claims ${rawBytes} bytes`)
  if (payloadBytes > MOST_PAYLOAD || CHUNK_HEADER_BYTES + payloadBytes !== fileBytes)
    throw new DecodeError(`its file has ${fileBytes} bytes instead of ${CHUNK_HEADER_BYTES + payloadBytes}`)
  if (encoding === 'identity' && payloadBytes !== rawBytes) throw new DecodeError('its lengths contradict each other')
  return { encoding, rawBytes, payloadBytes, crc }
}

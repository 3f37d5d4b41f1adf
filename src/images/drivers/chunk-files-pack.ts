import type { FileHandle } from 'node:fs/promises'
import { promisify } from 'node:util'
import { constants, zstdCompress, zstdCompressSync, zstdDecompress } from 'node:zlib'
import { hex } from '../../kit/bytes.ts'
import { DecodeError, Refusal } from '../../kit/errors.ts'
import { CHUNK_HEADER_BYTES, MOST_PAYLOAD } from '../../protocols/chunks/chunk-file.ts'
import { CHUNK_BYTES } from '../../protocols/chunks/list.ts'
import type { StoredChunk } from '../chunk-store.ts'
import { errorCode } from '../durable/files.ts'

/** The largest window of a frame that is unpacked: 8 MiB, for a chunk never needs more. */
const MOST_WINDOW_LOG = 23
/** Level 1: four times as fast as the default and nearly as small on disk images. */
const LEVEL_1 = { params: { [constants.ZSTD_c_compressionLevel]: 1 } }
/** Pieces of a chunk that tell whether it shrinks at all, and how long each is. */
const SAMPLES = 4
const SAMPLE_BYTES = 8192

const compress = promisify(zstdCompress)
const decompress = promisify(zstdDecompress)

/** SHA-256, beside the event loop. */
export async function digest(bytes: Uint8Array): Promise<string> {
  return hex(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>)))
}

/** What a sender calls a chunk, unpacked within bounds. */
export async function unpackGiven({ encoding, payload }: StoredChunk): Promise<Uint8Array> {
  if (payload.length === 0) throw new Refusal('validation-failed', 'a chunk has at least one byte')
  const tooLarge = () => new Refusal('too-large', `a chunk has at most ${CHUNK_BYTES} bytes`)
  if (payload.length > (encoding === 'zstd' ? MOST_PAYLOAD : CHUNK_BYTES)) throw tooLarge()
  if (encoding === 'identity') return payload
  try {
    const raw = await unpack(payload, CHUNK_BYTES)
    if (raw.length > 0) return raw
  } catch (error) {
    if (errorCode(error) === 'ERR_BUFFER_TOO_LARGE') throw tooLarge()
  }
  throw new Refusal('validation-failed', 'the body is no zstd frame of a chunk', {
    next: 'send the chunk as one zstd frame, or as it is with encoding=identity',
  })
}

function unpack(payload: Uint8Array, most: number): Promise<Uint8Array> {
  return decompress(payload, {
    maxOutputLength: most,
    // One buffer for all of it instead of 256 small ones.
    chunkSize: Math.max(most, 1024),
    params: { [constants.ZSTD_d_windowLogMax]: MOST_WINDOW_LOG },
  })
}

/** As one zstd frame if that saves a twentieth. */
export async function pack(raw: Uint8Array): Promise<StoredChunk> {
  const identity: StoredChunk = { encoding: 'identity', payload: raw }
  if (
    raw.length > 2 * SAMPLES * SAMPLE_BYTES &&
    !shrinks(zstdCompressSync(sampleOf(raw), LEVEL_1), SAMPLES * SAMPLE_BYTES)
  )
    return identity
  // Most of what shrinks at all shrinks to half, and fits into one buffer.
  const payload = await compress(raw, { ...LEVEL_1, chunkSize: Math.max(raw.length >> 1, 1024) })
  return shrinks(payload, raw.length) ? { encoding: 'zstd', payload } : identity
}

function shrinks(packed: Uint8Array, bytes: number): boolean {
  return packed.length < bytes * 0.95
}

/** A few pieces from all over it: most chunks that do not shrink, such as packed files, are seen to by a hundredth of the work. */
function sampleOf(raw: Uint8Array): Uint8Array {
  const sample = new Uint8Array(SAMPLES * SAMPLE_BYTES)
  for (let i = 0; i < SAMPLES; i++) {
    const at = Math.floor((i * (raw.length - SAMPLE_BYTES)) / (SAMPLES - 1))
    sample.set(raw.subarray(at, at + SAMPLE_BYTES), i * SAMPLE_BYTES)
  }
  return sample
}

/** The raw bytes of a stored chunk, if they are those that its name says. */
export async function rawOf({ encoding, payload }: StoredChunk, sha256: string): Promise<Uint8Array | DecodeError> {
  try {
    const raw = encoding === 'zstd' ? await unpack(payload, CHUNK_BYTES) : payload
    return (await digest(raw)) === sha256 ? raw : new DecodeError('its content has another SHA-256')
  } catch {
    return new DecodeError('it cannot be unpacked')
  }
}

/** All bytes of the file of a chunk; with a buffer they lie in it. */
export async function readBounded(file: FileHandle, buffer?: Buffer): Promise<Uint8Array> {
  const { size } = await file.stat()
  if (size > CHUNK_HEADER_BYTES + MOST_PAYLOAD) throw new DecodeError(`its file has ${size} bytes`)
  const bytes = (buffer ?? Buffer.allocUnsafeSlow(size)).subarray(0, size)
  let at = 0
  while (at < size) {
    const { bytesRead } = await file.read(bytes, at, size - at, at)
    if (bytesRead === 0) break
    at += bytesRead
  }
  return bytes.subarray(0, at)
}

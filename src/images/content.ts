import { CHUNK_BYTES, type ChunkList, chunkLength } from '../protocols/chunks/list.ts'
import type { Disks } from './disks.ts'

const ZEROS = new Uint8Array(CHUNK_BYTES)

/**
 * The raw bytes of a disk from `start` up to and without `end`, a chunk at a time; the next one is read while one is used. Throws
 * `corrupt` where a chunk is damaged or missing.
 */
export async function* rawBytes(
  disks: Disks,
  list: ChunkList,
  start = 0,
  end = list.bytes,
): AsyncGenerator<Uint8Array> {
  const last = Math.ceil(end / CHUNK_BYTES)
  const fetch = (index: number) => {
    const sha256 = list.chunks[index]
    const reading = sha256 ? disks.chunk(sha256) : Promise.resolve(ZEROS.subarray(0, chunkLength(list, index)))
    // It may fail before anybody waits for it, or after everybody has gone.
    reading.catch(() => undefined)
    return reading
  }
  let next = fetch(Math.floor(start / CHUNK_BYTES))
  for (let index = Math.floor(start / CHUNK_BYTES); index < last; index++) {
    const raw = await next
    if (index + 1 < last) next = fetch(index + 1)
    const offset = index * CHUNK_BYTES
    yield raw.subarray(Math.max(0, start - offset), Math.min(raw.length, end - offset))
  }
}

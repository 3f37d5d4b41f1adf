import type { ChunkStore } from '../../../images/chunk-store.ts'
import { CHUNK_BYTES, chunkCount } from '../../../protocols/chunks/list.ts'
import type { PublishedChunk } from '../../pool.ts'
import type { ReadVolume } from './read-volume.ts'

/** Puts the chunks of a frozen state that differ from its base into the chunk store. `progress` is told how far in the volume it is. */
export async function publishFrozen(
  device: ReadVolume,
  chunks: ChunkStore,
  progress: (doneBytes: number) => void,
): Promise<PublishedChunk[]> {
  const { bytes } = device
  const list = device.stack.base?.list
  const published: PublishedChunk[] = []
  const buffer = new Uint8Array(CHUNK_BYTES)
  for (let index = 0; index < chunkCount(bytes); index++) {
    const length = Math.min(CHUNK_BYTES, bytes - index * CHUNK_BYTES)
    const before = list?.chunks[index] ?? null
    const sameLength = before === null || Math.min(CHUNK_BYTES, list!.bytes - index * CHUNK_BYTES) === length
    if (!sameLength || !device.isBase(index)) {
      const raw = buffer.subarray(0, length)
      const waiting = device.read(raw, index * CHUNK_BYTES)
      if (waiting) await waiting
      const sha256 = isZero(raw) ? null : (await chunks.add(raw)).sha256
      if (sha256 !== before) published.push({ index, sha256 })
      progress(index * CHUNK_BYTES + length)
    } else if (index % 1024 === 1023) {
      // Nothing to do for a long way: others want to do something.
      await new Promise(setImmediate)
    }
  }
  progress(bytes)
  return published
}

function isZero(bytes: Uint8Array): boolean {
  const words = new BigUint64Array(bytes.buffer, bytes.byteOffset, bytes.length >> 3)
  for (let i = 0; i < words.length; i++) if (words[i] !== 0n) return false
  return bytes.subarray(words.length * 8).every((byte) => byte === 0)
}

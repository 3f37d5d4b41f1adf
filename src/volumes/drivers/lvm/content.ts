import { createHash } from 'node:crypto'
import type { ChunkStore } from '../../../images/chunk-store.ts'
import { DecodeError, Refusal } from '../../../kit/errors.ts'
import { CHUNK_BYTES, type ChunkList, chunkCount, chunkLength } from '../../../protocols/chunks/list.ts'
import type { BlockDevice } from '../../block-device.ts'
import type { PublishedChunk } from '../../pool.ts'
import type { VolumeBase } from '../../volume.ts'

/** The chunk list of a base; refused as `corrupt` when it is not here, or another one than it was. */
export async function listOfBase(
  base: VolumeBase,
  find: (sha256: string) => Promise<ChunkList | undefined>,
): Promise<ChunkList> {
  try {
    const list = await find(base.chunks)
    if (list?.bytes === base.bytes) return list
  } catch (error) {
    if (!(error instanceof DecodeError || error instanceof Refusal)) throw error
  }
  throw damaged(`its chunk list ${base.chunks} is missing or damaged`)
}

/** Writes the content of an image version into an empty disk. */
export async function fillFrom(device: BlockDevice, list: ChunkList, chunks: ChunkStore): Promise<void> {
  for (const [index, sha256] of list.chunks.entries()) {
    if (sha256 === null) continue
    const raw = await chunks.read(sha256)
    if (raw?.length !== chunkLength(list, index)) throw damaged(`the chunk ${sha256} is missing`)
    await device.write([raw], index * CHUNK_BYTES)
  }
}

/** Puts the chunks that are not as in the base into the chunk store. */
export async function publishFrom(
  device: BlockDevice,
  base: ChunkList | undefined,
  chunks: ChunkStore,
  progress: (doneBytes: number) => void,
): Promise<PublishedChunk[]> {
  const published: PublishedChunk[] = []
  const buffer = Buffer.alloc(CHUNK_BYTES)
  for (let index = 0; index < chunkCount(device.bytes); index++) {
    const at = index * CHUNK_BYTES
    const raw = buffer.subarray(0, Math.min(CHUNK_BYTES, device.bytes - at))
    await device.read(raw, at)
    const sha256 = raw.every((byte) => byte === 0) ? null : createHash('sha256').update(raw).digest('hex')
    if (sha256 !== (base?.chunks[index] ?? null)) {
      if (sha256 !== null) await chunks.add(raw)
      published.push({ index, sha256 })
    }
    progress(at + raw.length)
  }
  return published
}

function damaged(why: string): Refusal {
  return new Refusal('corrupt', `the image under this volume cannot be read: ${why}`, {
    next: 'push that image again (reveille image push); that heals it',
  })
}

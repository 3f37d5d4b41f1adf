import { createHash } from 'node:crypto'
import type { ChunkStore } from '../../src/images/chunk-store.ts'
import { CHUNK_BYTES, type ChunkList, chunkCount, encodeChunkList } from '../../src/protocols/chunks/list.ts'
import type { BlockDevice } from '../../src/volumes/block-device.ts'
import type { VolumePool } from '../../src/volumes/pool.ts'
import type { VolumeBase } from '../../src/volumes/volume.ts'
import { MemoryChunks } from '../fakes/memory-chunks.ts'

export const MIB = 1024 * 1024

/** A place for volumes, and the images under them. */
export type PoolBed = Readonly<{
  /** Opens the pool again after it was closed or abandoned. */
  open(images: Images): Promise<VolumePool>
  /** Lets go of a pool as a killed process would. */
  abandon(pool: VolumePool): Promise<void>
  remove(): Promise<void>
}>

/** What a pool finds bases by. */
export type Images = Readonly<{ chunks: ChunkStore; listOf: (sha256: string) => Promise<ChunkList | undefined> }>

/** Images that tests make up. */
export class TestImages implements Images {
  readonly chunks = new MemoryChunks()
  readonly lists = new Map<string, ChunkList>()
  readonly listOf = async (sha256: string) => this.lists.get(sha256)

  async add(content: Uint8Array): Promise<VolumeBase> {
    const hashes: (string | null)[] = []
    for (let i = 0; i < chunkCount(content.length); i++) {
      const raw = content.subarray(i * CHUNK_BYTES, (i + 1) * CHUNK_BYTES)
      hashes.push(raw.every((byte) => byte === 0) ? null : (await this.chunks.add(raw.slice())).sha256)
    }
    const list = { bytes: content.length, chunks: hashes }
    const sha256 = createHash('sha256').update(encodeChunkList(list)).digest('hex')
    this.lists.set(sha256, list)
    return { image: 'test', version: 1, chunks: sha256, bytes: content.length }
  }
}

/** Bytes that are all different from those of another seed. */
export function noise(bytes: number, seed: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(bytes / 4))
  let state = (seed * 2_654_435_761 + 1) >>> 0
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    words[i] = state
  }
  return new Uint8Array(words.buffer, 0, bytes)
}

export async function readAll(device: BlockDevice): Promise<Buffer> {
  const bytes = Buffer.alloc(device.bytes, 0xee)
  for (let at = 0; at < bytes.length; at += 3 * MIB) await device.read(bytes.subarray(at, at + 3 * MIB), at)
  return bytes
}

/** The content of a volume, or of a snapshot of it. */
export async function contentOf(pool: VolumePool, id: string, snapshot?: string): Promise<Buffer> {
  const device = await pool.open(id, { readOnly: true, snapshot })
  try {
    return await readAll(device)
  } finally {
    await device.close()
  }
}

import { createHash, type Hash } from 'node:crypto'
import { Refusal } from '../../kit/errors.ts'
import { Slots } from '../../kit/slots.ts'
import { CHUNK_BYTES, type ChunkList } from '../../protocols/chunks/list.ts'
import type { ChunkStore } from '../chunk-store.ts'

/** Chunks in memory at once, each 4 MiB. */
const IN_FLIGHT = 4
const ZEROS = Buffer.alloc(CHUNK_BYTES)

/** A disk that is in the chunk store now, and the SHA-256 of its raw bytes. */
export type Chunked = Readonly<{ list: ChunkList; sha256: string }>

/** Refuses a disk that is larger than is taken. */
export function refuseLargeDisk(bytes: number, limit: number): void {
  if (bytes <= limit) return
  throw new Refusal('too-large', `the disk is larger than the limit of ${limit} bytes`, {
    next: 'raise images.maxDiskGiB if it is meant to be this large',
  })
}

/** Stores the raw bytes of a disk as chunks, a few at a time; zeros cost nothing. */
export async function chunkStream(
  raw: AsyncIterable<Uint8Array>,
  { store, limit }: Readonly<{ store: ChunkStore; limit: number }>,
): Promise<Chunked> {
  const up = new ChunksUp(store)
  let buffer = await up.buffer()
  let [filled, bytes] = [0, 0]
  try {
    for await (const piece of raw) {
      bytes += piece.length
      refuseLargeDisk(bytes, limit)
      for (let at = 0; at < piece.length; ) {
        const count = Math.min(piece.length - at, CHUNK_BYTES - filled)
        buffer.set(piece.subarray(at, at + count), filled)
        at += count
        filled += count
        if (filled < CHUNK_BYTES) continue
        up.add(buffer, filled)
        buffer = await up.buffer()
        filled = 0
      }
    }
    if (filled > 0) up.add(buffer, filled)
  } finally {
    await up.settled()
  }
  return up.finish(bytes)
}

/** The same for a disk that is read at any place and knows where it is empty. */
export async function chunkDisk(
  disk: Readonly<{
    bytes: number
    read(offset: number, length: number): Promise<Uint8Array>
    isZero(offset: number, length: number): Promise<boolean>
  }>,
  store: ChunkStore,
): Promise<Chunked> {
  const up = new ChunksUp(store)
  try {
    for (let at = 0; at < disk.bytes; at += CHUNK_BYTES) {
      const length = Math.min(CHUNK_BYTES, disk.bytes - at)
      if (await disk.isZero(at, length)) {
        up.add(ZEROS, length)
        continue
      }
      const buffer = await up.buffer()
      buffer.set(await disk.read(at, length))
      up.add(buffer, length)
    }
  } finally {
    await up.settled()
  }
  return up.finish(disk.bytes)
}

/** Chunks on their way into the store. Buffers are used again: a new one for each would be garbage faster than it is collected. */
class ChunksUp {
  readonly #store: ChunkStore
  readonly #hash: Hash = createHash('sha256')
  readonly #chunks: (string | null)[] = []
  readonly #slots = new Slots(IN_FLIGHT)
  readonly #buffers: Buffer[] = []
  readonly #running = new Set<Promise<void>>()
  #made = 0
  #failed: unknown

  constructor(store: ChunkStore) {
    this.#store = store
  }

  /** Memory for the next chunk, once there is some; throws what a chunk before could not be stored for. */
  async buffer(): Promise<Buffer> {
    if (this.#buffers.length === 0 && this.#made <= IN_FLIGHT) {
      this.#made++
      this.#buffers.push(Buffer.allocUnsafeSlow(CHUNK_BYTES))
    }
    while (this.#buffers.length === 0) await Promise.race(this.#running)
    if (this.#failed) throw this.#failed
    return this.#buffers.pop()!
  }

  add(buffer: Buffer, bytes: number): void {
    const raw = buffer.subarray(0, bytes)
    const index = this.#chunks.push(null) - 1
    this.#hash.update(raw)
    const mine = buffer !== ZEROS
    if (!mine || raw.equals(ZEROS.subarray(0, bytes))) {
      if (mine) this.#buffers.push(buffer)
      return
    }
    const stored = this.#slots
      .run(async () => {
        if (!this.#failed) this.#chunks[index] = (await this.#store.add(raw)).sha256
      })
      .catch((error) => {
        this.#failed ??= error
      })
      .finally(() => {
        this.#running.delete(stored)
        this.#buffers.push(buffer)
      })
    this.#running.add(stored)
  }

  async settled(): Promise<void> {
    await Promise.all(this.#running)
  }

  finish(bytes: number): Chunked {
    if (this.#failed) throw this.#failed
    return { list: { bytes, chunks: this.#chunks }, sha256: this.#hash.digest('hex') }
  }
}

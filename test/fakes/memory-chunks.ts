import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { zstdDecompressSync } from 'node:zlib'
import type { ChunkStat, ChunkStore, Corruption, StoredChunk } from '../../src/images/chunk-store.ts'
import { type Clock, ManualClock } from '../../src/kit/clock.ts'
import { Refusal } from '../../src/kit/errors.ts'

/** Chunks in memory. `spoil` damages one, as a bad disk would. */
export class MemoryChunks implements ChunkStore {
  readonly chunks = new Map<string, { chunk: StoredChunk; storedAt: number }>()
  readonly #clock: Clock
  readonly #corrupt = new Map<string, Corruption>()
  readonly #spoiled = new Set<string>()

  constructor(clock: Clock = new ManualClock()) {
    this.#clock = clock
  }

  spoil(sha256: string): void {
    this.#spoiled.add(sha256)
  }

  async missing(hashes: readonly string[]): Promise<string[]> {
    for (const each of hashes.map((sha256) => this.chunks.get(sha256))) if (each) each.storedAt = this.#clock.now()
    return [...new Set(hashes)].filter((sha256) => !this.chunks.has(sha256))
  }

  async put(sha256: string, chunk: StoredChunk): Promise<{ added: boolean; storedBytes: number }> {
    if (createHash('sha256').update(rawOf(chunk)).digest('hex') !== sha256)
      throw new Refusal('checksum-mismatch', 'other bytes')
    const added = !this.chunks.has(sha256)
    this.chunks.set(sha256, { chunk, storedAt: this.#clock.now() })
    this.#spoiled.delete(sha256)
    this.#corrupt.delete(sha256)
    return { added, storedBytes: chunk.payload.length }
  }

  async add(raw: Uint8Array) {
    const sha256 = createHash('sha256').update(raw).digest('hex')
    return { sha256, ...(await this.put(sha256, { encoding: 'identity', payload: Uint8Array.from(raw) })) }
  }

  async get(sha256: string): Promise<StoredChunk | undefined> {
    if (this.#spoiled.has(sha256)) {
      this.chunks.delete(sha256)
      this.#corrupt.set(sha256, { sha256, detail: 'spoiled', at: this.#clock.now() })
      this.#spoiled.delete(sha256)
    }
    if (this.#corrupt.has(sha256)) throw new Refusal('corrupt', `the stored chunk ${sha256} is damaged: spoiled`)
    return this.chunks.get(sha256)?.chunk
  }

  async open(sha256: string) {
    const chunk = await this.get(sha256)
    if (!chunk) return undefined
    const { encoding, payload } = chunk
    return { encoding, bytes: payload.length, pieces: Readable.from([payload], { objectMode: false }) }
  }

  async read(sha256: string): Promise<Uint8Array | undefined> {
    const chunk = await this.get(sha256)
    return chunk && rawOf(chunk)
  }

  async *list(): AsyncGenerator<ChunkStat> {
    for (const [sha256, { chunk, storedAt }] of [...this.chunks])
      yield { sha256, storedBytes: chunk.payload.length, storedAt }
  }

  async usage() {
    const sizes = [...this.chunks.values()].map(({ chunk }) => chunk.payload.length)
    return { chunks: sizes.length, storedBytes: sizes.reduce((sum, bytes) => sum + bytes, 0) }
  }

  async remove(sha256: string, { storedBefore }: { storedBefore: number }): Promise<number> {
    const found = this.chunks.get(sha256)
    if (!found || found.storedAt >= storedBefore) return 0
    this.chunks.delete(sha256)
    return found.chunk.payload.length
  }

  corrupt(): readonly Corruption[] {
    return [...this.#corrupt.values()]
  }
}

function rawOf({ encoding, payload }: StoredChunk): Uint8Array {
  return encoding === 'zstd' ? zstdDecompressSync(payload) : payload
}

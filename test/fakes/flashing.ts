import { createHash } from 'node:crypto'
import { type Around, TaskFailure } from '../../src/agent/task.ts'
import { CHUNK_BYTES, type ChunkList } from '../../src/protocols/chunks/list.ts'

/** Random numbers from 0 up to 1 that are the same each time for one seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const ZEROS = Buffer.alloc(CHUNK_BYTES)

export const sha256Of = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

/** The list of a content, and its chunks. */
export function chunked(content: Uint8Array): { list: ChunkList; chunks: Map<string, Uint8Array> } {
  const chunks = new Map<string, Uint8Array>()
  const hashes: (string | null)[] = []
  for (let offset = 0; offset < content.length; offset += CHUNK_BYTES) {
    const chunk = content.subarray(offset, offset + CHUNK_BYTES)
    const hash = ZEROS.compare(chunk, 0, chunk.length, 0, chunk.length) === 0 ? null : sha256Of(chunk)
    hashes.push(hash)
    if (hash) chunks.set(hash, chunk)
  }
  return { list: { bytes: content.length, chunks: hashes }, chunks }
}

/** What a task runs with, of chunks in memory; remembers what was asked of it. */
export class FakeAround implements Around {
  readonly stop = new AbortController()
  readonly stopped = this.stop.signal
  readonly fetched: string[] = []
  readonly put = new Map<string, Uint8Array>()
  readonly lists = new Map<string, ChunkList>()
  readonly phases: string[] = []
  readonly lines: string[] = []
  dirty = 0
  /** Called before each chunk is handed out; may throw or change the bytes. */
  before: (sha256: string) => void = () => undefined
  readonly #chunks: Map<string, Uint8Array>

  constructor(chunks: Map<string, Uint8Array> = new Map()) {
    this.#chunks = chunks
  }

  readonly chunks = {
    list: async (sha256: string): Promise<ChunkList> => {
      const list = this.lists.get(sha256)
      if (!list) throw new TaskFailure(`no list ${sha256}`)
      return list
    },
    chunk: async (sha256: string): Promise<Uint8Array> => {
      this.before(sha256)
      this.fetched.push(sha256)
      const chunk = this.#chunks.get(sha256)
      if (!chunk) throw new TaskFailure(`the server has no chunk ${sha256}`)
      return chunk
    },
  }

  readonly uploads = {
    missing: async (hashes: readonly string[]) =>
      new Set(hashes.filter((hash) => !this.#chunks.has(hash) && !this.put.has(hash))),
    put: async (sha256: string, raw: Uint8Array) => {
      this.before(sha256)
      this.put.set(sha256, raw.slice())
    },
    putList: async (list: ChunkList) => {
      const name = sha256Of(new TextEncoder().encode(JSON.stringify(list)))
      this.lists.set(name, list)
      return name
    },
  }

  progress({ phase }: { phase?: string }): void {
    if (phase && this.phases.at(-1) !== phase) this.phases.push(phase)
  }

  log(_level: string, text: string): void {
    this.lines.push(text)
  }

  async markDirty(): Promise<void> {
    this.dirty++
  }
}

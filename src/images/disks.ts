import { fromHex } from '../kit/bytes.ts'
import { DecodeError, Refusal } from '../kit/errors.ts'
import { CHUNK_BYTES, type ChunkList, chunkLength, decodeChunkList } from '../protocols/chunks/list.ts'
import type { ChunkStore } from './chunk-store.ts'
import type { HashSet } from './hash-set.ts'
import type { DiskContent } from './image.ts'
import type { BlobStore } from './repository.ts'

/** The largest chunk list that is taken: of a disk of 2 TiB. */
export const MOST_LIST_BYTES = 16 * 2 ** 20 + 32
/** Lists that are kept in memory, in bytes of their encoded form. */
const MOST_CACHED = 32 * 2 ** 20
const LIST_HEADER_BYTES = 32
/** What one `read` of a disk may ask for. */
const MOST_READ = 64 * 2 ** 20

/** Reads `length` bytes from `offset` on; what lies behind the end is left out. */
export type DiskReader = (offset: number, length: number) => Promise<Uint8Array>

/** Finds out what is on a disk. */
export type InspectDisk = (
  read: DiskReader,
  bytes: number,
) => Promise<Readonly<{ table: 'gpt' | 'mbr' | null; filesystems: readonly string[] }>>

/** The contents of disks: chunk lists, kept as blobs, and the chunks that they name. */
export class Disks {
  readonly #blobs: BlobStore
  readonly #chunks: ChunkStore
  readonly #inspect: InspectDisk | undefined
  /** Encoded lists, the one used longest ago first. */
  readonly #cache = new Map<string, Uint8Array>()
  #cached = 0

  constructor(from: Readonly<{ blobs: BlobStore; chunks: ChunkStore; inspect?: InspectDisk | undefined }>) {
    this.#blobs = from.blobs
    this.#chunks = from.chunks
    this.#inspect = from.inspect
  }

  /** The chunk list with this SHA-256; `not-found`, `corrupt`, or `validation-failed` when it is none. */
  async list(sha256: string): Promise<ChunkList> {
    try {
      return decodeChunkList(await this.encoded(sha256))
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      throw new Refusal('validation-failed', `the bytes with the SHA-256 ${sha256} are no chunk list: ${error.message}`)
    }
  }

  /** The same as it is kept and travels. */
  async encoded(sha256: string): Promise<Uint8Array> {
    const encoded = this.#cache.get(sha256) ?? (await this.#blobs.read(sha256, MOST_LIST_BYTES))
    if (!encoded)
      throw new Refusal('not-found', `the chunk list ${sha256} is not here`, {
        next: `upload it with PUT /api/v1/uploads/${sha256} and try again`,
      })
    if (!this.#cache.delete(sha256)) this.#cached += encoded.length
    this.#cache.set(sha256, encoded)
    for (const [old, bytes] of this.#cache) {
      if (this.#cached <= MOST_CACHED || old === sha256) break
      this.#cache.delete(old)
      this.#cached -= bytes.length
    }
    return encoded
  }

  /** Whether the list names this chunk. */
  async names(list: string, chunk: string): Promise<boolean> {
    const encoded = await this.encoded(list)
    const bytes = Buffer.from(encoded.buffer, encoded.byteOffset, encoded.byteLength)
    const wanted = fromHex(chunk)
    for (let at = bytes.indexOf(wanted, LIST_HEADER_BYTES); at >= 0; at = bytes.indexOf(wanted, at + 1))
      if (at % wanted.length === 0) return wanted.some((byte) => byte !== 0)
    return false
  }

  /** Reads raw bytes of a disk. A chunk that is not here is refused (`corrupt`). */
  reader({ bytes, chunks }: ChunkList): DiskReader {
    return async (offset, length) => {
      const end = Math.min(bytes, offset + length)
      if (offset < 0 || length < 0 || length > MOST_READ) throw new RangeError(`${length} bytes at ${offset}`)
      const result = new Uint8Array(Math.max(0, end - offset))
      for (let at = offset; at < end; ) {
        const index = Math.floor(at / CHUNK_BYTES)
        const within = at - index * CHUNK_BYTES
        const count = Math.min(CHUNK_BYTES - within, end - at)
        const sha256 = chunks[index]
        if (sha256) result.set((await this.chunk(sha256)).subarray(within, within + count), at - offset)
        at += count
      }
      return result
    }
  }

  /** The raw bytes of a chunk that must be here (`corrupt`). */
  async chunk(sha256: string): Promise<Uint8Array> {
    const raw = await this.#chunks.read(sha256)
    if (raw) return raw
    throw new Refusal('corrupt', `the chunk ${sha256} is missing`, {
      next: 'push an image that has it again (reveille image push); that heals it',
    })
  }

  /**
   * What a version with this list is. All its chunks must be here (`not-found`, saying how many are not); they stay for a day, so that the
   * version can be made. `known`: the chunks of all versions so far.
   */
  async content(sha256: string, known: HashSet, rawSha256: string | null): Promise<DiskContent> {
    const list = await this.list(sha256)
    const wanted = new Set(list.chunks.filter((chunk) => chunk !== null))
    const missing = await this.#chunks.missing([...wanted])
    if (missing.length > 0)
      throw new Refusal('not-found', `${missing.length} of its ${wanted.size} chunks are not here`, {
        next: 'ask which with POST /api/v1/chunks/missing, put them, and try again',
      })
    let [allocatedBytes, addedBytes] = [0, 0]
    list.chunks.forEach((chunk, index) => {
      if (chunk === null) return
      const bytes = chunkLength(list, index)
      allocatedBytes += bytes
      // Each once, however often the disk has it.
      if (wanted.delete(chunk) && !known.has(chunk)) addedBytes += bytes
    })
    const seen = (await this.#look(list)) ?? { table: null, filesystems: [] }
    return { bytes: list.bytes, allocatedBytes, addedBytes, sha256: rawSha256, ...seen }
  }

  /** What is on a disk that nobody can make sense of is a hint that is missing, no reason to refuse it. */
  async #look(list: ChunkList) {
    try {
      return await this.#inspect?.(this.reader(list), list.bytes)
    } catch (error) {
      if (error instanceof DecodeError || error instanceof RangeError) return undefined
      throw error
    }
  }
}

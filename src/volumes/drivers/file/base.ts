import { closeSync, constants, openSync, readSync } from 'node:fs'
import type { ChunkStore } from '../../../images/chunk-store.ts'
import { asNoSpace } from '../../../images/durable/files.ts'
import { DecodeError, Refusal } from '../../../kit/errors.ts'
import { CHUNK_BYTES, type ChunkList, chunkLength } from '../../../protocols/chunks/list.ts'
import type { VolumeBase } from '../../volume.ts'
import { readLater, writeAll, writePartsLater } from './descriptors.ts'
import type { Fetch, FetchQueue } from './fetch-queue.ts'
import type { HotChunks } from './hot-chunks.ts'
import { decodeMapHeader, encodeMapHeader, MAP_HEADER_BYTES } from './map-file.ts'

/** How the content of an image version is found: its chunk list by the SHA-256 that names it. `undefined` or a `DecodeError`: missing, damaged. */
export type ChunkListOf = (sha256: string) => Promise<ChunkList | undefined>

/** Chunks that are kept in memory while there is no space for them on disk. */
const MOST_IN_MEMORY = 8
const FILLED = 1

/**
 * The content of an image version as one sparse file, shared by all volumes over it and by all processes; the kernel's page cache keeps
 * what is warm. A chunk is unpacked when it is first read, checked against its SHA-256, and written there. Beside it a file with one byte
 * for each chunk tells which are there; it counts during one boot of the kernel, for nothing here is synced. After a reboot what the file
 * holds is checked against the list first.
 */
export class Base {
  readonly list: ChunkList
  readonly data: number
  readonly hot: HotChunks
  readonly #marks: number
  readonly #filled: Uint8Array
  readonly #chunks: ChunkStore
  readonly #room: (bytes: number) => Promise<boolean>
  readonly #queue: FetchQueue
  readonly #fetching = new Map<number, Fetch<Uint8Array | undefined>>()
  readonly #inMemory = new Map<number, Uint8Array>()
  /** The file may hold chunks of a former boot. */
  readonly #old: boolean

  constructor(
    list: ChunkList,
    files: Readonly<{ data: number; marks: number; old: boolean }>,
    from: Readonly<{
      chunks: ChunkStore
      room: (bytes: number) => Promise<boolean>
      queue: FetchQueue
      hot: HotChunks
    }>,
  ) {
    this.#queue = from.queue
    this.hot = from.hot
    this.list = list
    this.data = files.data
    this.#marks = files.marks
    this.#old = files.old
    this.#chunks = from.chunks
    this.#room = from.room
    this.#filled = new Uint8Array(list.chunks.length)
    readSync(this.#marks, this.#filled, 0, this.#filled.length, MAP_HEADER_BYTES)
  }

  /** Whether a chunk is zeros: by the list, or behind its end. */
  isZero(chunk: number): boolean {
    return (this.list.chunks[chunk] ?? null) === null
  }

  /** Whether the file has a chunk. */
  has(chunk: number): boolean {
    return this.#filled[chunk] === FILLED
  }

  /** Reads a part of one chunk that was not in the file a moment ago; tells whether it had to be fetched. Readers take turns. */
  async readMissing(into: Uint8Array, at: number, chunk: number, reader: string): Promise<boolean> {
    const inMemory = this.#inMemory.get(chunk)
    const raw = inMemory ?? (this.has(chunk) ? undefined : await this.#fetched(chunk, reader))
    if (!raw) {
      await readLater(this.data, into, at)
      return false
    }
    const within = at - chunk * CHUNK_BYTES
    const found = raw.subarray(within, within + into.length)
    into.set(found)
    into.fill(0, found.length)
    return !inMemory
  }

  /** Makes the file have a chunk when no reader waits for another; tells whether there was space for it. */
  async warm(chunk: number): Promise<boolean> {
    if (this.isZero(chunk) || this.has(chunk)) return true
    if (this.#inMemory.has(chunk)) return false
    await this.#fetched(chunk, undefined)
    return this.has(chunk)
  }

  close(): void {
    this.hot.save()
    closeSync(this.data)
    closeSync(this.#marks)
  }

  #fetched(chunk: number, reader: string | undefined): Promise<Uint8Array | undefined> {
    const known = this.#fetching.get(chunk)
    if (known) {
      if (reader !== undefined) this.#queue.want(known, reader)
      return known.done
    }
    if (this.#filledByOthers(chunk)) return Promise.resolve(undefined)
    const fetch = this.#queue.add(() => this.#fetch(chunk).finally(() => this.#fetching.delete(chunk)), reader)
    this.#fetching.set(chunk, fetch)
    return fetch.done
  }

  /** Its bytes, or `undefined` when they turned out to be in the file. */
  async #fetch(chunk: number): Promise<Uint8Array | undefined> {
    if (this.#filledByOthers(chunk)) return undefined
    const sha256 = this.list.chunks[chunk]!
    const length = chunkLength(this.list, chunk)
    if (this.#old && (await this.#heldBefore(chunk, length, sha256))) return undefined
    const raw = await this.#chunks.read(sha256)
    if (!raw) throw damagedBase(`the chunk ${sha256} is missing`)
    if (raw.length !== length) throw damagedBase(`the chunk ${sha256} has ${raw.length} bytes, not ${length}`)
    if (!(await this.#keep(chunk, raw))) this.#remember(chunk, raw)
    return raw
  }

  #filledByOthers(chunk: number): boolean {
    const mark = new Uint8Array(1)
    if (readSync(this.#marks, mark, 0, 1, MAP_HEADER_BYTES + chunk) !== 1 || mark[0] !== FILLED) return false
    this.#filled[chunk] = FILLED
    return true
  }

  async #heldBefore(chunk: number, length: number, sha256: string): Promise<boolean> {
    const held = new Uint8Array(length)
    await readLater(this.data, held, chunk * CHUNK_BYTES)
    // What was never written cost nothing to read, and costs little to tell.
    if (held[0] === 0 && held[length - 1] === 0 && held.every((byte) => byte === 0)) return false
    const found = Buffer.from(await crypto.subtle.digest('SHA-256', held)).toString('hex')
    if (found === sha256) this.#mark(chunk)
    return found === sha256
  }

  async #keep(chunk: number, raw: Uint8Array): Promise<boolean> {
    if (!(await this.#room(raw.length))) return false
    try {
      await writePartsLater(this.data, [raw], chunk * CHUNK_BYTES, raw.length)
      this.#mark(chunk)
      return true
    } catch (error) {
      if (asNoSpace(error) === error) throw error
      return false
    }
  }

  #mark(chunk: number): void {
    writeAll(this.#marks, Uint8Array.of(FILLED), MAP_HEADER_BYTES + chunk)
    this.#filled[chunk] = FILLED
  }

  #remember(chunk: number, raw: Uint8Array): void {
    this.#inMemory.set(chunk, raw)
    for (const old of this.#inMemory.keys()) {
      if (this.#inMemory.size <= MOST_IN_MEMORY) break
      this.#inMemory.delete(old)
    }
  }
}

/** Opens the file that tells what is there; what is of another boot counts no more. `held`: whether the data file has anything now. */
export function openMarks(path: string, sha256: string, boot: string, held: boolean): { marks: number; old: boolean } {
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600)
  const header = new Uint8Array(MAP_HEADER_BYTES)
  const found = decodeMapHeader(header.subarray(0, readSync(fd, header, 0, header.length, 0)))
  if (found?.boot === boot && found.layer === sha256.slice(0, 16)) return { marks: fd, old: found.blocks > 0 }
  closeSync(fd)
  const fresh = openSync(path, 'w+', 0o600)
  writeAll(fresh, encodeMapHeader({ layer: sha256.slice(0, 16), boot, blocks: held ? 1 : 0 }), 0)
  return { marks: fresh, old: held }
}

export function damagedBase(why: string): Refusal {
  return new Refusal('corrupt', `the image under this volume cannot be read: ${why}`, {
    next: 'push that image again (reveille image push); that heals it',
  })
}

/** The list of a base, if it is what the volume was made over. */
export async function listOfBase(base: VolumeBase, listOf: ChunkListOf): Promise<ChunkList> {
  let list: ChunkList | undefined
  try {
    list = await listOf(base.chunks)
  } catch (error) {
    if (error instanceof DecodeError || error instanceof Refusal)
      throw damagedBase(`its chunk list ${base.chunks}: ${error.message}`)
    throw error
  }
  if (!list) throw damagedBase(`its chunk list ${base.chunks} is missing`)
  if (list.bytes !== base.bytes) throw damagedBase(`it has ${list.bytes} bytes, not ${base.bytes}`)
  return list
}

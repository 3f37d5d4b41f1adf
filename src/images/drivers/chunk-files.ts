import { randomBytes } from 'node:crypto'
import { type FileHandle, mkdir, open, readdir, rename, rm, stat, statfs, utimes } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { crc32 } from 'node:zlib'
import { hex } from '../../kit/bytes.ts'
import type { Clock } from '../../kit/clock.ts'
import { DecodeError, Refusal } from '../../kit/errors.ts'
import { Slots } from '../../kit/slots.ts'
import {
  CHUNK_HEADER_BYTES,
  decodeChunkHeader,
  encodeChunkHeader,
  MOST_PAYLOAD,
} from '../../protocols/chunks/chunk-file.ts'
import { lockFile } from '../../volumes/durable/locks.ts'
import type { ChunkStat, ChunkStore, Corruption, OpenChunk, StoredChunk } from '../chunk-store.ts'
import { absentAsUndefined, asNoSpace, errorCode, noSpace, syncDirectory, writeWhole } from '../durable/files.ts'
import { digest, pack, rawOf, readBounded, unpackGiven } from './chunk-files-pack.ts'

const SHA256 = /^[0-9a-f]{64}$/
const INCOMING = 'incoming'
const DAMAGED = 'damaged'
/** A chunk that was put or asked for this recently need not be touched again. */
const FRESH_MS = 3_600_000
/** Chunks that are looked at at once. */
const MOST_BUFFERS = 4
const PIECE_BYTES = 262_144
/** How long another process may hold a folder. */
const LOCK_MS = 30_000

type Options = Readonly<{
  /** Bytes of the file system that chunks leave free, for the database and the logs; 64 MiB unless given. */
  reserveBytes?: number
  clock?: Clock
  /** Another process owns the directory: it cleans up, this one only reads and adds. */
  shared?: boolean
}>

/**
 * Chunks as files: `DIRECTORY/ab/abcd...`, a header and the payload, written to `DIRECTORY/incoming/` first. Damaged ones are moved to
 * `DIRECTORY/damaged/`. The modification time of a file is when it was last put or asked for. One process owns the directory; others may open
 * it `shared`. So that what one deletes is not what another has just been promised, deleting and renewing lock the folder of a chunk.
 */
export class FileChunks implements ChunkStore {
  readonly #directory: string
  readonly #reserveBytes: number
  readonly #clock: Clock
  readonly #shared: boolean
  readonly #corrupt = new Map<string, Corruption>()
  /** Changes of files whose names begin alike happen one after another, so that nothing is deleted just after it was promised. */
  readonly #turns = new Map<string, Promise<unknown>>()
  /** Who asks for a chunk that is being read shares the reading. */
  readonly #reading = new Map<string, Promise<StoredChunk | undefined>>()

  /** For looking at chunks that are here already: new memory for each would be garbage faster than it is collected. */
  readonly #buffers: Buffer[] = []
  readonly #checking = new Slots(MOST_BUFFERS)
  /** Counted once, when somebody first asks, and kept right since. */
  #counting: Promise<void> | undefined
  #chunks = 0
  #storedBytes = 0

  private constructor(
    directory: string,
    { reserveBytes = 64 * 2 ** 20, clock = { now: () => Date.now() }, shared = false }: Options,
  ) {
    this.#directory = directory
    this.#shared = shared
    this.#clock = clock
    this.#reserveBytes = reserveBytes
  }

  /** Deletes what a killed process left half written, unless it is `shared`. */
  static async open(directory: string, options: Options = {}): Promise<FileChunks> {
    const store = new FileChunks(directory, options)
    if (!store.#shared) await rm(join(directory, INCOMING), { recursive: true, force: true })
    await mkdir(join(directory, INCOMING), { recursive: true, mode: 0o700 })
    await mkdir(join(directory, DAMAGED), { recursive: true, mode: 0o700 })
    // All folders at once, so that no put has to make one and its name durable.
    for (let i = 0; i < 256; i++)
      await mkdir(join(directory, hex(Uint8Array.of(i))), { mode: 0o700 }).catch((error) => {
        if (errorCode(error) !== 'EEXIST') throw error
      })
    await syncDirectory(directory)
    for (const name of await readdir(join(directory, DAMAGED))) {
      const at = (await absentAsUndefined(stat(join(directory, DAMAGED, name))))?.ctimeMs
      if (!SHA256.test(name) || at === undefined) continue
      store.#corrupt.set(name, { sha256: name, detail: 'it was set aside before the last start', at: Math.floor(at) })
    }
    return store
  }

  async missing(hashes: readonly string[]): Promise<string[]> {
    const here = new Map<string, Promise<boolean>>()
    const missing: string[] = []
    // A few at a time: each is a look at the disk.
    for (let at = 0; at < hashes.length; at += 64) {
      const some = hashes.slice(at, at + 64)
      for (const sha256 of some) if (!here.has(sha256)) here.set(sha256, this.#keep(sha256))
      for (const sha256 of new Set(some)) if (!(await here.get(sha256))) missing.push(sha256)
    }
    return [...new Set(missing)]
  }

  async put(sha256: string, chunk: StoredChunk): Promise<{ added: boolean; storedBytes: number }> {
    this.#placeOf(sha256)
    const raw = await unpackGiven(chunk)
    const found = await digest(raw)
    if (found !== sha256)
      throw new Refusal(
        'checksum-mismatch',
        `the ${raw.length} bytes received have the SHA-256 ${found}, not ${sha256}`,
        {
          next: 'send them again; they changed on the way, or another chunk was meant',
        },
      )
    return this.#keepRaw(
      sha256,
      raw,
      chunk.encoding === 'zstd' && chunk.payload.length < raw.length ? chunk : undefined,
    )
  }

  async add(raw: Uint8Array): Promise<{ sha256: string; added: boolean; storedBytes: number }> {
    const sha256 = await digest(await unpackGiven({ encoding: 'identity', payload: raw }))
    return { sha256, ...(await this.#keepRaw(sha256, raw)) }
  }

  /** `given`: the same bytes, packed already. */
  async #keepRaw(
    sha256: string,
    raw: Uint8Array,
    given?: StoredChunk,
  ): Promise<{ added: boolean; storedBytes: number }> {
    const place = this.#placeOf(sha256)
    const before = await this.#renew(sha256, place)
    if (before !== undefined) return { added: false, storedBytes: before }
    const packed = given ?? (await pack(raw))
    const temporary = join(this.#directory, INCOMING, randomBytes(12).toString('hex'))
    try {
      await this.#refuseWhenFull()
      await write(temporary, packed, raw.length)
      await this.#touch(temporary)
      return await this.#inTurn(sha256, async () => {
        const added = (await absentAsUndefined(stat(place))) === undefined
        await rename(temporary, place)
        await syncDirectory(dirname(place))
        await this.#healed(sha256)
        const storedBytes = CHUNK_HEADER_BYTES + packed.payload.length
        if (added) this.#changed(1, storedBytes)
        return { added, storedBytes }
      })
    } catch (error) {
      await rm(temporary, { force: true })
      throw asNoSpace(error)
    }
  }

  get(sha256: string): Promise<StoredChunk | undefined> {
    const running = this.#reading.get(sha256)
    if (running) return running
    const reading = this.#get(sha256).finally(() => this.#reading.delete(sha256))
    this.#reading.set(sha256, reading)
    return reading
  }

  async open(sha256: string): Promise<OpenChunk | undefined> {
    if (!SHA256.test(sha256)) return undefined
    const file = await absentAsUndefined(open(this.#placeOf(sha256), 'r'))
    if (!file) return this.#absent(sha256)
    // The check needs all of it, the sending does not: so many are checked at once, and any number sent.
    const chunk = await this.#checking.run(() => this.#borrow((buffer) => loadOpen(file, buffer)))
    if (chunk instanceof DecodeError) {
      await file.close()
      throw await this.#setAside(sha256, chunk.message)
    }
    const pieces = file.createReadStream({ start: CHUNK_HEADER_BYTES, highWaterMark: PIECE_BYTES })
    return { encoding: chunk.encoding, bytes: chunk.payload.length, pieces }
  }

  async read(sha256: string): Promise<Uint8Array | undefined> {
    const chunk = await this.get(sha256)
    if (!chunk) return undefined
    const raw = await rawOf(chunk, sha256)
    if (raw instanceof DecodeError) throw await this.#setAside(sha256, raw.message)
    return raw
  }

  async *list(): AsyncGenerator<ChunkStat> {
    for (let i = 0; i < 256; i++) {
      const folder = hex(Uint8Array.of(i))
      for (const name of await readdir(join(this.#directory, folder))) {
        if (!SHA256.test(name) || !name.startsWith(folder)) continue
        const found = await absentAsUndefined(stat(join(this.#directory, folder, name)))
        if (found) yield { sha256: name, storedBytes: found.size, storedAt: Math.floor(found.mtimeMs) }
      }
    }
  }

  async usage(): Promise<{ chunks: number; storedBytes: number }> {
    this.#counting ??= this.#count()
    await this.#counting
    return { chunks: this.#chunks, storedBytes: this.#storedBytes }
  }

  async remove(sha256: string, { storedBefore }: { storedBefore: number }): Promise<number> {
    const place = this.#placeOf(sha256)
    return this.#lockedTurn(sha256, async () => {
      const found = await absentAsUndefined(stat(place))
      if (!found || Math.floor(found.mtimeMs) >= storedBefore) return 0
      await rm(place, { force: true })
      this.#changed(-1, -found.size)
      return found.size
    })
  }

  corrupt(): readonly Corruption[] {
    return [...this.#corrupt.values()]
  }

  async #get(sha256: string): Promise<StoredChunk | undefined> {
    if (!SHA256.test(sha256)) return undefined
    const chunk = await load(this.#placeOf(sha256))
    if (chunk instanceof DecodeError) throw await this.#setAside(sha256, chunk.message)
    return chunk ?? this.#absent(sha256)
  }

  /** One that was set aside is refused as before. */
  #absent(sha256: string): undefined {
    const known = this.#corrupt.get(sha256)
    if (known) throw damaged(sha256, known.detail)
    return undefined
  }

  /** The file of a chunk. What is no SHA-256 could leave the directory. */
  #placeOf(sha256: string): string {
    if (!SHA256.test(sha256)) throw new Refusal('validation-failed', 'a SHA-256 has 64 lower-case hex digits')
    return join(this.#directory, sha256.slice(0, 2), sha256)
  }

  /** Whether a chunk is here; if so it counts as asked for now. */
  async #keep(sha256: string): Promise<boolean> {
    const place = this.#placeOf(sha256)
    const found = await absentAsUndefined(stat(place))
    if (!found || this.#clock.now() - found.mtimeMs < FRESH_MS) return found !== undefined
    return this.#inTurn(sha256, () => this.#touch(place))
  }

  /** The stored bytes of a chunk that is here and whole, now renewed; a damaged one is set aside, so that what comes heals it. */
  async #renew(sha256: string, place: string): Promise<number | undefined> {
    if (!(await absentAsUndefined(stat(place)))) return undefined
    const chunk = await this.#checking.run(() => this.#borrow((buffer) => load(place, buffer)))
    if (chunk instanceof DecodeError) await this.#setAside(sha256, chunk.message)
    if (!chunk || chunk instanceof DecodeError) return undefined
    return (await this.#inTurn(sha256, () => this.#touch(place)))
      ? CHUNK_HEADER_BYTES + chunk.payload.length
      : undefined
  }

  async #borrow<T>(work: (buffer: Buffer) => Promise<T>): Promise<T> {
    const buffer = this.#buffers.pop() ?? Buffer.allocUnsafeSlow(CHUNK_HEADER_BYTES + MOST_PAYLOAD)
    try {
      return await work(buffer)
    } finally {
      this.#buffers.push(buffer)
    }
  }

  /** Moves a damaged chunk out of the way. It is looked at once more: somebody may have healed it meanwhile. */
  #setAside(sha256: string, detail: string): Promise<Refusal> {
    const refusal = damaged(sha256, detail)
    return this.#inTurn(sha256, async () => {
      const place = this.#placeOf(sha256)
      const chunk = await load(place)
      if (!chunk || (!(chunk instanceof DecodeError) && !((await rawOf(chunk, sha256)) instanceof DecodeError)))
        return refusal
      const { size } = await stat(place)
      await rename(place, join(this.#directory, DAMAGED, sha256))
      this.#changed(-1, -size)
      this.#corrupt.set(sha256, { sha256, detail, at: this.#clock.now() })
      return refusal
    })
  }

  /** Makes a file as new as the clock says; tells whether it is there. */
  async #touch(path: string): Promise<boolean> {
    const now = this.#clock.now() / 1000
    try {
      await utimes(path, now, now)
      return true
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return false
      throw error
    }
  }

  async #count(): Promise<void> {
    for await (const { storedBytes } of this.list()) this.#changed(1, storedBytes)
  }

  #changed(chunks: number, bytes: number): void {
    if (!this.#counting) return
    this.#chunks += chunks
    this.#storedBytes += bytes
  }

  async #healed(sha256: string): Promise<void> {
    if (this.#corrupt.delete(sha256)) await rm(join(this.#directory, DAMAGED, sha256), { force: true })
  }

  async #refuseWhenFull(): Promise<void> {
    const { bavail, bsize } = await statfs(this.#directory)
    if (bavail * bsize < this.#reserveBytes + MOST_PAYLOAD) throw noSpace()
  }

  #inTurn<T>(sha256: string, work: () => Promise<T>): Promise<T> {
    // Only who deletes is in the way of other processes: the owner need not lock for anything else.
    return this.#shared ? this.#lockedTurn(sha256, work) : this.#turn(sha256, work)
  }

  #lockedTurn<T>(sha256: string, work: () => Promise<T>): Promise<T> {
    return this.#turn(sha256, async () => {
      const folder = dirname(this.#placeOf(sha256))
      const lock = await lockFile(folder, 'exclusive', { waitMs: LOCK_MS, what: folder, directory: true })
      try {
        return await work()
      } finally {
        await lock.release()
      }
    })
  }

  async #turn<T>(sha256: string, work: () => Promise<T>): Promise<T> {
    const key = sha256.slice(0, 2)
    const result = (this.#turns.get(key) ?? Promise.resolve()).then(work)
    this.#turns.set(
      key,
      result.catch(() => undefined),
    )
    return result
  }
}

async function write(path: string, { encoding, payload }: StoredChunk, rawBytes: number): Promise<void> {
  const described = { encoding, rawBytes, payloadBytes: payload.length }
  const blank = encodeChunkHeader({ ...described, crc: 0 })
  const crc = crc32(payload, crc32(blank.subarray(0, CHUNK_HEADER_BYTES - 4)))
  const file = await open(path, 'wx', 0o600)
  try {
    await writeWhole(file, encodeChunkHeader({ ...described, crc }))
    await writeWhole(file, payload)
    await file.sync()
  } finally {
    await file.close()
  }
}

type LoadedChunk = StoredChunk & { rawBytes: number }

function damaged(sha256: string, detail: string): Refusal {
  return new Refusal('corrupt', `the stored chunk ${sha256} is damaged: ${detail}`, {
    next: 'push an image that has it again (reveille image push); that heals it',
  })
}

/** The chunk in a file; what is wrong with it as a value, and `undefined` if there is none. */
async function load(path: string, buffer?: Buffer): Promise<LoadedChunk | DecodeError | undefined> {
  const file = await absentAsUndefined(open(path, 'r'))
  if (!file) return undefined
  try {
    return await loadOpen(file, buffer)
  } finally {
    await file.close()
  }
}

/** With a buffer the payload lies in it. */
async function loadOpen(file: FileHandle, buffer?: Buffer): Promise<LoadedChunk | DecodeError> {
  try {
    const bytes = await readBounded(file, buffer)
    const { encoding, rawBytes, crc } = decodeChunkHeader(bytes.subarray(0, CHUNK_HEADER_BYTES), bytes.length)
    const payload = bytes.subarray(CHUNK_HEADER_BYTES)
    if (crc32(payload, crc32(bytes.subarray(0, CHUNK_HEADER_BYTES - 4))) !== crc)
      return new DecodeError('its check sum is wrong')
    return { encoding, payload, rawBytes }
  } catch (error) {
    if (error instanceof DecodeError) return error
    // A disk that cannot read a file has damaged it as well.
    if (errorCode(error) === 'EIO') return new DecodeError('the disk cannot read it (EIO)')
    throw error
  }
}

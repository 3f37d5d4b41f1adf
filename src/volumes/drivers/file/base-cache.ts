import { closeSync, fstatSync, ftruncateSync, openSync, readdirSync, rmSync, statSync, utimesSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { ChunkStore } from '../../../images/chunk-store.ts'
import { CHUNK_BYTES } from '../../../protocols/chunks/list.ts'
import { tryLock } from '../../durable/libc.ts'
import { lockFile } from '../../durable/locks.ts'
import type { VolumeBase } from '../../volume.ts'
import { Base, type ChunkListOf, damagedBase, listOfBase, openMarks } from './base.ts'
import { FetchQueue } from './fetch-queue.ts'
import { HotChunks } from './hot-chunks.ts'

/** How long what was counted is believed, apart from what is added here. */
const COUNT_MS = 5000
/** A base that nobody uses stays open for so long: machines boot one after the other. */
const LINGER_MS = 10_000

type Kept = { base: Promise<Base>; users: number; lingering?: NodeJS.Timeout | undefined }

/** The unpacked content of image versions, bounded: those that nobody has open are deleted first, the one used longest ago before others. */
export class BaseCache {
  readonly #directory: string
  readonly #boot: string
  readonly #chunks: ChunkStore
  readonly #listOf: ChunkListOf
  readonly #mostBytes: number
  readonly #queue = new FetchQueue()
  readonly #ahead = new Map<string, Promise<void>>()
  readonly #bases = new Map<string, Kept>()
  #used = 0
  #closed = false
  #countedAt = Number.NEGATIVE_INFINITY

  constructor(
    directory: string,
    from: Readonly<{ chunks: ChunkStore; listOf: ChunkListOf; mostBytes: number; boot: string }>,
  ) {
    this.#directory = directory
    this.#boot = from.boot
    this.#chunks = from.chunks
    this.#listOf = from.listOf
    this.#mostBytes = from.mostBytes
  }

  /** One base for all volumes over it; each user gives it back with `release`. Missing chunks are refused here already (`corrupt`). */
  async take(base: VolumeBase): Promise<Base> {
    let kept = this.#bases.get(base.chunks)
    if (!kept) {
      kept = { base: this.#open(base), users: 0 }
      this.#bases.set(base.chunks, kept)
    }
    kept.users++
    clearTimeout(kept.lingering)
    try {
      const opened = await kept.base
      if (opened.list.bytes !== base.bytes) throw damagedBase(`it has ${opened.list.bytes} bytes, not ${base.bytes}`)
      return opened
    } catch (error) {
      this.#let(base.chunks, kept)
      throw error
    }
  }

  release(base: VolumeBase): void {
    const kept = this.#bases.get(base.chunks)
    if (kept) this.#let(base.chunks, kept)
  }

  /**
   * Fetches in the background what machines over this base have read when they booted, unless another process does. It takes no more than half
   * of the cache, and stops when there is no space.
   */
  ahead(base: VolumeBase): void {
    if (this.#ahead.has(base.chunks)) return
    const fetching = this.#fetchAhead(base)
      // Whoever reads a damaged chunk is told.
      .catch(() => undefined)
      .finally(() => this.#ahead.delete(base.chunks))
    this.#ahead.set(base.chunks, fetching)
  }

  /** For tests: done when nothing is fetched ahead of need any more. */
  async fetchedAhead(): Promise<void> {
    await Promise.all(this.#ahead.values())
  }

  async #fetchAhead(base: VolumeBase): Promise<void> {
    const opened = await this.take(base)
    let lock: number | undefined
    try {
      const wanted = opened.hot.expected.filter((chunk) => !opened.isZero(chunk) && !opened.has(chunk))
      if (wanted.length === 0) return
      lock = openSync(this.#path(base.chunks, 'marks'), 'r')
      if (!tryLock(lock, 'exclusive')) return
      for (const chunk of wanted.slice(0, Math.floor(this.#mostBytes / 2 / CHUNK_BYTES)))
        if (this.#closed || !(await opened.warm(chunk))) return
    } finally {
      if (lock !== undefined) closeSync(lock)
      this.release(base)
    }
  }

  /** Whether so many bytes more may be kept; deletes what nobody uses. */
  async room(bytes: number): Promise<boolean> {
    if (performance.now() - this.#countedAt > COUNT_MS) this.#count()
    if (this.#used + bytes > this.#mostBytes) this.#evict(this.#used + bytes - this.#mostBytes)
    if (this.#used + bytes > this.#mostBytes) return false
    this.#used += bytes
    return true
  }

  #let(chunks: string, kept: Kept): void {
    if (--kept.users > 0) return
    kept.base.then(
      () => {
        // Somebody may have taken it again just then.
        if (kept.users > 0) return
        kept.lingering = setTimeout(() => this.#drop(chunks, kept), this.#closed ? 0 : LINGER_MS).unref()
      },
      () => this.#bases.delete(chunks),
    )
  }

  async #drop(chunks: string, kept: Kept): Promise<void> {
    clearTimeout(kept.lingering)
    if (this.#bases.get(chunks) !== kept || kept.users > 0) return
    this.#bases.delete(chunks)
    const base = await kept.base.catch(() => undefined)
    base?.close()
  }

  /** When nobody uses a base any more. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.all(this.#ahead.values())
    for (const [chunks, kept] of this.#bases) if (kept.users === 0) await this.#drop(chunks, kept)
  }

  async #open(base: VolumeBase): Promise<Base> {
    const list = await listOfBase(base, this.#listOf)
    await this.#refuseMissing(list.chunks)
    await mkdir(this.#directory, { recursive: true, mode: 0o700 })
    // Two processes must not both find the marks of another boot.
    const lock = await lockFile(join(this.#directory, 'lock'), 'exclusive', {
      waitMs: 15_000,
      what: 'the cache of bases',
    })
    try {
      const data = openSync(this.#path(base.chunks, 'data'), 'a+', 0o600)
      closeSync(data)
      const fd = openSync(this.#path(base.chunks, 'data'), 'r+')
      tryLock(fd, 'shared')
      const bytes = list.chunks.length * CHUNK_BYTES
      const before = fstatSync(fd)
      if (before.size !== bytes) ftruncateSync(fd, bytes)
      const { marks, old } = openMarks(this.#path(base.chunks, 'marks'), base.chunks, this.#boot, before.blocks > 0)
      const now = Date.now() / 1000
      utimesSync(this.#path(base.chunks, 'marks'), now, now)
      return new Base(
        list,
        { data: fd, marks, old },
        {
          chunks: this.#chunks,
          room: (more) => this.room(more),
          queue: this.#queue,
          hot: new HotChunks(this.#directory, base, list.chunks.length),
        },
      )
    } finally {
      await lock.release()
    }
  }

  async #refuseMissing(chunks: readonly (string | null)[]): Promise<void> {
    const wanted = [...new Set(chunks.filter((chunk) => chunk !== null))]
    const missing = await this.#chunks.missing(wanted)
    if (missing.length > 0) throw damagedBase(`${missing.length} of its ${wanted.length} chunks are missing`)
  }

  #path(chunks: string, kind: 'data' | 'marks'): string {
    return join(this.#directory, `${chunks}.${kind}`)
  }

  #files(): { chunks: string; bytes: number; usedAt: number }[] {
    const files = []
    for (const name of readdirSync(this.#directory)) {
      if (!name.endsWith('.data')) continue
      const chunks = name.slice(0, -'.data'.length)
      const data = statSync(join(this.#directory, name), { throwIfNoEntry: false })
      const marks = statSync(this.#path(chunks, 'marks'), { throwIfNoEntry: false })
      if (data) files.push({ chunks, bytes: data.blocks * 512, usedAt: marks?.mtimeMs ?? 0 })
    }
    return files
  }

  #count(): void {
    this.#used = this.#files().reduce((sum, { bytes }) => sum + bytes, 0)
    this.#countedAt = performance.now()
  }

  #evict(bytes: number): void {
    let freed = 0
    const lock = openSync(join(this.#directory, 'lock'), 'a')
    // Somebody opens a base just now: next time.
    const files = tryLock(lock, 'exclusive') ? this.#files() : []
    for (const file of files.sort((a, b) => a.usedAt - b.usedAt)) {
      if (freed >= bytes) break
      if (this.#bases.has(file.chunks) || file.bytes === 0) continue
      const fd = openSync(this.#path(file.chunks, 'data'), 'r')
      // Whoever has it open, here or in another process, holds a shared lock.
      if (tryLock(fd, 'exclusive')) {
        rmSync(this.#path(file.chunks, 'marks'), { force: true })
        rmSync(this.#path(file.chunks, 'data'), { force: true })
        freed += file.bytes
      }
      closeSync(fd)
    }
    closeSync(lock)
    this.#used -= freed
  }
}

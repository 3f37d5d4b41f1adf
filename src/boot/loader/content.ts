import { type FileHandle, open } from 'node:fs/promises'
import type { LoaderFile } from './file.ts'

/** Bytes of one file, read in pieces that transfers of the same file share. */
export interface Content {
  readonly size: number
  /** Copies bytes to `target` at `at`; false when they are not in memory yet: `load` them first. */
  copy(target: Uint8Array, at: number, offset: number, length: number): boolean
  load(offset: number, length: number): Promise<void>
  close(): void
}

const PIECE = 256 * 1024

/** Opens files for transfers and keeps what they read, at most `pieces` x 256 KiB for all of them together. */
export class Contents {
  readonly #files = new Map<string, FileContent>()
  /** In the order of their last use, so that the first is the one to forget. */
  readonly #pieces = new Map<string, Uint8Array>()
  readonly #limit: number

  constructor(pieces = 256) {
    this.#limit = pieces
  }

  /** Throws what the file system says when the file cannot be read. */
  async open(file: LoaderFile): Promise<Content> {
    if ('bytes' in file) return new BytesContent(file.bytes)
    const handle = await open(file.path, 'r')
    try {
      const { dev, ino, size, mtimeMs } = await handle.stat()
      // A file that was replaced has another identity: who began with the old one ends with the old one.
      const key = `${dev}:${ino}:${size}:${mtimeMs}`
      const known = this.#files.get(key)
      if (known?.retain()) {
        await handle.close()
        return known
      }
      const content = new FileContent(handle, size, key, {
        get: (piece) => this.#get(piece),
        put: (piece, bytes) => this.#put(piece, bytes),
        forget: (prefix) => this.#forget(prefix),
      })
      this.#files.set(key, content)
      return content
    } catch (error) {
      await handle.close()
      throw error
    }
  }

  /** Bytes kept in memory now. */
  get bytes(): number {
    let sum = 0
    for (const piece of this.#pieces.values()) sum += piece.length
    return sum
  }

  #get(key: string): Uint8Array | undefined {
    const piece = this.#pieces.get(key)
    if (piece) {
      this.#pieces.delete(key)
      this.#pieces.set(key, piece)
    }
    return piece
  }

  #put(key: string, bytes: Uint8Array): void {
    this.#pieces.set(key, bytes)
    for (const oldest of this.#pieces.keys()) {
      if (this.#pieces.size <= this.#limit) break
      this.#pieces.delete(oldest)
    }
  }

  #forget(file: string): void {
    this.#files.delete(file)
    for (const key of this.#pieces.keys()) if (key.startsWith(`${file}/`)) this.#pieces.delete(key)
  }
}

class BytesContent implements Content {
  readonly #bytes: Uint8Array
  readonly size: number

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.size = bytes.length
  }

  copy(target: Uint8Array, at: number, offset: number, length: number): boolean {
    target.set(this.#bytes.subarray(offset, offset + length), at)
    return true
  }

  load(): Promise<void> {
    return Promise.resolve()
  }

  close(): void {}
}

type Pieces = Readonly<{
  get(key: string): Uint8Array | undefined
  put(key: string, bytes: Uint8Array): void
  forget(file: string): void
}>

class FileContent implements Content {
  readonly size: number
  readonly #handle: FileHandle
  readonly #key: string
  readonly #pieces: Pieces
  readonly #loading = new Map<number, Promise<void>>()
  #users = 1
  /** The piece used last, so that most copies need no look-up. */
  #current = -1
  #bytes: Uint8Array = new Uint8Array(0)

  constructor(handle: FileHandle, size: number, key: string, pieces: Pieces) {
    this.#handle = handle
    this.size = size
    this.#key = key
    this.#pieces = pieces
  }

  retain(): boolean {
    if (this.#users === 0) return false
    this.#users++
    return true
  }

  copy(target: Uint8Array, at: number, offset: number, length: number): boolean {
    for (let done = 0; done < length; ) {
      const index = Math.floor((offset + done) / PIECE)
      const piece = this.#piece(index)
      if (!piece) return false
      const from = offset + done - index * PIECE
      const count = Math.min(length - done, piece.length - from)
      // A file that became shorter under us has no more bytes to give.
      if (count <= 0) throw new Error('the file became shorter while it was sent')
      target.set(piece.subarray(from, from + count), at + done)
      done += count
    }
    return true
  }

  async load(offset: number, length: number): Promise<void> {
    const first = Math.floor(offset / PIECE)
    const last = Math.floor((offset + Math.max(1, length) - 1) / PIECE)
    const loads: Promise<void>[] = []
    for (let index = first; index <= last; index++) if (!this.#piece(index)) loads.push(this.#load(index))
    await Promise.all(loads)
  }

  close(): void {
    this.#users--
    if (this.#users > 0) return
    this.#pieces.forget(this.#key)
    void Promise.allSettled(this.#loading.values()).then(() => this.#handle.close())
  }

  #piece(index: number): Uint8Array | undefined {
    if (index === this.#current) return this.#bytes
    const piece = this.#pieces.get(`${this.#key}/${index}`)
    if (!piece) return undefined
    this.#current = index
    this.#bytes = piece
    // The next piece is read while this one is sent.
    const next = (index + 1) * PIECE < this.size
    if (next && !this.#pieces.get(`${this.#key}/${index + 1}`)) this.#load(index + 1).catch(() => undefined)
    return piece
  }

  #load(index: number): Promise<void> {
    const running = this.#loading.get(index)
    if (running) return running
    const load = this.#read(index).finally(() => this.#loading.delete(index))
    this.#loading.set(index, load)
    return load
  }

  async #read(index: number): Promise<void> {
    const offset = index * PIECE
    const bytes = new Uint8Array(Math.min(PIECE, this.size - offset))
    for (let at = 0; at < bytes.length; ) {
      const { bytesRead } = await this.#handle.read(bytes, at, bytes.length - at, offset + at)
      if (bytesRead === 0) throw new Error('the file became shorter while it was sent')
      at += bytesRead
    }
    if (this.#users > 0) this.#pieces.put(`${this.#key}/${index}`, bytes)
  }
}

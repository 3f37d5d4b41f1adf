import { type BlockDevice, SECTOR_BYTES } from '../../src/volumes/block-device.ts'

const PAGE_BYTES = 4096

/** A disk in memory, thin by pages of 4 KiB. Answers at once, or with `isSlow` later. */
export class MemoryDisk implements BlockDevice {
  readonly bytes: number
  readonly readOnly: boolean
  isSlow = false
  /** Thrown by the next calls that touch the content. */
  failure: Error | undefined
  flushes = 0
  isClosed = false
  readonly #content: Buffer
  readonly #mapped: Uint8Array

  constructor(bytes: number, readOnly = false) {
    this.bytes = bytes
    this.readOnly = readOnly
    this.#content = Buffer.alloc(bytes)
    this.#mapped = new Uint8Array(Math.ceil(bytes / PAGE_BYTES))
  }

  #done(work: () => void): undefined | Promise<void> {
    if (this.failure) throw this.failure
    if (!this.isSlow) {
      work()
      return undefined
    }
    return new Promise((resolve) => setTimeout(() => resolve(work()), 1 + Math.random() * 4))
  }

  read(into: Uint8Array, at: number): undefined | Promise<void> {
    this.#check(at, into.length)
    return this.#done(() => {
      this.#content.copy(into, 0, at, at + into.length)
    })
  }

  write(parts: readonly Uint8Array[], at: number): undefined | Promise<void> {
    this.#check(
      at,
      parts.reduce((sum, part) => sum + part.length, 0),
    )
    return this.#done(() => {
      let to = at
      for (const part of parts) {
        this.#content.set(part, to)
        to += part.length
      }
      this.#mapped.fill(1, Math.floor(at / PAGE_BYTES), Math.ceil(to / PAGE_BYTES))
    })
  }

  writeNow(parts: readonly Uint8Array[], at: number): boolean {
    if (this.isSlow) return false
    this.write(parts, at)
    return true
  }

  zero(at: number, bytes: number): undefined | Promise<void> {
    this.#check(at, bytes)
    return this.#done(() => {
      this.#content.fill(0, at, at + bytes)
      this.#mapped.fill(0, Math.ceil(at / PAGE_BYTES), Math.max(0, Math.floor((at + bytes) / PAGE_BYTES)))
    })
  }

  #check(at: number, bytes: number): void {
    if (at % SECTOR_BYTES || bytes % SECTOR_BYTES || at < 0 || at + bytes > this.bytes)
      throw new Error(`${bytes} bytes at ${at} are not within the disk`)
  }

  async flush(): Promise<void> {
    this.flushes++
  }

  allocation(at: number): { mapped: boolean; bytes: number } {
    const first = Math.floor(at / PAGE_BYTES)
    let last = first
    while (last + 1 < this.#mapped.length && this.#mapped[last + 1] === this.#mapped[first]) last++
    return { mapped: this.#mapped[first] === 1, bytes: Math.min((last + 1) * PAGE_BYTES, this.bytes) - at }
  }

  async close(): Promise<void> {
    this.isClosed = true
  }
}

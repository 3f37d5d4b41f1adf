import { checkRange, type Disk, DiskError, SECTOR_BYTES } from '../../src/agent/disk/disk.ts'

/** Thrown by a disk whose machine lost its power; nothing it would do any more happens. */
export class PowerCut extends Error {
  override name = 'PowerCut'
}

type Write = Readonly<{ offset: number; bytes: Uint8Array }>

/**
 * A disk in memory that loses what was not flushed: after `cutAfter` operations the power goes, and of the sectors written since the
 * last flush a random part is on the medium, in any order, as with a disk that has a cache.
 */
export class PowerlessDisk implements Disk {
  readonly name = 'the simulated disk'
  readonly bytes: number
  /** What a power cut would leave, whatever was not flushed set aside. */
  readonly medium: Uint8Array
  /** Bytes that were written or zeroed. */
  written = 0
  /** Bytes that were read. */
  readBytes = 0
  /** How many operations that change something or make it last were asked for. */
  operations = 0
  cutAfter = Number.POSITIVE_INFINITY
  /** Fails instead of doing what it is asked, when it returns an error name. */
  fault: (doing: 'reading' | 'writing', offset: number, length: number) => string | undefined = () => undefined
  readonly #random: () => number
  readonly #seen: Uint8Array
  #unflushed: Write[] = []
  #off = false

  constructor(medium: Uint8Array, random: () => number = Math.random) {
    this.bytes = medium.length
    this.medium = medium
    this.#seen = medium.slice()
    this.#random = random
  }

  async read(offset: number, into: Uint8Array): Promise<void> {
    this.#alive()
    checkRange(this, offset, into.length)
    this.#fail('reading', offset, into.length)
    await undefined
    this.readBytes += into.length
    into.set(this.#seen.subarray(offset, offset + into.length))
  }

  async write(offset: number, bytes: Uint8Array): Promise<void> {
    checkRange(this, offset, bytes.length)
    this.#count()
    this.#fail('writing', offset, bytes.length)
    await undefined
    this.#alive()
    this.written += bytes.length
    this.#seen.set(bytes, offset)
    this.#unflushed.push({ offset, bytes: bytes.slice() })
  }

  async zero(offset: number, length: number): Promise<void> {
    checkRange(this, offset, length)
    await this.write(offset, new Uint8Array(length))
  }

  async discard(offset: number, length: number): Promise<void> {
    checkRange(this, offset, length)
  }

  async flush(): Promise<void> {
    this.#count()
    // Only what was written before the flush began is sure to be there after it.
    const until = this.#unflushed.length
    await undefined
    this.#alive()
    for (const { offset, bytes } of this.#unflushed.splice(0, until)) this.medium.set(bytes, offset)
  }

  forget(): Promise<void> {
    return this.flush()
  }

  async close(): Promise<void> {}

  #alive(): void {
    if (this.#off) throw new PowerCut('the power is off')
  }

  #count(): void {
    this.#alive()
    if (++this.operations <= this.cutAfter) return
    this.#off = true
    for (const { offset, bytes } of this.#unflushed) this.#losePartOf(offset, bytes)
    throw new PowerCut('the power went')
  }

  /** Each stretch of some sectors survives or not; a sector never in part. */
  #losePartOf(offset: number, bytes: Uint8Array): void {
    const survives = this.#random()
    for (let done = 0; done < bytes.length; ) {
      const sectors = 1 + Math.floor(this.#random() * (this.#random() < 0.5 ? 8 : 4096))
      const end = Math.min(bytes.length, done + sectors * SECTOR_BYTES - ((offset + done) % SECTOR_BYTES))
      if (this.#random() < survives) this.medium.set(bytes.subarray(done, end), offset + done)
      done = end
    }
  }

  #fail(doing: 'reading' | 'writing', offset: number, length: number): void {
    const code = this.fault(doing, offset, length)
    if (code) throw new DiskError(this.name, doing, offset, code)
  }
}

import { Refusal } from '../../../kit/errors.ts'
import { CHUNK_BYTES } from '../../../protocols/chunks/list.ts'
import type { BlockDevice } from '../../block-device.ts'
import { punchHole } from '../../durable/libc.ts'
import { WriteTurns } from '../../durable/write-turns.ts'
import { fullPool, writeFailure, writeParts, writePartsLater } from './descriptors.ts'
import type { ReadLayer } from './frozen-layer.ts'
import { BLOCK_BYTES, DATA, stateOf, ZERO } from './map-page.ts'
import { allocationOf } from './read-volume.ts'
import type { Stack } from './stack.ts'
import type { TopLayer } from './top-layer.ts'

/**
 * A write that took longer than this made all others wait: for a while the next ones go through the thread pool, the longer the more often
 * the one after that was slow as well. A single one may just have been out of luck.
 */
const SLOW_MS = 5
const LEAST_SLOW_MS = 20
const MOST_SLOW_MS = 640
const NO_BYTES = new Uint8Array(0)

export type VolumeBounds = Readonly<{
  id: string
  bytes: number
  /** Blocks of frozen layers that count for this volume. */
  frozenBlocks: number
  limitBytes: number | null
  /** Whether the pool has space for so many bytes more. */
  hasRoom: (bytes: number) => boolean
  /** Before anything is closed. */
  closing: () => Promise<void>
  /** After everything is flushed and closed. */
  closed: () => Promise<void>
}>

/** A volume that is open for writing: one at a time in all processes. */
export class OpenVolume implements BlockDevice {
  readonly bytes: number
  readonly readOnly = false
  limitBytes: number | null
  readonly #bounds: VolumeBounds
  readonly #stack: Stack
  readonly #turns = new WriteTurns()
  #top: TopLayer
  #frozenBlocks: number
  /** Blocks that writes under way will need. */
  #promised = 0
  #slowUntil = 0
  #slowForMs = LEAST_SLOW_MS
  #flushing: Promise<void> | undefined
  #next: Promise<void> | undefined
  /** A disk that failed to keep data cannot be asked again: the kernel has forgotten what was lost (fsync(2)). */
  #lost: unknown
  #closing: Promise<void> | undefined

  constructor(stack: Stack, top: TopLayer, bounds: VolumeBounds) {
    this.#stack = stack
    this.#top = top
    this.#bounds = bounds
    this.bytes = bounds.bytes
    this.limitBytes = bounds.limitBytes
    this.#frozenBlocks = bounds.frozenBlocks
  }

  get ownBytes(): number {
    return (this.#frozenBlocks + this.#top.blocks) * BLOCK_BYTES
  }

  get dirtyBytes(): number {
    return this.#top.dirtyBytes
  }

  get isClosing(): boolean {
    return this.#closing !== undefined
  }

  get isDirty(): boolean {
    return this.#top.isDirty
  }

  read(into: Uint8Array, at: number): undefined | Promise<void> {
    return this.#stack.read(into, at)
  }

  write(parts: readonly Uint8Array[], at: number): undefined | Promise<void> {
    let bytes = 0
    for (const part of parts) bytes += part.length
    if (bytes === 0) return undefined
    const from = at - (at % BLOCK_BYTES)
    const to = roundUp(at + bytes)
    if (!this.#turns.free(from, to)) return this.#turns.wait(from, to).then(() => this.write(parts, at))
    const fresh = this.#freshBlocks(from, to)
    if (fresh > 0) this.#refuseBeyond(fresh)
    const head = at > from && !this.#hasData(from) ? at - from : 0
    const tail = to > at + bytes && !this.#hasData(to - BLOCK_BYTES) ? to - at - bytes : 0
    if (head > 0 || tail > 0) return this.#writeAround(parts, at, bytes, head, tail, fresh)
    return this.#put(parts, at, bytes, from, to, fresh)
  }

  writeNow(parts: readonly Uint8Array[], at: number): boolean {
    let bytes = 0
    for (const part of parts) bytes += part.length
    if (bytes === 0) return true
    const from = at - (at % BLOCK_BYTES)
    const to = roundUp(at + bytes)
    if (!this.#turns.free(from, to)) return false
    // The rest of a block may have to be waited for.
    if ((at > from && !this.#hasData(from)) || (to > at + bytes && !this.#hasData(to - BLOCK_BYTES))) return false
    const begun = performance.now()
    if (begun < this.#slowUntil) return false
    const fresh = this.#freshBlocks(from, to)
    if (fresh > 0) this.#refuseBeyond(fresh)
    this.#putNow(parts, at, bytes, from, to, fresh, begun)
    return true
  }

  zero(at: number, bytes: number): undefined | Promise<void> {
    if (bytes === 0) return undefined
    const from = roundUp(at)
    const wholeTo = at + bytes === this.bytes ? roundUp(at + bytes) : at + bytes - ((at + bytes) % BLOCK_BYTES)
    if (wholeTo <= from) return this.#zeroPart(at, bytes)
    if (!this.#turns.free(at, at + bytes)) return this.#turns.wait(at, at + bytes).then(() => this.zero(at, bytes))
    const head = from > at ? this.#zeroPart(at, from - at) : undefined
    const tail = wholeTo < at + bytes ? this.#zeroPart(wholeTo, at + bytes - wholeTo) : undefined
    this.#zeroBlocks(from, wholeTo)
    return head || tail ? Promise.all([head, tail]).then(() => undefined) : undefined
  }

  flush(): Promise<void> {
    if (!this.#flushing) {
      this.#flushing = this.#flushOnce().finally(() => {
        this.#flushing = undefined
      })
      return this.#flushing
    }
    // The one under way may have begun before what the caller wrote; all who come meanwhile share the next.
    this.#next ??= this.#flushing
      .catch(() => undefined)
      .then(() => {
        this.#next = undefined
        return this.flush()
      })
    return this.#next
  }

  allocation(at: number): Readonly<{ mapped: boolean; bytes: number }> {
    return allocationOf(this.#stack, at, this.bytes)
  }

  cacheUse(): Readonly<{ hitBytes: number; missBytes: number }> {
    return this.#stack.cacheUse
  }

  close(): Promise<void> {
    this.#closing ??= this.#close(async () => {
      await this.flush()
      this.#top.settle()
    })
    return this.#closing
  }

  /** For tests: lets go as a killed process would. */
  abandon(): Promise<void> {
    this.#closing ??= this.#close(async () => {
      await this.#flushing?.catch(() => undefined)
    })
    return this.#closing
  }

  async #close(last: () => Promise<void>): Promise<void> {
    await this.#bounds.closing()
    await this.#turns.alone(async () => {
      try {
        await last()
      } finally {
        this.#stack.close()
        await this.#bounds.closed()
      }
    })
  }

  /** Frozen layers became one that reads the same; `fewer`: blocks that count no more. */
  merged(ids: readonly string[], layer: ReadLayer, fewer: number): void {
    this.#stack.replace(ids, layer)
    this.#frozenBlocks -= fewer
  }

  /**
   * Freezes what was written. `commit` makes it so on disk, given the blocks of the topmost layer, and tells the layer that is written
   * next; when it fails, everything stays as it was. With nothing in the topmost layer it gets 0 and may return `undefined`. `false`: it is being
   * closed.
   */
  async freeze(commit: (blocks: number, blank: boolean) => Promise<TopLayer | undefined>): Promise<boolean> {
    // Most of it while others go on.
    await this.flush()
    return this.#turns.alone(async () => {
      if (this.#closing) return false
      await this.flush()
      const next = await commit(this.#top.blocks, this.#top.isBlank)
      if (!next) return true
      this.#top.settle()
      this.#frozenBlocks += this.#top.blocks
      this.#top = next
      this.#stack.push(next)
      return true
    })
  }

  #put(
    parts: readonly Uint8Array[],
    at: number,
    bytes: number,
    from: number,
    to: number,
    fresh: number,
  ): undefined | Promise<void> {
    const begun = performance.now()
    if (begun < this.#slowUntil)
      return this.#turns.take(from, to, () => this.#putLater(parts, at, bytes, from, to, fresh))
    this.#putNow(parts, at, bytes, from, to, fresh, begun)
    return undefined
  }

  #putNow(
    parts: readonly Uint8Array[],
    at: number,
    bytes: number,
    from: number,
    to: number,
    fresh: number,
    begun: number,
  ): void {
    try {
      writeParts(this.#top.dataFile(), parts, at, bytes)
      this.#written(from, to, bytes, fresh)
    } catch (error) {
      throw writeFailure(error)
    }
    const ended = performance.now()
    if (ended - begun <= SLOW_MS) this.#slowForMs = LEAST_SLOW_MS
    else {
      this.#slowUntil = ended + this.#slowForMs
      this.#slowForMs = Math.min(this.#slowForMs * 2, MOST_SLOW_MS)
    }
  }

  /** The blocks must be taken. */
  async #putLater(
    parts: readonly Uint8Array[],
    at: number,
    bytes: number,
    from: number,
    to: number,
    fresh: number,
  ): Promise<void> {
    this.#promised += fresh
    try {
      await writePartsLater(this.#top.dataFile(), parts, at, bytes)
      this.#written(from, to, bytes, fresh)
    } catch (error) {
      throw writeFailure(error)
    } finally {
      this.#promised -= fresh
    }
  }

  /** Blocks of which only a part is written need the rest of what they read as: the whole block goes to the topmost layer. */
  #writeAround(
    parts: readonly Uint8Array[],
    at: number,
    bytes: number,
    head: number,
    tail: number,
    fresh: number,
  ): undefined | Promise<void> {
    const before = head > 0 ? new Uint8Array(head) : NO_BYTES
    const behind = tail > 0 ? new Uint8Array(tail) : NO_BYTES
    // Nothing is behind the end of the volume but zeros.
    const behindRead = behind.subarray(0, Math.max(0, Math.min(tail, this.bytes - at - bytes)))
    const waits = [
      head > 0 ? this.#stack.read(before, at - head) : undefined,
      behindRead.length > 0 ? this.#stack.read(behindRead, at + bytes) : undefined,
    ]
    const whole = [before, ...parts, behind].filter((part) => part.length > 0)
    const start = at - head
    const all = head + bytes + tail
    const [from, to] = [start - (start % BLOCK_BYTES), roundUp(start + all)]
    if (!waits[0] && !waits[1]) return this.#put(whole, start, all, from, to, fresh)
    return this.#turns.take(from, to, async () => {
      await Promise.all(waits)
      await this.#putLater(whole, start, all, from, to, fresh)
    })
  }

  #written(from: number, to: number, bytes: number, fresh: number): void {
    this.#top.dirtyBytes += bytes
    if (fresh === 0) return
    eachChunk(from, to, (chunk, first, last) => {
      this.#top.mark(chunk, first, last, DATA)
      this.#stack.moved(chunk, first, last, false)
    })
  }

  #zeroPart(at: number, bytes: number): undefined | Promise<void> {
    const block = Math.floor((at % CHUNK_BYTES) / BLOCK_BYTES)
    if (this.#turns.free(at, at + bytes) && this.#stack.isZeros(Math.floor(at / CHUNK_BYTES), block)) {
      const last = Math.floor(((at + bytes - 1) % CHUNK_BYTES) / BLOCK_BYTES)
      if (this.#stack.isZeros(Math.floor((at + bytes - 1) / CHUNK_BYTES), last)) return undefined
    }
    return this.write([new Uint8Array(bytes)], at)
  }

  #zeroBlocks(from: number, to: number): void {
    try {
      eachChunk(from, to, (chunk, first, last) => {
        let block = first
        while (block < last && this.#stack.isZeros(chunk, block)) block++
        if (block === last) return
        this.#top.mark(chunk, first, last, ZERO)
        this.#stack.moved(chunk, first, last, true)
      })
    } catch (error) {
      throw writeFailure(error)
    }
    // The marks are there: it reads as zeros whether or not the space comes back.
    if (this.#top.data >= 0) punchHole(this.#top.data, from, to - from)
  }

  #freshBlocks(from: number, to: number): number {
    let fresh = 0
    eachChunk(from, to, (chunk, first, last) => {
      const page = this.#top.page(chunk)
      if (!page) fresh += last - first
      else for (let block = first; block < last; block++) if (stateOf(page, block) !== DATA) fresh++
    })
    return fresh
  }

  #hasData(at: number): boolean {
    const page = this.#top.page(Math.floor(at / CHUNK_BYTES))
    return page !== undefined && stateOf(page, Math.floor((at % CHUNK_BYTES) / BLOCK_BYTES)) === DATA
  }

  #refuseBeyond(fresh: number): void {
    const { limitBytes } = this
    const blocks = this.#frozenBlocks + this.#top.blocks + this.#promised + fresh
    if (limitBytes !== null && blocks * BLOCK_BYTES > limitBytes)
      throw new Refusal('no-space', `volume ${this.#bounds.id} may take ${limitBytes} bytes of its own; it has them`, {
        next: 'raise its limit, or reset it',
      })
    if (!this.#bounds.hasRoom(fresh * BLOCK_BYTES)) throw fullPool()
  }

  async #flushOnce(): Promise<void> {
    if (this.#lost) throw this.#lost
    try {
      await this.#top.flush()
    } catch (error) {
      const failure = writeFailure(error)
      if (failure === error) this.#lost = error
      throw failure
    }
  }
}

/** Calls `each` for the blocks of every chunk between two multiples of a block. */
function eachChunk(from: number, to: number, each: (chunk: number, first: number, last: number) => void): void {
  for (let at = from; at < to; ) {
    const chunk = Math.floor(at / CHUNK_BYTES)
    const start = chunk * CHUNK_BYTES
    const end = Math.min(to, start + CHUNK_BYTES)
    each(chunk, (at - start) / BLOCK_BYTES, (end - start) / BLOCK_BYTES)
    at = end
  }
}

function roundUp(at: number): number {
  return Math.ceil(at / BLOCK_BYTES) * BLOCK_BYTES
}

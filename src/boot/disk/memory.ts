import type { SegmentMemory } from '../../protocols/iscsi/pdu-reader.ts'

/** Bytes of a slab: two data segments of 256 KiB with their headers, or many small ones. */
export const SLAB_BYTES = 516 * 1024
/** What all connections receive into that are not in the midst of a large data segment. It stays in the processor's cache. */
const RECEIVE_BYTES = 256 * 1024
/** Sizes of pieces that are kept for the next who takes one, and how many of each. A data segment has padding and a digest behind it. */
const PIECES = [
  { bytes: 8 * 1024 + 64, most: 128 },
  { bytes: 64 * 1024 + 64, most: 64 },
  { bytes: 256 * 1024 + 64, most: 32 },
  { bytes: 1024 * 1024 + 64, most: 8 },
] as const

/** A piece of memory that answers are built in. It goes back to its pool when nobody holds it. */
export type Slab = { readonly bytes: Buffer; holders: number }

/**
 * What all connections of a process use together for answers and for written data. Slabs and pieces are given out again in the order in which
 * they are warm in the processor's cache. It never refuses; those who ask look at `isTight` before they take on more work.
 */
export class Memory implements SegmentMemory {
  readonly limit: number
  #used = 0
  readonly #free: Slab[] = []
  readonly #pieces: Buffer[][] = PIECES.map(() => [])
  #receiving: Buffer | undefined
  readonly #waiting = new Set<() => void>()
  #isWaking = false

  constructor(limit: number) {
    this.limit = limit
  }

  get used(): number {
    return this.#used
  }

  get isTight(): boolean {
    return this.#used > this.limit
  }

  /** What is received into between turns of the event loop. Nobody may keep a part of it. */
  get receiving(): Buffer {
    this.#receiving ??= Buffer.allocUnsafeSlow(RECEIVE_BYTES)
    return this.#receiving
  }

  /** A piece of at least so many bytes for what was received. */
  take(bytes: number): Buffer {
    const size = PIECES.findIndex((one) => one.bytes >= bytes)
    const piece = this.#pieces[size]?.pop() ?? Buffer.allocUnsafeSlow(PIECES[size]?.bytes ?? bytes)
    this.add(piece.length)
    return piece
  }

  /** Gives back what was taken, as a whole. */
  give(piece: Buffer): void {
    const size = PIECES.findIndex((one) => one.bytes === piece.length)
    if (size >= 0 && this.#pieces[size]!.length < PIECES[size]!.most) this.#pieces[size]!.push(piece)
    this.remove(piece.length)
  }

  add(bytes: number): void {
    this.#used += bytes
  }

  remove(bytes: number): void {
    this.#used -= bytes
    if (this.#waiting.size > 0 && !this.isTight && !this.#isWaking) this.#wake()
  }

  /** Calls once when there is room again, in turn. Whoever is called takes one thing on; who wants more waits again, behind the others. */
  wait(wake: () => void): void {
    this.#waiting.add(wake)
  }

  forget(wake: () => void): void {
    this.#waiting.delete(wake)
  }

  #wake(): void {
    this.#isWaking = true
    try {
      for (const wake of this.#waiting) {
        if (this.isTight) break
        this.#waiting.delete(wake)
        wake()
      }
    } finally {
      this.#isWaking = false
    }
  }

  takeSlab(): Slab {
    this.#used += SLAB_BYTES
    const slab = this.#free.pop() ?? { bytes: Buffer.allocUnsafeSlow(SLAB_BYTES), holders: 0 }
    slab.holders = 1
    return slab
  }

  release(slab: Slab): void {
    if (--slab.holders > 0) return
    // A few are kept for the next answers, the rest is for the garbage collector.
    if (this.#free.length < 64) this.#free.push(slab)
    this.remove(SLAB_BYTES)
  }
}

/** Bytes of a slab: two data segments of 256 KiB do not quite fit, many small ones do. */
export const SLAB_BYTES = 512 * 1024

/** A piece of memory that answers are built in. It goes back to its pool when nobody holds it. */
export type Slab = { readonly bytes: Buffer; holders: number }

/**
 * What all connections of a process use together for answers and for written data. Slabs are given out again in the order in which they
 * are warm in the processor's cache. It never refuses; those who ask look at `isTight` before they take on more work.
 */
export class Memory {
  readonly limit: number
  #used = 0
  readonly #free: Slab[] = []
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

  /** Taken by written data that was received. */
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

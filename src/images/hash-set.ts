/**
 * A set of SHA-256 in 16 bytes each, so that a library of millions of chunks fits in memory. It tells them apart by their first 52 bits: it
 * may very rarely say that something is there which is not, never the reverse. Who uses it must be safe with that.
 */
export class HashSet {
  #slots = new Float64Array(1024)
  #size = 0

  get size(): number {
    return this.#size
  }

  has(sha256: string): boolean {
    const key = keyOf(sha256)
    return this.#slots[this.#find(key)] === key
  }

  /** Tells whether it was new. */
  add(sha256: string): boolean {
    const key = keyOf(sha256)
    const at = this.#find(key)
    if (this.#slots[at] === key) return false
    this.#slots[at] = key
    if (++this.#size * 2 > this.#slots.length) this.#grow()
    return true
  }

  #find(key: number): number {
    const most = this.#slots.length
    let at = key % most
    while (this.#slots[at] !== 0 && this.#slots[at] !== key) at = (at + 1) % most
    return at
  }

  #grow(): void {
    const old = this.#slots
    this.#slots = new Float64Array(old.length * 2)
    for (const key of old) if (key !== 0) this.#slots[this.#find(key)] = key
  }
}

/** Never 0, which means an empty slot. */
function keyOf(sha256: string): number {
  return Number.parseInt(sha256.slice(0, 13), 16) + 1
}

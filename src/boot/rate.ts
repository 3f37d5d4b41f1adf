import type { Clock } from '../kit/clock.ts'

/** Addresses that are counted at the same time; more are taken together as one. */
const MAX_ADDRESSES = 20_000

/** Counts requests of each address in seconds of the clock and says when one asks too often. Memory is bounded. */
export class RateLimit {
  readonly #clock: Clock
  readonly #perSecond: number
  readonly #counts = new Map<string, number>()
  #second = 0

  constructor(clock: Clock, perSecond: number) {
    this.#clock = clock
    this.#perSecond = perSecond
  }

  allows(address: string): boolean {
    const second = Math.floor(this.#clock.now() / 1000)
    if (second !== this.#second) {
      this.#second = second
      this.#counts.clear()
    }
    const key = this.#counts.size < MAX_ADDRESSES || this.#counts.has(address) ? address : 'others'
    const count = (this.#counts.get(key) ?? 0) + 1
    this.#counts.set(key, count)
    return count <= this.#perSecond
  }
}

/** At most so many packets in each second of one client. Memory is bounded by what arrives in one second. */
export class RateLimit {
  readonly #perSecond: number
  readonly #counts = new Map<string, number>()
  #second = 0

  constructor(perSecond: number) {
    this.#perSecond = perSecond
  }

  /** Counts a packet; false when the client had its share. `now` is in ms. */
  admits(client: string, now: number): boolean {
    const second = Math.floor(now / 1000)
    if (second !== this.#second) {
      this.#second = second
      this.#counts.clear()
    }
    const count = (this.#counts.get(client) ?? 0) + 1
    this.#counts.set(client, count)
    return count <= this.#perSecond
  }
}

/** How fast something goes, over the last seconds rather than since its beginning: a pause shows, and is then forgotten. */
const WINDOW_MS = 10_000

export type Pace = Readonly<{ bytesPerSecond: number; secondsLeft: number | null }>

export class Rate {
  #seen: { at: number; done: number }[] = []

  /** `at` in milliseconds; `done` never falls. */
  note(at: number, done: number): void {
    const last = this.#seen.at(-1)
    // Progress comes hundreds of times a second; five of them are enough.
    if (last && at - last.at < 200 && this.#seen.length > 1) this.#seen.pop()
    this.#seen.push({ at, done })
    while (this.#seen.length > 2 && at - this.#seen[1]!.at >= WINDOW_MS) this.#seen.shift()
  }

  /** `secondsLeft` is `null` while nothing can be said of it. */
  of(total: number): Pace {
    const first = this.#seen[0]
    const last = this.#seen.at(-1)
    if (!first || !last || last.at - first.at < 500) return { bytesPerSecond: 0, secondsLeft: null }
    const bytesPerSecond = (1000 * (last.done - first.done)) / (last.at - first.at)
    return {
      bytesPerSecond,
      secondsLeft: bytesPerSecond > 0 ? Math.max(0, (total - last.done) / bytesPerSecond) : null,
    }
  }
}

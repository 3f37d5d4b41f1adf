/** Where time comes from, so that tests can set it. */
export interface Clock {
  /** Milliseconds since 1970 (UTC). */
  now(): number
}

/** A clock that stands still until told to move. */
export class ManualClock implements Clock {
  #now: number

  constructor(now = 1_800_000_000_000) {
    this.#now = now
  }

  now(): number {
    return this.#now
  }

  advance(ms: number): void {
    this.#now += ms
  }
}

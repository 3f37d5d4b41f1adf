/** How patient we are with one BMC; milliseconds. Many answer in 2 ms, some in 2 s, and some freeze when they are pressed. */
export const PACE = {
  /** Before anything was heard of it. */
  firstWaitMs: 1000,
  leastWaitMs: 500,
  mostWaitMs: 4000,
  backOff: 1.5,
  mostPatience: 8,
  /** Between an answer and the next request. */
  leastGapMs: 2,
  /** The gap after a time-out; doubled with each further one, halved with each answer. */
  slowGapMs: 100,
  mostGapMs: 2000,
} as const

/** When to send again, and when to send next: learnt from what the BMC took so far (as RFC 6298 does). Pure. */
export class Pace {
  #smoothed: number | undefined
  #variation = 0
  /** Above 1 while answers come only after something was sent again: what was learnt is too short then. */
  #patience = 1
  #gap: number = PACE.leastGapMs

  /** How long to wait for the answer of the attempt with this number, counted from 0. */
  waitMs(attempt: number): number {
    const learnt = this.#smoothed === undefined ? PACE.firstWaitMs : this.#smoothed + 4 * this.#variation
    const first = Math.min(PACE.mostWaitMs, this.#patience * Math.max(PACE.leastWaitMs, learnt))
    return Math.round(Math.min(PACE.mostWaitMs, first * PACE.backOff ** attempt))
  }

  get gapMs(): number {
    return this.#gap
  }

  /** `tookMs`: only of requests that were sent once; of others nobody knows which one was answered (Karn). */
  answered(tookMs: number | undefined): void {
    this.#gap = this.#gap <= PACE.slowGapMs ? PACE.leastGapMs : this.#gap / 2
    if (tookMs === undefined) {
      this.#patience = Math.min(PACE.mostPatience, this.#patience * PACE.backOff)
      return
    }
    this.#patience = 1
    if (this.#smoothed === undefined) {
      this.#smoothed = tookMs
      this.#variation = tookMs / 2
      return
    }
    this.#variation = 0.75 * this.#variation + 0.25 * Math.abs(this.#smoothed - tookMs)
    this.#smoothed = 0.875 * this.#smoothed + 0.125 * tookMs
  }

  silent(): void {
    this.#gap = Math.min(PACE.mostGapMs, Math.max(PACE.slowGapMs, this.#gap * 2))
  }
}

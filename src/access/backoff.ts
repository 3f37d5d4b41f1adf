import type { Clock } from '../kit/clock.ts'
import { Refusal } from '../kit/errors.ts'

type Entry = { failures: number; until: number }

export type BackoffLimits = Readonly<{
  /** Failures that cost nothing. */
  free: number
  firstWaitMs: number
  longestWaitMs: number
  /** Failures older than this are forgotten. */
  forgetMs: number
  /** Keys remembered at most; beyond, those that wait least are forgotten first. */
  keys: number
}>

/** Slows down guessing: after some free failures each further one doubles the wait of its key. */
export class Backoff {
  readonly #clock: Clock
  readonly #limits: BackoffLimits
  readonly #entries = new Map<string, Entry>()

  constructor(clock: Clock, limits: BackoffLimits) {
    this.#clock = clock
    this.#limits = limits
  }

  /** Milliseconds this key must still wait; 0: go on. */
  wait(key: string): number {
    const wait = (this.#entries.get(key)?.until ?? 0) - this.#clock.now()
    // The clock was set back: nobody was made to wait that long, and they must not be locked out until it catches up.
    if (wait > this.#limits.longestWaitMs) this.#entries.delete(key)
    return wait > this.#limits.longestWaitMs ? 0 : Math.max(0, wait)
  }

  /** Counts a failure. Call it before the check, so that parallel guesses are all counted, and `forgive` after a success. */
  fail(key: string): void {
    const now = this.#clock.now()
    const { free, firstWaitMs, longestWaitMs, forgetMs } = this.#limits
    const old = this.#entries.get(key)
    const failures = old && now - old.until < forgetMs ? old.failures + 1 : 1
    const wait = failures <= free ? 0 : Math.min(firstWaitMs * 2 ** Math.min(failures - free - 1, 30), longestWaitMs)
    this.#entries.delete(key)
    this.#entries.set(key, { failures, until: now + wait })
    if (this.#entries.size > this.#limits.keys) this.#shrink(now)
  }

  forgive(key: string): void {
    this.#entries.delete(key)
  }

  #shrink(now: number): void {
    for (const [key, entry] of this.#entries) if (now - entry.until >= this.#limits.forgetMs) this.#entries.delete(key)
    while (this.#entries.size > this.#limits.keys) {
      const oldest = this.#entries.keys().next()
      if (oldest.done) return
      this.#entries.delete(oldest.value)
    }
  }
}

/** A refusal that says when to come back. */
export class TooManyRequests extends Refusal {
  readonly retryAfterSeconds: number

  constructor(detail: string, waitMs: number) {
    const seconds = Math.max(1, Math.ceil(waitMs / 1000))
    super('too-many-requests', detail, {
      next: `wait ${seconds} ${seconds === 1 ? 'second' : 'seconds'} and try again`,
    })
    this.retryAfterSeconds = seconds
  }
}

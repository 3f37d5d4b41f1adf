import { GUESSES_OF_ADDRESS, GUESSES_ON_BMC, MOST_GUESSERS } from './limits.ts'

type Bucket = { left: number; at: number }
type Rate = Readonly<{ burst: number; everyMs: number }>

/** Counts logins that failed, so that passwords cannot be tried without end. Bounded: see `MOST_GUESSERS`. */
export class Guesses {
  readonly #buckets = new Map<string, Bucket>()

  /** Whether this address must wait before it may log in here. Told before anybody looks at who it says it is. */
  isLocked(address: string, endpoint: string, now: number): boolean {
    return (
      this.#left(`${address} ${endpoint}`, GUESSES_ON_BMC, now) < 1 || this.#left(address, GUESSES_OF_ADDRESS, now) < 1
    )
  }

  /** A login that failed, or that was given up after the BMC's proof was had (which is how passwords are guessed elsewhere). */
  failed(address: string, endpoint: string, now: number): void {
    this.#take(`${address} ${endpoint}`, GUESSES_ON_BMC, now)
    this.#take(address, GUESSES_OF_ADDRESS, now)
  }

  #left(key: string, rate: Rate, now: number): number {
    const bucket = this.#buckets.get(key)
    // The clock was set back: nobody is to wait until it catches up.
    return bucket && bucket.at <= now
      ? Math.min(rate.burst, bucket.left + (now - bucket.at) / rate.everyMs)
      : rate.burst
  }

  #take(key: string, rate: Rate, now: number): void {
    const left = Math.max(0, this.#left(key, rate, now) - 1)
    this.#buckets.delete(key)
    this.#buckets.set(key, { left, at: now })
    for (const oldest of this.#buckets.keys()) {
      if (this.#buckets.size <= MOST_GUESSERS) break
      this.#buckets.delete(oldest)
    }
  }
}

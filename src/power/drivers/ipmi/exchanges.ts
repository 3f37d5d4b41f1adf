import { Pace } from './pace.ts'
import { type Exchange, mostTries } from './steps.ts'

/** The one thing that is waited for, its tries, and the pause before the next one. */
export class Exchanges {
  readonly #pace = new Pace()
  readonly #send: (bytes: Uint8Array) => void
  current: Exchange | undefined
  /** Nothing is begun before. */
  notBefore = 0
  /** Whether the BMC answered anything since the work began. */
  wasHeard = false
  /** Whether anything went out more than once since this was set to false. */
  sentTwice = false

  constructor(send: (bytes: Uint8Array) => void) {
    this.#send = send
  }

  begin(now: number, exchange: Omit<Exchange, 'startedAt' | 'tries' | 'wakeAt'>): void {
    this.current = { ...exchange, startedAt: now, tries: 0, wakeAt: 0 }
    this.#try(now, this.current)
  }

  /** No answer came in time: sends again, or returns what is given up and waited for no more. */
  retry(now: number, exchange: Exchange): Exchange | undefined {
    this.#pace.silent()
    if (exchange.tries < mostTries(exchange, this.wasHeard)) {
      this.#try(now, exchange)
      return undefined
    }
    this.current = undefined
    return exchange
  }

  #try(now: number, exchange: Exchange): void {
    exchange.wakeAt = now + Math.max(this.#pace.waitMs(exchange.tries), exchange.alone ?? 0)
    exchange.tries++
    if (exchange.tries > 1) this.sentTwice = true
    this.#send(exchange.make())
  }

  answered(now: number, exchange: Exchange): void {
    this.wasHeard = true
    this.current = undefined
    this.#pace.answered(exchange.tries === 1 ? now - exchange.startedAt : undefined)
    this.notBefore = now + this.#pace.gapMs
  }

  drop(): void {
    this.current = undefined
  }
}

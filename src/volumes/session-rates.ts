import type { Clock } from '../kit/clock.ts'
import type { Session, SessionCounters } from './engine.ts'

export type Rates = Readonly<{
  readsPerSecond: number
  writesPerSecond: number
  readBytesPerSecond: number
  writtenBytesPerSecond: number
}>

const NONE: Rates = { readsPerSecond: 0, writesPerSecond: 0, readBytesPerSecond: 0, writtenBytesPerSecond: 0 }

type Sample = { at: number; counters: SessionCounters; rates: Rates; activeAt: number | undefined }

/** What sessions do each second, from their counters. */
export class SessionRates {
  readonly #clock: Clock
  #samples = new Map<string, Sample>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** To be called each second with all sessions. */
  sample(sessions: readonly Session[]): void {
    const at = this.#clock.now()
    const next = new Map<string, Sample>()
    for (const { id, counters } of sessions) {
      if (!counters) continue
      const before = this.#samples.get(id)
      next.set(id, before ? since(before, counters, at) : { at, counters, rates: NONE, activeAt: undefined })
    }
    this.#samples = next
  }

  of(session: string): Rates {
    return this.#samples.get(session)?.rates ?? NONE
  }

  /** When a session was last seen to do something; `undefined` when never. */
  lastActive(session: string): number | undefined {
    return this.#samples.get(session)?.activeAt
  }
}

function since(before: Sample, counters: SessionCounters, at: number): Sample {
  const seconds = (at - before.at) / 1000
  if (seconds <= 0) return before
  const rate = (of: 'reads' | 'writes' | 'bytesRead' | 'bytesWritten') =>
    Math.max(0, counters[of] - before.counters[of]) / seconds
  const rates = {
    readsPerSecond: rate('reads'),
    writesPerSecond: rate('writes'),
    readBytesPerSecond: rate('bytesRead'),
    writtenBytesPerSecond: rate('bytesWritten'),
  }
  const busy = rates.readsPerSecond + rates.writesPerSecond > 0
  return { at, counters, rates, activeAt: busy ? at : before.activeAt }
}

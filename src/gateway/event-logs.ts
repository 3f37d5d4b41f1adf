import type { Clock } from '../kit/clock.ts'
import type { BmcEvent, GatewayRepository } from './bmc.ts'

/** Failed logins of one BMC that are written at once, and then one each `EVERY_MS`; the others are counted. */
const BURST = 10
const EVERY_MS = 30_000
const MOST_TEXT = 200
/** Logs that are kept in memory, those that were read last: clients read them entry by entry. */
const MOST_READ = 64

export type NewBmcEvent = Readonly<Pick<BmcEvent, 'kind' | 'severity' | 'text'>>

type Log = {
  nextId: number
  credit: number
  creditAt: number
  leftOut: number
  last: Promise<unknown>
}

type Parts = Readonly<{ repository: GatewayRepository; clock: Clock; most: number }>

/** The logs of all BMCs: each holds its newest entries. */
export class EventLogs {
  readonly #with: Parts
  readonly #logs = new Map<string, Log>()
  /** In the order in which they were read. */
  readonly #read = new Map<string, readonly BmcEvent[]>()

  constructor(parts: Parts) {
    this.#with = parts
  }

  /** Begins a log, or goes on behind its entry `lastId`. */
  begin(machine: string, lastId = 0): void {
    const creditAt = this.#with.clock.now()
    this.#logs.set(machine, { nextId: lastId + 1, credit: BURST, creditAt, leftOut: 0, last: Promise.resolve() })
  }

  /** Oldest first. */
  async of(machine: string): Promise<readonly BmcEvent[]> {
    const log = this.#logs.get(machine)
    if (!log) return []
    const known = this.#read.get(machine)
    if (known) {
      this.#keep(machine, known)
      return known
    }
    // In its turn: what is kept must not be older than what was added meanwhile.
    return this.#alone(log, async () => {
      const entries = await this.#with.repository.events(machine)
      if (this.#logs.get(machine) === log) this.#keep(machine, entries)
      return entries
    })
  }

  /** Durable when it resolves. Nothing happens for a machine without a BMC. */
  async add(machine: string, { kind, severity, text }: NewBmcEvent): Promise<void> {
    const log = this.#logs.get(machine)
    if (!log) return
    if (kind === 'login' && severity !== 'ok' && !this.#affordable(log)) {
      log.leftOut++
      return
    }
    const more = log.leftOut > 0 ? ` (before this, ${log.leftOut} failed logins were not written)` : ''
    log.leftOut = 0
    await this.#alone(log, async () => {
      const event = { machine, id: log.nextId, at: this.#with.clock.now(), kind, severity, text: plain(text) + more }
      // Ids have no gaps.
      await this.#with.repository.addEvent(event, event.id - this.#with.most + 1)
      log.nextId++
      this.#read.delete(machine)
    })
  }

  async clear(machine: string): Promise<void> {
    const log = this.#logs.get(machine)
    if (!log) return
    await this.#alone(log, async () => {
      await this.#with.repository.clearEvents(machine)
      this.#read.delete(machine)
    })
  }

  /** The BMC is gone, and its log with it. */
  forget(machine: string): void {
    this.#logs.delete(machine)
    this.#read.delete(machine)
  }

  #keep(machine: string, entries: readonly BmcEvent[]): void {
    this.#read.delete(machine)
    this.#read.set(machine, entries)
    for (const oldest of this.#read.keys()) {
      if (this.#read.size <= MOST_READ) break
      this.#read.delete(oldest)
    }
  }

  #alone<T>(log: Log, work: () => Promise<T>): Promise<T> {
    const result = log.last.then(work)
    log.last = result.catch(() => undefined)
    return result
  }

  #affordable(log: Log): boolean {
    const now = this.#with.clock.now()
    const earned = Math.floor((now - log.creditAt) / EVERY_MS)
    log.credit = Math.min(BURST, log.credit + earned)
    log.creditAt += earned * EVERY_MS
    if (log.credit <= 0) return false
    log.credit--
    return true
  }
}

/** One line: a log must not be forged by the names it quotes. */
function plain(text: string): string {
  const line = text.replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, ' ')
  return line.length > MOST_TEXT ? `${line.slice(0, MOST_TEXT - 1)}…` : line
}

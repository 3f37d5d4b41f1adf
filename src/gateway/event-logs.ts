import type { Clock } from '../kit/clock.ts'
import type { BmcEvent, GatewayRepository } from './bmc.ts'

/** Failed logins of one BMC that are written at once, and then one each `EVERY_MS`; the others are counted. */
const BURST = 10
const EVERY_MS = 30_000
const MOST_TEXT = 200

export type NewBmcEvent = Readonly<Pick<BmcEvent, 'kind' | 'severity' | 'text'>>

type Log = {
  entries: BmcEvent[]
  nextId: number
  credit: number
  creditAt: number
  leftOut: number
  last: Promise<unknown>
}

/** The logs of all BMCs: each holds its newest entries, in memory and on disk. */
export class EventLogs {
  readonly #with: Readonly<{ repository: GatewayRepository; clock: Clock; most: number }>
  readonly #logs = new Map<string, Log>()

  constructor(parts: Readonly<{ repository: GatewayRepository; clock: Clock; most: number }>) {
    this.#with = parts
  }

  async load(machine: string): Promise<void> {
    const entries = (await this.#with.repository.events(machine)).slice(-this.#with.most)
    const nextId = (entries.at(-1)?.id ?? 0) + 1
    const creditAt = this.#with.clock.now()
    this.#logs.set(machine, { entries, nextId, credit: BURST, creditAt, leftOut: 0, last: Promise.resolve() })
  }

  /** Oldest first. */
  of(machine: string): readonly BmcEvent[] {
    return this.#logs.get(machine)?.entries ?? []
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
      const { most, repository } = this.#with
      const keepFrom = log.entries.length < most ? 0 : log.entries[log.entries.length - most + 1]!.id
      await repository.addEvent(event, keepFrom)
      log.nextId++
      log.entries = [...log.entries.slice(-(most - 1)), event]
    })
  }

  async clear(machine: string): Promise<void> {
    const log = this.#logs.get(machine)
    if (!log) return
    await this.#alone(log, async () => {
      await this.#with.repository.clearEvents(machine)
      log.entries = []
    })
  }

  /** The BMC is gone, and its log with it. */
  forget(machine: string): void {
    this.#logs.delete(machine)
  }

  async #alone<T>(log: Log, work: () => Promise<T>): Promise<T> {
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

import type { Clock } from '../kit/clock.ts'
import type { AccessRepository } from './repository.ts'
import type { AuditEntry } from './user.ts'

/** Entries of strangers (nobody logged in) that may come at once, and then one each `EVERY_MS`. */
const BURST = 60
const EVERY_MS = 2000

export type Deed = Omit<AuditEntry, 'id' | 'at'>

/**
 * Who changed what, from where, and how it ended. Refusals of strangers are counted beyond a rate instead of written, so that
 * nobody can fill the disk without a login; the next entry says how many were left out.
 */
export class Audit {
  readonly #repository: AccessRepository
  readonly #clock: Clock
  #credit = BURST
  #creditAt: number
  #leftOut = 0

  constructor(parts: { repository: AccessRepository; clock: Clock }) {
    this.#repository = parts.repository
    this.#clock = parts.clock
    this.#creditAt = parts.clock.now()
  }

  /** Resolves when the entry is durable. `stranger`: nobody proved who they are. */
  async record(deed: Deed, stranger = false): Promise<void> {
    if (stranger && !this.#affordable()) {
      this.#leftOut++
      return
    }
    const more = this.#leftOut > 0 ? ` (before this, ${this.#leftOut} refusals without a login were not written)` : ''
    this.#leftOut = 0
    await this.#repository.appendAudit({
      at: this.#clock.now(),
      who: plain(deed.who, 100),
      via: deed.via,
      address: plain(deed.address, 100),
      action: deed.action,
      subject: plain(deed.subject, 200),
      outcome: deed.outcome,
      detail: plain(deed.detail, 500) + more,
    })
  }

  list(query: Parameters<AccessRepository['audit']>[0]): Promise<AuditEntry[]> {
    return this.#repository.audit(query)
  }

  #affordable(): boolean {
    const now = this.#clock.now()
    const earned = Math.floor((now - this.#creditAt) / EVERY_MS)
    this.#credit = Math.min(BURST, this.#credit + earned)
    this.#creditAt += earned * EVERY_MS
    if (this.#credit <= 0) return false
    this.#credit--
    return true
  }
}

/** One line without control characters: an audit log must not be forged by what it quotes. */
function plain(text: string, most: number): string {
  const line = text.replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, ' ')
  return line.length > most ? `${line.slice(0, most - 1)}…` : line
}

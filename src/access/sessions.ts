import type { Clock } from '../kit/clock.ts'
import type { Log } from '../kit/log.ts'
import { Secret } from '../kit/secret.ts'
import type { AccessRepository } from './repository.ts'
import { fingerprint, newSecret } from './secrets.ts'
import type { Session } from './user.ts'

/** A session ends this long after it was used last, in ms. */
export const IDLE_MS = 12 * 3_600_000
/** A session ends this long after the login, however busy, in ms. */
export const ABSOLUTE_MS = 7 * 86_400_000
/** How late the end of a busy session may be on disk, in ms. */
const TOUCH_MS = 300_000
/** Sessions of one user; the oldest ends when one more begins. */
const PER_USER = 50

/** Logins of people. The secret goes to the browser alone; here only its fingerprint is kept. */
export class Sessions {
  readonly #repository: AccessRepository
  readonly #clock: Clock
  readonly #log: Log
  readonly #byHash: Map<string, Session>

  constructor(parts: { repository: AccessRepository; clock: Clock; log: Log }, sessions: readonly Session[]) {
    this.#repository = parts.repository
    this.#clock = parts.clock
    this.#log = parts.log
    this.#byHash = new Map(sessions.map((session) => [session.hash, session]))
  }

  async start(user: string, address: string): Promise<Secret> {
    const mine = [...this.#byHash.values()].filter((session) => session.user === user)
    mine.sort((a, b) => a.createdAt - b.createdAt)
    for (const session of mine.slice(0, Math.max(0, mine.length - PER_USER + 1))) await this.#end(session.hash)
    const secret = new Secret(newSecret())
    const now = this.#clock.now()
    const hash = fingerprint(secret.reveal())
    const session = { hash, user, createdAt: now, expiresAt: now + IDLE_MS, address }
    await this.#repository.saveSession(session)
    this.#byHash.set(hash, session)
    return secret
  }

  /** The user of a living session; asking keeps it alive. */
  userOf(secret: string): string | undefined {
    const session = this.#byHash.get(fingerprint(secret))
    if (!session) return undefined
    const now = this.#clock.now()
    if (session.expiresAt <= now) {
      this.#byHash.delete(session.hash)
      return undefined
    }
    const expiresAt = Math.min(now + IDLE_MS, session.createdAt + ABSOLUTE_MS)
    if (expiresAt - session.expiresAt > TOUCH_MS) this.#prolong({ ...session, expiresAt })
    return session.user
  }

  async end(secret: string): Promise<void> {
    await this.#end(fingerprint(secret))
  }

  /** Ends all sessions of a user but the one with this secret. */
  async endOf(user: string, but?: string): Promise<void> {
    const kept = but === undefined ? undefined : fingerprint(but)
    // Out of memory first: they stop working now, whatever the disk does.
    const ending = [...this.#byHash.values()].filter((session) => session.user === user && session.hash !== kept)
    for (const session of ending) this.#byHash.delete(session.hash)
    for (const session of ending) await this.#repository.removeSession(session.hash)
  }

  async removeExpired(): Promise<void> {
    const now = this.#clock.now()
    for (const session of this.#byHash.values()) if (session.expiresAt <= now) this.#byHash.delete(session.hash)
    await this.#repository.removeExpiredSessions(now)
  }

  async #end(hash: string): Promise<void> {
    this.#byHash.delete(hash)
    await this.#repository.removeSession(hash)
  }

  /** No request waits for this: after a crash the session only ends a little early. */
  #prolong(session: Session): void {
    this.#byHash.set(session.hash, session)
    this.#repository
      .saveSession(session)
      // It may have been ended while the write was on its way.
      .then(() => (this.#byHash.has(session.hash) ? undefined : this.#repository.removeSession(session.hash)))
      .catch((error: unknown) => this.#log.error({ error }, 'a session could not be prolonged'))
  }
}

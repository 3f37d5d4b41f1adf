import type { Clock } from '../kit/clock.ts'
import { Refusal } from '../kit/errors.ts'
import type { LoginReport, Session } from './engine.ts'

/** Sessions are looked at this often, or less if looking takes long. */
const LOOK_MS = 1000

/** A session as it is found: since when it is there is remembered here. */
export type FoundSession = Omit<Session, 'since' | 'counters'>

export type Asked = Readonly<{
  /** What reports and refusals call the engine. */
  name: string
  clock: Clock
  report?: ((report: LoginReport) => void) | undefined
  /** Asks the engine who is there; ends who may not be. */
  look: () => Promise<readonly FoundSession[]>
  /** Without targets nobody is asked for. */
  hasTargets: () => boolean
}>

/**
 * What engines have in common that are programs of others: they are told one thing after the other, and they do not say who comes and
 * leaves, so that they are asked, all the time.
 */
export class AskedEngine {
  readonly #asked: Asked
  #seen = new Map<string, Session>()
  #line: Promise<unknown> = Promise.resolve()
  #stopped = false
  #timer: NodeJS.Timeout | undefined

  constructor(asked: Asked) {
    this.#asked = asked
  }

  /** Looks from now on who is there, so that who comes and leaves is told. */
  watch(): void {
    this.#lookLater(LOOK_MS)
  }

  get stopped(): boolean {
    return this.#stopped
  }

  /** Does the work when all before is done. */
  next<T>(work: () => Promise<T>): Promise<T> {
    if (this.#stopped) return Promise.reject(new Refusal('not-available', `${this.#asked.name} was stopped`))
    const done = this.#line.then(work)
    this.#line = done.catch(() => {})
    return done
  }

  /** Takes no more work, and waits for what there is. */
  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await this.#line
  }

  /** Who is there now; tells who came and who left. Only as part of work that is done in turn. */
  async look(): Promise<Session[]> {
    const now = new Map<string, Session>()
    for (const found of await this.#asked.look()) {
      const known = this.#seen.get(found.id)
      if (!known) this.tell(found, 'accepted', `seen by ${this.#asked.name}`)
      now.set(found.id, { ...found, since: known?.since ?? this.#asked.clock.now(), counters: null })
    }
    for (const [id, session] of this.#seen)
      if (!now.has(id)) this.tell(session, 'ended', `no longer seen by ${this.#asked.name}`)
    this.#seen = now
    return [...now.values()]
  }

  sessions(): Promise<readonly Session[]> {
    return this.next(() => this.look())
  }

  /** All sessions have ended, because of this. */
  forget(reason: string): void {
    for (const session of this.#seen.values()) this.tell(session, 'ended', reason)
    this.#seen = new Map()
  }

  tell(
    { target, initiator, address }: Pick<Session, 'target' | 'initiator' | 'address'>,
    outcome: LoginReport['outcome'],
    detail: string,
  ): void {
    this.#asked.report?.({ target, initiator, address, outcome, detail })
  }

  #lookLater(ms: number): void {
    if (this.#stopped) return
    this.#timer = setTimeout(async () => {
      const began = performance.now()
      if (this.#asked.hasTargets()) await this.sessions().catch(() => {})
      this.#lookLater(Math.max(LOOK_MS, 20 * (performance.now() - began)))
    }, ms)
    this.#timer.unref()
  }
}

/** Who had the right name and came from elsewhere, where an engine itself does not look at addresses. */
export const FROM_ELSEWHERE = 'it came from an address that may not'

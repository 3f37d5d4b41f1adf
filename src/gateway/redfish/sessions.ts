import { createHash, randomBytes } from 'node:crypto'
import type { Clock } from '../../kit/clock.ts'
import type { BmcDirectory, BmcSession } from '../back-end.ts'
import type { Privilege } from '../bmc.ts'
import { type Account, refreshed } from './accounts.ts'

/** A session ends this long after its last request, in seconds. Clients are told. */
export const SESSION_TIMEOUT_S = 1800
/** A session ends this long after the login, however busy, in ms. */
const LONGEST_MS = 24 * 3_600_000
/** Of one account; the one that was unused longest ends when one more begins, for many clients never log out. */
export const SESSIONS_PER_ACCOUNT = 32
export const MOST_SESSIONS = 4096

export type RedfishSession = Readonly<{
  id: string
  name: string
  address: string
  createdAt: number
  memberships: readonly Readonly<{
    machine: string
    slot: number
    name: string
    sealed: string
    privilege: Privilege
  }>[]
}>
type Kept = RedfishSession & { lastAt: number; readonly key: string }

/** Sessions live in memory: after a restart clients log in again, as after a restart of any BMC. Tokens are kept as their SHA-256. */
export class RedfishSessions {
  readonly #directory: BmcDirectory
  readonly #clock: Clock
  readonly #byKey = new Map<string, Kept>()
  readonly #byId = new Map<string, Kept>()

  constructor(directory: BmcDirectory, clock: Clock) {
    this.#directory = directory
    this.#clock = clock
  }

  get size(): number {
    return this.#byId.size
  }

  /** `undefined` when there are too many. */
  start(account: Account, address: string): { session: RedfishSession; token: string } | undefined {
    this.#forgetOld()
    const memberships = account.memberships.map(({ backEnd, user }) => ({
      machine: backEnd.machine.id,
      slot: user.slot,
      name: user.name,
      sealed: user.sealed,
      privilege: user.privilege,
    }))
    const reach = reachOf(account.name, memberships)
    const same = [...this.#byId.values()].filter((one) => reachOf(one.name, one.memberships) === reach)
    if (same.length >= SESSIONS_PER_ACCOUNT)
      this.#drop(same.reduce((old, one) => (one.lastAt < old.lastAt ? one : old)))
    if (this.#byId.size >= MOST_SESSIONS) return undefined
    const token = randomBytes(24).toString('base64url')
    const session: Kept = {
      id: randomBytes(8).toString('hex'),
      name: account.name,
      address,
      createdAt: this.#clock.now(),
      lastAt: this.#clock.now(),
      key: keyOf(token),
      memberships,
    }
    this.#byKey.set(session.key, session)
    this.#byId.set(session.id, session)
    return { session, token }
  }

  /** The account as it is now, and the session, which lives on by this. */
  use(token: string): { account: Account; session: RedfishSession } | undefined {
    const session = this.#byKey.get(keyOf(token))
    if (!session) return undefined
    const memberships = session.memberships.flatMap((was) => refreshed(this.#directory, was) ?? [])
    if (this.#isOver(session) || memberships.length === 0) {
      this.#drop(session)
      return undefined
    }
    session.lastAt = this.#clock.now()
    return { account: { name: session.name, memberships }, session }
  }

  /** Sessions that reach a machine of these; others are not shown. */
  of(machines: ReadonlySet<string>): readonly RedfishSession[] {
    this.#forgetOld()
    return [...this.#byId.values()].filter(({ memberships }) =>
      memberships.some(({ machine }) => machines.has(machine)),
    )
  }

  end(id: string): boolean {
    const session = this.#byId.get(id)
    if (session) this.#drop(session)
    return session !== undefined
  }

  /** Ends those that reach this machine, as this user of it if one is named. */
  endOf(machine: string, user?: string): void {
    for (const session of this.#byId.values())
      if (session.memberships.some((one) => one.machine === machine && (user === undefined || one.name === user)))
        this.#drop(session)
  }

  /** As the server shows who is logged in, one entry for each machine that a session reaches. */
  shown(): readonly BmcSession[] {
    this.#forgetOld()
    return [...this.#byId.values()].flatMap(({ id, address, createdAt, lastAt, memberships }) =>
      memberships.map(({ machine, name, privilege }) => ({
        id,
        machine,
        user: name,
        privilege,
        address,
        cipherSuite: 0,
        console: false,
        since: createdAt,
        lastAt,
      })),
    )
  }

  #isOver(session: Kept): boolean {
    const now = this.#clock.now()
    // The clock was set back: nobody has it for longer because of that.
    session.lastAt = Math.min(session.lastAt, now)
    return now - session.lastAt > SESSION_TIMEOUT_S * 1000 || now - session.createdAt > LONGEST_MS
  }

  #forgetOld(): void {
    for (const session of this.#byId.values()) if (this.#isOver(session)) this.#drop(session)
  }

  #drop(session: Kept): void {
    this.#byId.delete(session.id)
    this.#byKey.delete(session.key)
  }
}

/** Accounts of the same name at different machines are different accounts. */
function reachOf(name: string, memberships: readonly Readonly<{ machine: string; slot: number }>[]): string {
  return JSON.stringify([name, ...memberships.map(({ machine, slot }) => `${machine} ${slot}`).sort()])
}

const keyOf = (token: string) => createHash('sha256').update(token).digest('hex')

import type { BmcBackEnd } from '../back-end.ts'
import type { BmcUser } from '../bmc.ts'
import { type BmcState, newBmcState } from './commands/state.ts'
import { LOGIN_NOTED_MS, MOST_LOGINS_NOTED, MOST_SESSIONS_OF_BMC } from './limits.ts'
import type { LiveSession } from './live-session.ts'
import { type SolClock, SolHolder } from './sol-holder.ts'

/** One emulated BMC as the IPMI server keeps it: what it remembers until the process ends, and who is logged in. */
export class ServedBmc {
  readonly machine: string
  readonly state: BmcState
  readonly sol: SolHolder
  /** By handle. */
  readonly sessions = new Map<number, LiveSession>()
  /** Replaced when the directory changes. */
  backEnd: BmcBackEnd
  #removed = false
  readonly #noted = new Map<string, number>()

  constructor(backEnd: BmcBackEnd, clock: SolClock) {
    this.machine = backEnd.bmc.machine
    this.backEnd = backEnd
    this.state = newBmcState(clock.now())
    this.sol = new SolHolder(() => this.backEnd, clock)
  }

  /** Whether this account is still what it was when somebody began to log in with it. */
  hasAccount(user: BmcUser): boolean {
    const now = this.#removed ? undefined : this.backEnd.bmc.users.find((one) => one.slot === user.slot)
    const { name, sealed, privilege } = user
    return (now?.enabled ?? false) && now?.name === name && now.sealed === sealed && now.privilege === privilege
  }

  /** It is served no more: logins that are under way fail. */
  remove(): void {
    this.#removed = true
  }

  /** A handle that nobody has; `undefined`: there are as many sessions as may be. */
  freeHandle(): number | undefined {
    if (this.sessions.size >= MOST_SESSIONS_OF_BMC) return undefined
    for (let handle = 1; handle <= 63; handle++) if (!this.sessions.has(handle)) return handle
    return undefined
  }

  /** Whether this login is worth a line in the log: clients that poll log in every minute, and would leave room for nothing else. */
  isWorthNoting(login: string, now: number): boolean {
    const before = this.#noted.get(login)
    if (before !== undefined && now - before < LOGIN_NOTED_MS) return false
    this.#noted.delete(login)
    this.#noted.set(login, now)
    for (const oldest of this.#noted.keys()) {
      if (this.#noted.size <= MOST_LOGINS_NOTED) break
      this.#noted.delete(oldest)
    }
    return true
  }
}

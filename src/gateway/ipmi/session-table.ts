import type { IpmiCryptography } from '../../protocols/ipmi/cryptography.ts'
import {
  HALF_OPEN_MS,
  IDLE_MS,
  MOST_HALF_OPEN,
  MOST_HALF_OPEN_OF_ADDRESS,
  MOST_SESSIONS_OF_ADDRESS_ON_BMC,
  SHARE_OF_ADDRESS,
} from './limits.ts'
import type { ServedBmc } from './served-bmc.ts'
import type { HalfOpen, Session } from './session.ts'

/** Every login under way and every session of this process, by the id that we chose. All limits on their number are here. */
export class SessionTable {
  readonly #most: number
  readonly #crypto: IpmiCryptography
  readonly #halfOpen = new Map<number, HalfOpen>()
  readonly #byRequest = new Map<string, HalfOpen>()
  readonly #halfOpenOf = new Map<string, number>()
  readonly #sessions = new Map<number, Session>()
  readonly #sessionsOf = new Map<string, number>()

  /** `most`: sessions in all. */
  constructor(most: number, crypto: IpmiCryptography) {
    this.#most = most
    this.#crypto = crypto
  }

  /** A random id that nobody has, never 0. */
  freshId(): number {
    for (;;) {
      const bytes = this.#crypto.random(4)
      const id = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0)
      if (id !== 0 && !this.#halfOpen.has(id) && !this.#sessions.has(id)) return id
    }
  }

  halfOpen(id: number): HalfOpen | undefined {
    return this.#halfOpen.get(id)
  }

  session(id: number): Session | undefined {
    return this.#sessions.get(id)
  }

  all(): IterableIterator<Session> {
    return this.#sessions.values()
  }

  get counts(): Readonly<{ sessions: number; halfOpen: number; addresses: number }> {
    return { sessions: this.#sessions.size, halfOpen: this.#halfOpen.size, addresses: this.#halfOpenOf.size }
  }

  /** Whether there is room for one more session; looked at again when its login ends. */
  hasRoom(address: string, bmc: ServedBmc | undefined): boolean {
    const ofAddress = this.#sessionsOf.get(address) ?? 0
    if (this.#sessions.size >= this.#most || ofAddress >= Math.ceil(this.#most * SHARE_OF_ADDRESS)) return false
    if (!bmc) return true
    if (bmc.freeHandle() === undefined) return false
    let here = 0
    for (const session of bmc.sessions.values()) if (session.address === address) here++
    return here < MOST_SESSIONS_OF_ADDRESS_ON_BMC
  }

  /** The newest login that this request began. */
  sameRequest(request: string): HalfOpen | undefined {
    return this.#byRequest.get(request)
  }

  /** False: this address has too many logins under way. */
  addHalfOpen(half: HalfOpen): boolean {
    const { address } = half.peer
    const count = this.#halfOpenOf.get(address) ?? 0
    if (count >= MOST_HALF_OPEN_OF_ADDRESS) return false
    this.#halfOpen.set(half.id, half)
    this.#byRequest.set(half.request, half)
    this.#halfOpenOf.set(address, count + 1)
    return true
  }

  /** The one that gives way when there are too many. */
  overflowing(): HalfOpen | undefined {
    return this.#halfOpen.size > MOST_HALF_OPEN ? this.#halfOpen.values().next().value : undefined
  }

  removeHalfOpen(half: HalfOpen): void {
    if (!this.#halfOpen.delete(half.id)) return
    if (this.#byRequest.get(half.request) === half) this.#byRequest.delete(half.request)
    lower(this.#halfOpenOf, half.peer.address)
  }

  add(session: Session): void {
    this.#sessions.set(session.id, session)
    session.bmc.sessions.set(session.handle, session)
    raise(this.#sessionsOf, session.loginAddress)
  }

  remove(session: Session): void {
    if (!this.#sessions.delete(session.id)) return
    session.closed = true
    session.bmc.sessions.delete(session.handle)
    session.bmc.sol.sessionEnded(session)
    lower(this.#sessionsOf, session.loginAddress)
  }

  /** Ends what was silent for too long, and returns the logins that were given up. */
  expire(now: number): readonly HalfOpen[] {
    const givenUp = []
    // Both in the order in which they began, which for logins is the order in which they end.
    // When the clock was set back, their time runs from now on.
    for (const half of this.#halfOpen.values()) {
      if (half.at > now) half.at = now
      if (now - half.at < HALF_OPEN_MS) break
      this.removeHalfOpen(half)
      givenUp.push(half)
    }
    for (const session of this.#sessions.values()) {
      if (session.lastAt > now) session.lastAt = now
      else if (now - session.lastAt >= IDLE_MS) this.remove(session)
    }
    return givenUp
  }
}

function raise(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

function lower(counts: Map<string, number>, key: string): void {
  const left = (counts.get(key) ?? 0) - 1
  if (left > 0) counts.set(key, left)
  else counts.delete(key)
}

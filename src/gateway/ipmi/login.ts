import { latin1, latin1Bytes } from '../../kit/bytes.ts'
import type { Clock } from '../../kit/clock.ts'
import { type IpmiCryptography, SUITES, suiteOf } from '../../protocols/ipmi/cryptography.ts'
import { decodeOpenSessionRequest, encodeOpenSessionResponse } from '../../protocols/ipmi/open-session.ts'
import {
  decodeRakp1,
  decodeRakp3,
  encodeRakp2,
  encodeRakp4,
  encodeRakpRefusal,
  GUID_BYTES,
  RANDOM_BYTES,
  type Rakp1,
  rakp2Code,
  rakp3Code,
  rakp4Code,
  roleByte,
  sessionIntegrityKey,
  sessionKeys,
} from '../../protocols/ipmi/rakp.ts'
import { RMCP_STATUS } from '../../protocols/ipmi/status.ts'
import type { BmcBackEnd } from '../back-end.ts'
import { type BmcUser, type CipherSuite, PRIVILEGES } from '../bmc.ts'
import type { PrivilegeLevel } from './command.ts'
import type { Guesses } from './guesses.ts'
import type { ServedBmc } from './served-bmc.ts'
import { type Endpoint, guidBytes, type HalfOpen, type Login, type Peer, Session } from './session.ts'
import type { SessionTable } from './session-table.ts'

/** IPMI 2.0 §6.8; what is asked for beyond it (OEM) is not known here. */
const ADMINISTRATOR = 4

/** What logins need to know of the rest. */
export type LoginWorld = Readonly<{
  crypto: IpmiCryptography
  clock: Clock
  table: SessionTable
  guesses: Guesses
  /** Suites that may be used here: the BMC's, or on the shared endpoint all. */
  suites: (bmc: ServedBmc | undefined) => readonly CipherSuite[]
  /** Who a user name given on the shared endpoint belongs to. */
  ofUser: (name: string) => ServedBmc | undefined
  /** Any BMC, to spend the time that looking up a password takes. */
  anyBmc: () => ServedBmc | undefined
}>

/** What became of a login, for the log of the BMC. */
export type LoginEnd = Readonly<
  { ok: true; session: Session } | { ok: false; half: HalfOpen; why: string; counts: boolean }
>

/** Answer to one message, and what it ended. No answer: whoever sent it is told nothing. */
export type LoginStep = Readonly<{ answer: Uint8Array | undefined; ended?: LoginEnd }>

const SILENCE: LoginStep = { answer: undefined }

/**
 * RMCP+ Open Session and RAKP messages 1 to 4, the BMC's side (IPMI 2.0 §13.17 to §13.24). Whether an account exists cannot be seen
 * from outside: an unknown name, a disabled account, a suite that its BMC does not offer and a wrong password get messages of
 * the same length after the same work, and the same status at the end. Every message may come again and is answered as before.
 */
export class Logins {
  readonly #world: LoginWorld
  /** Keys the codes for accounts that do not exist, and their GUIDs; another for each run. */
  readonly #fakeKey: Uint8Array

  constructor(world: LoginWorld) {
    this.#world = world
    this.#fakeKey = world.crypto.random(20)
  }

  /** @throws DecodeError */
  openSession(payload: Uint8Array, endpoint: Endpoint, peer: Peer): LoginStep {
    const { clock, table, guesses, suites } = this.#world
    const request = decodeOpenSessionRequest(payload)
    const { tag, consoleId, algorithms } = request
    const refuse = (status: number) => ({ answer: encodeOpenSessionResponse({ status, tag, consoleId }) })
    const now = clock.now()
    if (consoleId === 0) return refuse(RMCP_STATUS.invalidSessionId)
    const suite = suiteOf(algorithms)
    if (suite === undefined || !suites(endpoint.bmc).includes(suite)) return refuse(whyNot(algorithms))
    if (request.privilege > ADMINISTRATOR) return refuse(RMCP_STATUS.invalidRole)
    const wanted = `${endpoint.name} ${peer.address} ${peer.port} ${consoleId} ${tag} ${suite}`
    const before = table.sameRequest(wanted)
    // A retry gets the same answer. After RAKP 1 it is ipmitool that begins anew with the same numbers, or a packet that was held up on its
    // way: both logins go on, and one of them will be left.
    if (before && !before.rakp1) return { answer: before.opened }
    if (before) before.begunAgain = true
    if (guesses.isLocked(peer.address, endpoint.name, now) || !table.hasRoom(peer.address, endpoint.bmc))
      return refuse(RMCP_STATUS.noResources)
    const id = table.freshId()
    // FreeIPMI refuses a level of 0, and the account is not known yet: what is possible at all, or what was asked for.
    const privilege = request.privilege === 0 ? ADMINISTRATOR : request.privilege
    const opened = encodeOpenSessionResponse({ status: 0, tag, privilege, consoleId, managedId: id, algorithms })
    const half = { id, consoleId, request: wanted, suite, endpoint, peer, at: now, opened }
    if (!table.addHalfOpen({ ...half, rakp1: undefined, rakp2: undefined, login: undefined, begunAgain: false }))
      return refuse(RMCP_STATUS.noResources)
    const oldest = table.overflowing()
    if (!oldest) return { answer: opened }
    table.removeHalfOpen(oldest)
    return { answer: opened, ...this.givenUp(oldest) }
  }

  /** @throws DecodeError */
  rakp1(payload: Uint8Array, endpoint: Endpoint): LoginStep {
    const { crypto, table } = this.#world
    const message = decodeRakp1(payload)
    const half = table.halfOpen(message.managedId)
    if (!half || half.endpoint !== endpoint) return SILENCE
    if (half.rakp1) return sameBytes(half.rakp1, payload) ? { answer: half.rakp2 } : SILENCE
    if (message.privilege > ADMINISTRATOR) {
      const refusal = { tag: message.tag, status: RMCP_STATUS.invalidRole, consoleId: half.consoleId }
      return { answer: encodeRakpRefusal(refusal) }
    }
    const login = this.#loginOf(half, message)
    const { exchange, key } = login
    half.login = login
    half.rakp1 = payload.slice()
    half.rakp2 = encodeRakp2({
      tag: message.tag,
      consoleId: half.consoleId,
      managedRandom: exchange.managedRandom,
      guid: exchange.guid,
      code: rakp2Code(crypto, exchange, key),
    })
    return { answer: half.rakp2 }
  }

  /** @throws DecodeError */
  rakp3(payload: Uint8Array, endpoint: Endpoint, peer: Peer): LoginStep {
    const { crypto, clock, table, guesses } = this.#world
    const message = decodeRakp3(payload)
    const session = table.session(message.managedId)
    if (session?.endpoint === endpoint) return sameBytes(session.rakp3, payload) ? { answer: session.rakp4 } : SILENCE
    const half = table.halfOpen(message.managedId)
    if (!half?.login || half.endpoint !== endpoint) return SILENCE
    const { exchange, key } = half.login
    table.removeHalfOpen(half)
    // Logins that were begun side by side before any of them failed are no more guesses than others, whatever the password is.
    if (guesses.isLocked(half.peer.address, endpoint.name, clock.now())) {
      const refusal = { tag: message.tag, status: RMCP_STATUS.noResources, consoleId: half.consoleId }
      return { answer: encodeRakpRefusal(refusal) }
    }
    if (message.status !== RMCP_STATUS.ok)
      return { answer: undefined, ended: failed(half, 'the client has another password') }
    const refuse = (status: number, why: string, counts = true) => ({
      answer: encodeRakpRefusal({ tag: message.tag, status, consoleId: half.consoleId }),
      ended: failed(half, why, counts),
    })
    const code = rakp3Code(crypto, exchange, key)
    const isRight = message.code.length === code.length && crypto.isSame(message.code, code)
    const { user, bmc, refused } = half.login
    if (!isRight || !user || !bmc?.hasAccount(user))
      return refuse(RMCP_STATUS.invalidCheckValue, refused ?? 'the password is wrong')
    return this.#proven(half, { bmc, user, message: { tag: message.tag, payload }, peer }, refuse)
  }

  /** The password is right; only now may an answer tell what the account may do. */
  #proven(
    half: HalfOpen,
    facts: Readonly<{ bmc: ServedBmc; user: BmcUser; message: { tag: number; payload: Uint8Array }; peer: Peer }>,
    refuse: (status: number, why: string, counts?: boolean) => LoginStep,
  ): LoginStep {
    const { crypto, clock, table } = this.#world
    const { bmc, user, message, peer } = facts
    const { asked, nameOnly, exchange, key } = half.login!
    const allowed = (PRIVILEGES.indexOf(user.privilege) + 1) as PrivilegeLevel
    // Table 13-11: found by its name alone, an account gives what it may; found by name and level, it must have the level.
    if (!nameOnly && asked > allowed)
      return refuse(RMCP_STATUS.unauthorizedRole, `the account is only ${user.privilege}`, false)
    this.#endAbandoned(half, bmc, user, peer)
    const handle = bmc.freeHandle()
    if (handle === undefined || !table.hasRoom(peer.address, bmc))
      return refuse(RMCP_STATUS.noResources, 'there are too many sessions', false)
    const sik = sessionIntegrityKey(crypto, exchange, key)
    const answer = encodeRakp4({
      tag: message.tag,
      consoleId: half.consoleId,
      code: rakp4Code(crypto, exchange, sik),
    })
    const session = new Session(crypto, {
      half,
      bmc,
      user,
      handle,
      peer,
      keys: sessionKeys(crypto, half.suite, sik),
      maximumPrivilege: asked === 0 ? allowed : (Math.min(asked, allowed) as PrivilegeLevel),
      rakp3: message.payload.slice(),
      rakp4: answer,
      now: clock.now(),
    })
    table.add(session)
    return { answer, ended: { ok: true, session } }
  }

  /**
   * A client that did not get message 4 begins anew, ipmitool up to four times: what it has no keys
   * of would stand in its way for a minute each. Only who knows the password comes here.
   */
  #endAbandoned(half: HalfOpen, bmc: ServedBmc, user: BmcUser, peer: Peer): void {
    const { table } = this.#world
    for (const { id } of [...bmc.sessions.values()]) {
      const session = table.session(id)
      const isHis = session?.user.slot === user.slot && session.address === peer.address && session.port === peer.port
      if (isHis && !session.used && session.endpoint === half.endpoint && session.consoleId === half.consoleId)
        table.remove(session)
    }
  }

  /** A login that was never finished. After message 2 its client has a proof to guess passwords with: that counts. */
  givenUp(half: HalfOpen): Pick<LoginStep, 'ended'> {
    return half.login && !half.begunAgain
      ? { ended: failed(half, 'its client left when it had the proof that the BMC knows the password') }
      : {}
  }

  #loginOf(half: HalfOpen, message: Rakp1): Login {
    const { crypto, suites, ofUser, anyBmc } = this.#world
    const name = latin1(message.name)
    const bmc = half.endpoint.bmc ?? (name === '' ? undefined : ofUser(name))
    const user = bmc && userNamed(bmc.backEnd, name, half.endpoint.bmc === undefined)
    const fakeGuid = this.#fakeGuid(message.name)
    const refused = whyRefused(bmc, user, bmc !== undefined && suites(bmc).includes(half.suite))
    // Somebody's password is looked up in any case, so that it takes as long whether the account exists or not.
    const found = passwordOf(bmc ?? anyBmc(), user)
    const key = user && refused === undefined ? found : undefined
    return {
      name,
      bmc,
      user: key ? user : undefined,
      refused: refused ?? (key ? undefined : 'the password of the account cannot be read'),
      // A copy, as a real one is: nothing about it was made before.
      key: key ?? this.#fakeKey.slice(),
      asked: message.privilege,
      nameOnly: message.nameOnly,
      exchange: {
        suite: half.suite,
        consoleId: half.consoleId,
        managedId: half.id,
        consoleRandom: message.consoleRandom,
        managedRandom: crypto.random(RANDOM_BYTES),
        guid: bmc ? guidBytes(bmc.backEnd.bmc.guid) : fakeGuid,
        role: roleByte(message),
        name: message.name,
      },
    }
  }

  /** The same for the same name each time, as a real one would be. */
  #fakeGuid(name: Uint8Array): Uint8Array {
    return this.#world.crypto.hmac('sha1', this.#fakeKey, name).slice(0, GUID_BYTES)
  }
}

/** By its name; on the shared endpoint also as `NAME@MACHINE`, however that is cut off. Never the anonymous user. */
function userNamed(backEnd: BmcBackEnd, name: string, isShared: boolean): BmcUser | undefined {
  if (name === '') return undefined
  const users = backEnd.bmc.users.filter((user) => user.slot > 1 && user.name !== '')
  const found = users.find((user) => user.name === name)
  return found ?? (isShared ? users.find((user) => name.startsWith(`${user.name}@`)) : undefined)
}

function whyRefused(bmc: ServedBmc | undefined, user: BmcUser | undefined, hasSuite: boolean): string | undefined {
  if (!bmc || !user) return 'there is no such account'
  if (!user.enabled) return 'the account is switched off'
  return hasSuite ? undefined : 'its cipher suite is not offered here'
}

/** As bytes; `undefined` where there is none, or none that IPMI could use. Without a user: the first one's, to spend the time. */
function passwordOf(bmc: ServedBmc | undefined, user: BmcUser | undefined): Uint8Array | undefined {
  const whose = user ?? bmc?.backEnd.bmc.users[0]
  if (!bmc || !whose) return undefined
  try {
    const password = bmc.backEnd.passwordOf(whose)
    return password === undefined || password === '' ? undefined : latin1Bytes(password)
  } catch {
    return undefined
  }
}

function failed(half: HalfOpen, why: string, counts = true): LoginEnd {
  return { ok: false, half, why, counts }
}

function whyNot(algorithms: Readonly<{ authentication: number; integrity: number; confidentiality: number }>): number {
  const known = Object.values(SUITES)
  if (!known.some((suite) => suite.authentication === algorithms.authentication))
    return RMCP_STATUS.invalidAuthentication
  if (!known.some((suite) => suite.integrity === algorithms.integrity)) return RMCP_STATUS.invalidIntegrity
  if (!known.some((suite) => suite.confidentiality === algorithms.confidentiality))
    return RMCP_STATUS.invalidConfidentiality
  return RMCP_STATUS.noMatchingSuite
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at])
}

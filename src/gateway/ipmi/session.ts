import { fromHex } from '../../kit/bytes.ts'
import { DecodeError } from '../../kit/errors.ts'
import type { IpmiCryptography, IpmiSuite } from '../../protocols/ipmi/cryptography.ts'
import type { PlusPacket } from '../../protocols/ipmi/packet.ts'
import { PAYLOAD } from '../../protocols/ipmi/packet.ts'
import type { RakpExchange, SessionKeys } from '../../protocols/ipmi/rakp.ts'
import { openPacket, sealPacket } from '../../protocols/ipmi/seal.ts'
import type { BmcCaller } from '../back-end.ts'
import type { BmcUser } from '../bmc.ts'
import type { PrivilegeLevel } from './command.ts'
import { KEPT_ANSWER_MS, KEPT_ANSWERS } from './limits.ts'
import type { LiveSession } from './live-session.ts'
import { nextSequence, SequenceWindow } from './sequence.ts'
import type { ServedBmc } from './served-bmc.ts'

/** Where a packet came from and goes to. `local`: which of our addresses it came to, where that must be kept. */
export type Peer = Readonly<{ address: string; port: number; local?: string }>

/** A UDP socket as sessions see it. */
export type Endpoint = Readonly<{
  /** The machine's id, or `shared`. */
  name: string
  /** Where it is bound; absent for none in particular. */
  host?: string
  port: number
  /** The BMC that is reached here; `undefined` at the shared endpoint, where the user name picks it. */
  bmc: ServedBmc | undefined
  send: (packet: Uint8Array, to: Peer) => void
}>

/** A login under way. */
export type HalfOpen = {
  readonly id: number
  readonly consoleId: number
  /** What tells this request from others: a retry is the same. */
  readonly request: string
  readonly suite: IpmiSuite
  readonly endpoint: Endpoint
  readonly peer: Peer
  at: number
  /** The answer to Open Session, for a retry. */
  readonly opened: Uint8Array
  /** RAKP message 1 as it came, and our answer, for a retry. */
  rakp1: Uint8Array | undefined
  rakp2: Uint8Array | undefined
  login: Login | undefined
  /** Its client began once more, as ipmitool does when an answer was lost. */
  begunAgain: boolean
}

/** Who wants to log in. `user` and `bmc` are undefined for somebody whom nobody knows, who is led on as if he were known. */
export type Login = Readonly<{
  exchange: RakpExchange
  name: string
  bmc: ServedBmc | undefined
  user: BmcUser | undefined
  /** Why it will fail whatever the password is, for the log. */
  refused: string | undefined
  /** What codes are keyed with; made up for somebody whom nobody knows. */
  key: Uint8Array
  /** The level that was asked for, 0: the highest. */
  asked: number
  nameOnly: boolean
}>

type KeptAnswer = { key: string; answer: Uint8Array | undefined; until: number }

/** A session that is logged in: its keys, its numbers, and its newest answers. */
export class Session implements LiveSession {
  readonly id: number
  readonly consoleId: number
  readonly handle: number
  readonly user: BmcUser
  readonly suite: IpmiSuite
  readonly maximumPrivilege: PrivilegeLevel
  readonly bmc: ServedBmc
  readonly endpoint: Endpoint
  readonly since: number
  /** Where it logged in from; `peer` follows the client. */
  readonly loginAddress: string
  privilege: PrivilegeLevel
  peer: Peer
  lastAt: number
  running = 0
  /** Whether its client ever sent something in it, so that it has its keys. */
  used = false
  closed = false
  /** RAKP messages 3 and 4, for a client that did not get our answer. */
  readonly rakp3: Uint8Array
  readonly rakp4: Uint8Array
  readonly #crypto: IpmiCryptography
  readonly #keys: SessionKeys
  readonly #window = new SequenceWindow()
  #sequence = 0
  #kept: KeptAnswer[] = []

  constructor(
    crypto: IpmiCryptography,
    facts: Readonly<{
      half: HalfOpen
      bmc: ServedBmc
      user: BmcUser
      handle: number
      keys: SessionKeys
      maximumPrivilege: PrivilegeLevel
      rakp3: Uint8Array
      rakp4: Uint8Array
      peer: Peer
      now: number
    }>,
  ) {
    const { half } = facts
    this.id = half.id
    this.consoleId = half.consoleId
    this.suite = half.suite
    this.endpoint = half.endpoint
    this.handle = facts.handle
    this.user = facts.user
    this.bmc = facts.bmc
    this.maximumPrivilege = facts.maximumPrivilege
    // IPMI 2.0 §6.8: a session begins as `user`, or lower where no more is allowed.
    this.privilege = Math.min(2, facts.maximumPrivilege) as PrivilegeLevel
    this.peer = facts.peer
    this.since = facts.now
    this.loginAddress = facts.peer.address
    this.lastAt = facts.now
    this.rakp3 = facts.rakp3
    this.rakp4 = facts.rakp4
    this.#crypto = crypto
    this.#keys = facts.keys
  }

  get address(): string {
    return this.peer.address
  }

  get port(): number {
    return this.peer.port
  }

  get caller(): BmcCaller {
    return { face: 'ipmi', user: this.user.name, address: this.peer.address }
  }

  /**
   * The payload of a packet that belongs here and did not come before; `undefined`: a repetition.
   * @throws DecodeError when it was not made by this session's client
   */
  open(packet: PlusPacket): Uint8Array | undefined {
    // Only the serial line may go unencrypted, when its client asked for that.
    if (!packet.encrypted && packet.payloadType !== PAYLOAD.sol)
      throw new DecodeError('a command that is not encrypted')
    const payload = openPacket(this.#crypto, this.#keys, packet)
    return this.#window.accept(packet.sequence) ? payload : undefined
  }

  send(payloadType: number, payload: Uint8Array, encrypted = true): void {
    if (this.closed) return
    this.#sequence = nextSequence(this.#sequence)
    const sealed = { payloadType, sessionId: this.consoleId, sequence: this.#sequence, payload, encrypted }
    this.endpoint.send(sealPacket(this.#crypto, this.#keys, sealed), this.peer)
  }

  /** What was answered to the same request a moment ago; `running`: it is not answered yet; `undefined`: it is new. */
  answered(key: string, now: number): Uint8Array | 'running' | undefined {
    this.#kept = this.#kept.filter((kept) => kept.answer === undefined || kept.until > now)
    const kept = this.#kept.find((one) => one.key === key)
    return kept ? (kept.answer ?? 'running') : undefined
  }

  begin(key: string): void {
    this.running++
    this.#kept.push({ key, answer: undefined, until: 0 })
  }

  end(key: string, answer: Uint8Array, now: number): void {
    this.running--
    const kept = this.#kept.find((one) => one.key === key)
    if (!kept) return
    kept.answer = answer
    kept.until = now + KEPT_ANSWER_MS
    const done = this.#kept.filter((one) => one.answer !== undefined)
    for (const oldest of done.slice(0, Math.max(0, done.length - KEPT_ANSWERS)))
      this.#kept.splice(this.#kept.indexOf(oldest), 1)
  }
}

/** The 16 bytes of a BMC's GUID as they stand in packets. */
export function guidBytes(guid: string): Uint8Array {
  return fromHex(guid)
}

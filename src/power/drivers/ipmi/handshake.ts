import { DecodeError, type Refusal } from '../../../kit/errors.ts'
import { type IpmiCryptography, type IpmiSuite, SUITES, suiteOf } from '../../../protocols/ipmi/cryptography.ts'
import { decodeOpenSessionResponse, encodeOpenSessionRequest, isOpened } from '../../../protocols/ipmi/open-session.ts'
import { encodePlus, PAYLOAD } from '../../../protocols/ipmi/packet.ts'
import {
  decodeRakp2,
  decodeRakp4,
  encodeRakp1,
  encodeRakp3,
  isRakpRefusal,
  RANDOM_BYTES,
  type RakpExchange,
  rakp2Code,
  rakp3Code,
  rakp4Code,
  roleByte,
  type SessionKeys,
  sessionIntegrityKey,
  sessionKeys,
} from '../../../protocols/ipmi/rakp.ts'
import { RMCP_STATUS } from '../../../protocols/ipmi/status.ts'
import {
  otherSuite,
  outOfSessions,
  privilegeTooHigh,
  proofRefused,
  sessionRefused,
  unknownUser,
  type Whom,
  wrongBmcKey,
  wrongPassword,
} from './refusals.ts'

/** `name`, `password` and `kg` as bytes; `privilege` as a number of IPMI 2.0 §6.8. */
export type Credentials = Readonly<{
  name: Uint8Array
  password: Uint8Array
  kg: Uint8Array | undefined
  privilege: number
}>

/**
 * What an answer meant. `ignored`: it was not the one that is waited for. `no-suite`: another suite may do. `again`: start over,
 * because a packet that was sent twice confused the BMC. `refused` is final; `farewell` lets the BMC free the half-open session.
 */
export type HandshakeStep =
  | Readonly<{ kind: 'next' }>
  | Readonly<{ kind: 'ignored' }>
  | Readonly<{ kind: 'no-suite' }>
  | Readonly<{ kind: 'again'; otherwise: Refusal }>
  | Readonly<{ kind: 'refused'; refusal: Refusal; farewell?: Uint8Array }>
  | Readonly<{ kind: 'proven'; managedId: number; keys: SessionKeys }>

const NEXT = { kind: 'next' } as const
const IGNORED = { kind: 'ignored' } as const
/** BMCs keep 16 or 20 bytes of a password (IPMI 2.0 §22.30); some take 20 and keep 16. */
const SHORT_PASSWORD_BYTES = 16

/** The console's side of one key exchange (IPMI 2.0 §13.17 to 13.24): bytes in, bytes out; when they go is decided elsewhere. */
export class Handshake {
  readonly consoleId: number
  readonly suite: IpmiSuite
  readonly #crypto: IpmiCryptography
  readonly #credentials: Credentials
  readonly #whom: Whom
  readonly #tag: number
  readonly #consoleRandom: Uint8Array
  #password: Uint8Array
  #managedId = 0
  #exchange: RakpExchange | undefined

  constructor(
    around: Readonly<{ crypto: IpmiCryptography; credentials: Credentials; whom: Whom }>,
    suite: IpmiSuite,
    consoleId: number,
  ) {
    this.#crypto = around.crypto
    this.#credentials = around.credentials
    this.#whom = around.whom
    this.suite = suite
    this.consoleId = consoleId
    this.#tag = around.crypto.random(1)[0]! & 0x3f
    this.#consoleRandom = around.crypto.random(RANDOM_BYTES)
    this.#password = around.credentials.password
  }

  /** Asks for the highest privilege (0): the level is named in message 1, and BMCs disagree about naming it here. */
  openRequest(): Uint8Array {
    return encodePlus(
      PAYLOAD.openSessionRequest,
      encodeOpenSessionRequest({
        tag: this.#tag,
        privilege: 0,
        consoleId: this.consoleId,
        algorithms: SUITES[this.suite],
      }),
    )
  }

  /** @throws DecodeError */
  takeOpenResponse(payload: Uint8Array): HandshakeStep {
    const response = decodeOpenSessionResponse(payload)
    if (response.tag !== this.#tag) return IGNORED
    if (!isOpened(response)) return this.#refusedOpen(response.status)
    if (response.consoleId !== this.consoleId) return IGNORED
    if (suiteOf(response.algorithms) !== this.suite) return { kind: 'refused', refusal: otherSuite(this.#whom) }
    if (response.managedId === 0) throw new DecodeError('a session with id 0')
    this.#managedId = response.managedId
    return NEXT
  }

  #refusedOpen(status: number): HandshakeStep {
    switch (status) {
      case RMCP_STATUS.invalidAuthentication:
      case RMCP_STATUS.invalidIntegrity:
      case RMCP_STATUS.invalidConfidentiality:
      case RMCP_STATUS.noMatchingSuite:
      case 6:
      case 7:
        return { kind: 'no-suite' }
      default:
        return { kind: 'refused', refusal: this.#refusalOf(status, 'opening a session') }
    }
  }

  #refusalOf(status: number, step: string): Refusal {
    switch (status) {
      case RMCP_STATUS.noResources:
      case RMCP_STATUS.noResourcesForRole:
        return outOfSessions(this.#whom)
      case RMCP_STATUS.invalidRole:
      case RMCP_STATUS.unauthorizedRole:
        return privilegeTooHigh(this.#whom)
      case RMCP_STATUS.unauthorizedName:
      case RMCP_STATUS.invalidNameLength:
        return unknownUser(this.#whom)
      case RMCP_STATUS.invalidCheckValue:
        return proofRefused(this.#whom)
      default:
        return sessionRefused(this.#whom, step, status)
    }
  }

  /** Looks the account up by its name alone: its privilege is asked for, not searched for. */
  rakp1(): Uint8Array {
    const { name, privilege } = this.#credentials
    return encodePlus(
      PAYLOAD.rakp1,
      encodeRakp1({
        tag: this.#tag + 0x40,
        managedId: this.#managedId,
        consoleRandom: this.#consoleRandom,
        nameOnly: true,
        privilege,
        name,
      }),
    )
  }

  /** `sentOnce`: no message was repeated, so that no answer can belong to an older try. @throws DecodeError */
  takeRakp2(payload: Uint8Array, sentOnce: boolean): HandshakeStep {
    const message = decodeRakp2(payload, this.suite)
    if (message.tag !== this.#tag + 0x40) return IGNORED
    if (isRakpRefusal(message)) return this.#refusedProof(message.status, 'message 2 of the key exchange', sentOnce)
    if (message.consoleId !== this.consoleId) return IGNORED
    const { name, privilege, password } = this.#credentials
    const exchange: RakpExchange = {
      suite: this.suite,
      consoleId: this.consoleId,
      managedId: this.#managedId,
      consoleRandom: this.#consoleRandom,
      managedRandom: message.managedRandom,
      guid: message.guid,
      role: roleByte({ nameOnly: true, privilege }),
      name,
    }
    const candidates = [password]
    if (password.length > SHORT_PASSWORD_BYTES) candidates.push(password.subarray(0, SHORT_PASSWORD_BYTES))
    const fitting = candidates.find((each) =>
      this.#crypto.isSame(rakp2Code(this.#crypto, exchange, each), message.code),
    )
    if (!fitting) return { kind: 'refused', refusal: wrongPassword(this.#whom), farewell: this.#farewell() }
    this.#password = fitting
    this.#exchange = exchange
    return NEXT
  }

  /** Message 3 with an error status ends the try (table 13-13). */
  #farewell(): Uint8Array {
    const code = new Uint8Array(0)
    const message = { tag: this.#tag + 0x80, status: RMCP_STATUS.invalidCheckValue, managedId: this.#managedId, code }
    return encodePlus(PAYLOAD.rakp3, encodeRakp3(message))
  }

  rakp3(): Uint8Array {
    const exchange = this.#exchange!
    return encodePlus(
      PAYLOAD.rakp3,
      encodeRakp3({
        tag: this.#tag + 0x80,
        status: RMCP_STATUS.ok,
        managedId: this.#managedId,
        code: rakp3Code(this.#crypto, exchange, this.#password),
      }),
    )
  }

  /** @throws DecodeError */
  takeRakp4(payload: Uint8Array, sentOnce: boolean): HandshakeStep {
    const message = decodeRakp4(payload, this.suite)
    if (message.tag !== this.#tag + 0x80) return IGNORED
    if (isRakpRefusal(message)) return this.#refusedProof(message.status, 'message 4 of the key exchange', sentOnce)
    if (message.consoleId !== this.consoleId) return IGNORED
    const exchange = this.#exchange!
    const sik = sessionIntegrityKey(this.#crypto, exchange, this.#credentials.kg ?? this.#password)
    // The password was proven by message 2, so only the BMC's own key can be another one.
    if (!this.#crypto.isSame(rakp4Code(this.#crypto, exchange, sik), message.code))
      return { kind: 'refused', refusal: wrongBmcKey(this.#whom) }
    return { kind: 'proven', managedId: this.#managedId, keys: sessionKeys(this.#crypto, this.suite, sik) }
  }

  #refusedProof(status: number, step: string, sentOnce: boolean): HandshakeStep {
    const refusal = this.#refusalOf(status, step)
    // A BMC that saw message 1 twice may have drawn other random bytes for the second; and it forgets half-open sessions quickly.
    const mayBeStale =
      status === RMCP_STATUS.invalidSessionId ||
      status === RMCP_STATUS.inactiveSession ||
      status === RMCP_STATUS.invalidCheckValue
    if (mayBeStale && (!sentOnce || status !== RMCP_STATUS.invalidCheckValue))
      return { kind: 'again', otherwise: refusal }
    return { kind: 'refused', refusal }
  }
}

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { hex } from '../../kit/bytes.ts'
import { DecodeError } from '../../kit/errors.ts'
import type { ChapSecrets, Cryptography } from '../../protocols/iscsi/chap.ts'
import { getU32 } from '../../protocols/iscsi/fields.ts'
import { LoginDialogue } from '../../protocols/iscsi/login.ts'
import { LOGIN_STATUS, type LoginStatus } from '../../protocols/iscsi/login-status.ts'
import type { OperationalParameters } from '../../protocols/iscsi/negotiate.ts'
import { BHS_BYTES, REQUEST } from '../../protocols/iscsi/opcodes.ts'
import { putLoginResponse, type Sequence } from '../../protocols/iscsi/responses.ts'
import { encodeText, TextGatherer, type TextPair } from '../../protocols/iscsi/text.ts'
import type { LoginDecision } from './decide.ts'
import type { Output } from './output.ts'

const CRYPTOGRAPHY: Cryptography = {
  hash: (algorithm, bytes) => createHash(algorithm).update(bytes).digest(),
  random: (bytes) => randomBytes(bytes),
  isSame: (a, b) => timingSafeEqual(a, b),
}

/** What a login came to. */
export type LoggedIn = Readonly<{
  initiator: string
  /** `undefined`: discovery. */
  target: string | undefined
  /** Initiator session id, 12 hex digits. */
  isid: string
  connectionId: number
  parameters: OperationalParameters
}>

export type LoginPhaseOptions = Readonly<{
  output: Output
  sequence: Sequence
  /** Judges names and address; told the keys of the first request. */
  decide: (keys: ReadonlyMap<string, string>) => LoginDecision
  /** Prepares the session before the last answer; resolves with its number (TSIH), or why it cannot be. */
  admit: (login: LoggedIn) => Promise<number | Readonly<{ status: LoginStatus; reason: string }>>
  /** The last answer was sent. */
  done: (login: LoggedIn) => void
  refused: (names: Readonly<{ initiator: string; target: string }>, reason: string) => void
}>

/** The login of one connection, PDU by PDU. Throws `DecodeError` when the peer breaks the protocol. */
export class LoginPhase {
  readonly #options: LoginPhaseOptions
  readonly #gatherer = new TextGatherer()
  #dialogue: LoginDialogue | undefined
  #names = { initiator: '', target: '' }
  #isDiscovery = false
  #isWaiting = false

  constructor(options: LoginPhaseOptions) {
    this.#options = options
  }

  onPdu(head: Uint8Array, at: number, data: Uint8Array): undefined {
    if (this.#isWaiting) throw new DecodeError('the initiator did not wait for the answer to its login')
    if ((head[at]! & 0x3f) !== REQUEST.login) throw new DecodeError('something else than a login came first')
    const request = head.slice(at, at + BHS_BYTES)
    const flags = request[1]!
    const { sequence } = this.#options
    if (!this.#dialogue) {
      // Login requests are immediate: the first command has the number that they have (RFC 7143, 11.12.7).
      sequence.expCmdSN = getU32(request, 24)
      sequence.maxCmdSN = sequence.expCmdSN
      sequence.statSN = getU32(request, 28)
    }
    const stage = (flags >> 2) & 3
    const pairs = this.#gatherer.add(data, (flags & 0x40) !== 0)
    // An empty answer asks for the rest of the text (6.2).
    if (!pairs) return this.#answer(request, { transit: false, stage, next: 0, session: 0, pairs: [] })
    if (request[3]! > 0) return this.#refuse(request, LOGIN_STATUS.unsupportedVersion, 'another version of iSCSI')
    if (!this.#dialogue && !this.#begin(request, new Map(pairs))) return
    const step = this.#dialogue!.step({ stage, next: flags & 3, transit: (flags & 0x80) !== 0, pairs })
    if (step.kind === 'refuse') return this.#refuse(request, step.status, step.reason)
    const answer = { transit: step.transit, stage, next: flags & 3, session: 0, pairs: step.pairs }
    if (step.done) this.#finish(request, answer)
    else this.#answer(request, answer)
  }

  #begin(request: Uint8Array, keys: ReadonlyMap<string, string>): boolean {
    const decision = this.#options.decide(keys)
    this.#names = { initiator: keys.get('InitiatorName') ?? '', target: keys.get('TargetName') ?? '' }
    let chap: ChapSecrets | null = null
    if (decision.kind === 'refuse') {
      this.#refuse(request, decision.status, decision.reason)
      return false
    }
    // One connection a session: a session number can only be that of a session which is not to be continued.
    if (((request[14]! << 8) | request[15]!) !== 0) {
      this.#refuse(request, LOGIN_STATUS.noSuchSession, 'it wants to join a session that is not there')
      return false
    }
    if (decision.kind === 'normal') {
      chap = decision.target.chap
      this.#names = { ...this.#names, target: decision.target.iqn }
    }
    this.#isDiscovery = decision.kind === 'discovery'
    this.#dialogue = new LoginDialogue(this.#isDiscovery, chap, CRYPTOGRAPHY)
    return true
  }

  #finish(request: Uint8Array, answer: Answer): undefined {
    const login: LoggedIn = {
      initiator: this.#names.initiator,
      target: this.#isDiscovery ? undefined : this.#names.target,
      isid: hex(request.subarray(8, 14)),
      connectionId: (request[20]! << 8) | request[21]!,
      parameters: this.#dialogue!.parameters,
    }
    this.#isWaiting = true
    void this.#options.admit(login).then((admitted) => {
      this.#isWaiting = false
      if (typeof admitted !== 'number') return this.#refuse(request, admitted.status, admitted.reason)
      this.#answer(request, { ...answer, session: admitted })
      this.#options.done(login)
    })
  }

  #answer(request: Uint8Array, answer: Answer, status: LoginStatus = LOGIN_STATUS.success): undefined {
    const { output, sequence } = this.#options
    const text = encodeText(answer.pairs)
    const at = output.reserve(BHS_BYTES + text.length + (-text.length & 3))
    const { transit, stage, next, session } = answer
    const fields = { transit, stage, next, session, status, dataBytes: text.length }
    putLoginResponse(output.bytes, at, sequence, request, fields)
    output.bytes.set(text, at + BHS_BYTES)
    output.bytes.fill(0, at + BHS_BYTES + text.length, at + BHS_BYTES + text.length + (-text.length & 3))
    output.flush()
  }

  #refuse(request: Uint8Array, status: LoginStatus, reason: string): undefined {
    const stage = (request[1]! >> 2) & 3
    this.#answer(request, { transit: false, stage, next: 0, session: 0, pairs: [] }, status)
    this.#options.refused(this.#names, reason)
  }
}

type Answer = Readonly<{
  transit: boolean
  stage: number
  next: number
  session: number
  pairs: readonly TextPair[]
}>

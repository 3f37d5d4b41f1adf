import { ChapDialogue, type ChapSecrets, type Cryptography } from './chap.ts'
import { LOGIN_STATUS, type LoginStatus } from './login-status.ts'
import { Negotiation, OFFER, type OperationalParameters } from './negotiate.ts'
import type { TextPair } from './text.ts'

/** Stages of a login (RFC 7143, 6.3); 2 does not exist. */
export const STAGE = { security: 0, operational: 1, fullFeature: 3 } as const

/** A Login request whose text is whole. */
export type LoginRequest = Readonly<{ stage: number; next: number; transit: boolean; pairs: readonly TextPair[] }>

export type LoginAnswer =
  | Readonly<{ kind: 'answer'; transit: boolean; pairs: readonly TextPair[]; done: boolean }>
  | Readonly<{ kind: 'refuse'; status: LoginStatus; reason: string }>

/** Requests of one login; more are refused. */
const MOST_REQUESTS = 24

/**
 * The target's side of a login from the first request to the last answer (RFC 7143, 6.3), without PDU headers. Whether this initiator may
 * have this target was decided before. After `done` the parameters hold.
 */
export class LoginDialogue {
  readonly #discovery: boolean
  readonly #chap: ChapDialogue | undefined
  readonly #negotiation = new Negotiation()
  #stage: number = -1
  #method: 'none' | 'chap' | undefined
  #proven: boolean
  #declared = false
  #requests = 0

  /** `chap`: what has to be proven; `null`: nothing. */
  constructor(discovery: boolean, chap: ChapSecrets | null, crypto: Cryptography) {
    this.#discovery = discovery
    this.#chap = chap ? new ChapDialogue(chap, crypto) : undefined
    this.#proven = chap === null
  }

  get parameters(): OperationalParameters {
    return this.#negotiation.result
  }

  /** @throws DecodeError on values that are not what their keys say. */
  step(request: LoginRequest): LoginAnswer {
    const first = this.#stage === -1
    if (++this.#requests > MOST_REQUESTS) return refuse(LOGIN_STATUS.initiatorError, 'the login takes too many steps')
    if (request.stage !== STAGE.security && request.stage !== STAGE.operational)
      return refuse(LOGIN_STATUS.invalidRequest, 'the login is in a stage that does not exist')
    if (!first && request.stage !== this.#stage)
      return refuse(LOGIN_STATUS.invalidRequest, 'the login changes its stage without saying so')
    if (request.transit && (request.next <= request.stage || request.next === 2))
      return refuse(LOGIN_STATUS.invalidRequest, 'the login goes to a stage that does not follow')
    this.#stage = request.stage
    const answers: TextPair[] = []
    // RFC 7143, 13.9: in the first answer of a normal session.
    if (first && !this.#discovery) answers.push(['TargetPortalGroupTag', '1'])

    if (request.stage === STAGE.security) {
      const refusal = this.#authenticate(request.pairs, answers)
      if (refusal) return refusal
    } else if (!this.#proven) {
      return refuse(LOGIN_STATUS.authenticationFailed, 'the initiator skipped the CHAP proof')
    }
    const operational = request.pairs.filter(([key]) => key !== 'AuthMethod' && !key.startsWith('CHAP_'))
    answers.push(...this.#negotiation.answer(operational, this.#discovery))
    if (request.stage === STAGE.operational && !this.#declared) {
      this.#declared = true
      answers.push(['MaxRecvDataSegmentLength', String(OFFER.dataBytes)])
    }
    const transit = request.transit && (request.stage !== STAGE.security || this.#proven)
    if (transit) this.#stage = request.next
    return { kind: 'answer', transit, pairs: answers, done: transit && request.next === STAGE.fullFeature }
  }

  #authenticate(pairs: readonly TextPair[], answers: TextPair[]): LoginAnswer | undefined {
    const keys = new Map(pairs)
    const offered = keys.get('AuthMethod')
    if (offered !== undefined) {
      if (this.#method) return refuse(LOGIN_STATUS.initiatorError, 'AuthMethod came twice')
      const methods = offered.split(',')
      const wanted = this.#chap ? 'CHAP' : 'None'
      if (!methods.includes(wanted))
        return refuse(
          LOGIN_STATUS.authenticationFailed,
          this.#chap
            ? 'the initiator does not offer CHAP'
            : 'the initiator insists on a proof; the target has no secrets',
        )
      this.#method = this.#chap ? 'chap' : 'none'
      answers.push(['AuthMethod', wanted])
      if (!keys.has('CHAP_A')) return undefined
    }
    if (!this.#chap || this.#proven) return undefined
    // RFC 7143, 12: without AuthMethod there is no CHAP to go on with.
    if (this.#method !== 'chap') return refuse(LOGIN_STATUS.authenticationFailed, 'the initiator does not offer CHAP')
    const step = this.#chap.step(keys)
    if (!step.ok) return refuse(LOGIN_STATUS.authenticationFailed, step.reason)
    answers.push(...step.pairs)
    this.#proven = step.proven
    return undefined
  }
}

const refuse = (status: LoginStatus, reason: string): LoginAnswer => ({ kind: 'refuse', status, reason })

import type { Refusal } from '../../../kit/errors.ts'
import type { IpmiCryptography, IpmiSuite } from '../../../protocols/ipmi/cryptography.ts'
import type { RawAnswer, RawRequest } from '../../driver.ts'
import type { Credentials } from './handshake.ts'
import type { Whom } from './refusals.ts'

/**
 * A request to be answered until `deadline`. `once`: it must not be given again in another session, because it may have been obeyed.
 * `alone`: nor in this one; it is sent a single time, and its answer is waited for so long, in milliseconds.
 */
export type Ask = Readonly<{
  id: number
  request: RawRequest
  deadline: number
  once: boolean
  alone?: number | undefined
}>

/** A request to the main unit, of group `application` where nothing else is said. */
export type PlainRequest = Partial<RawRequest> & Pick<RawRequest, 'command' | 'data'>

/** What a session wants done. `silent`: an answer did not come in time. `sol`: a SOL payload. `lost`: the session is gone. */
export type Step =
  | Readonly<{ do: 'send'; bytes: Uint8Array }>
  | Readonly<{ do: 'answer'; id: number; answer: RawAnswer }>
  | Readonly<{ do: 'refuse'; id: number; refusal: Refusal }>
  | Readonly<{ do: 'silent' }>
  | Readonly<{ do: 'sol'; payload: Uint8Array }>
  | Readonly<{ do: 'lost' }>

export type SessionAround = Readonly<{
  crypto: IpmiCryptography
  credentials: Credentials
  whom: Whom
  suite: 'auto' | IpmiSuite
  /** An id that no other session of this process has; given back when the session ends. */
  takeId: () => number
  giveBackId: (id: number) => void
}>

export type ExchangeKind = 'suites' | 'open' | 'rakp1' | 'rakp3' | 'privilege' | 'check' | 'ask' | 'diagnose'

/** What an answer in a message is known by. */
export type MessageKey = Readonly<{ sequence: number; netFn: number; command: number }>

/** One thing that was sent and is waited for. `make` builds the packet of each try. */
export type Exchange = {
  readonly kind: ExchangeKind
  readonly key: MessageKey | undefined
  readonly make: () => Uint8Array
  readonly startedAt: number
  /** Whether the session had been idle for long when it began. */
  readonly isDoubtful: boolean
  /** It is sent a single time, and waited for at least so long, in milliseconds. */
  readonly alone?: number | undefined
  tries: number
  wakeAt: number
}

export type Queued = { readonly ask: Ask; reopenings: number; busyAnswers: number }

/** How often things are tried. */
export const LIMITS = {
  /** Before a BMC that never answered is given up. */
  triesWhenSilent: 4,
  /** For one that answered something during this work. */
  triesWhenHeard: 8,
  triesForSuites: 2,
  triesToDiagnose: 2,
  /** In a session that was idle: it may be forgotten, and a new one shows it sooner than more tries. */
  triesWhenDoubtful: 2,
  handshakes: 5,
  reopenings: 3,
  busyAnswers: 10,
} as const

/** How often this is sent before it is given up. `wasHeard`: the BMC answered anything since the work began. */
export function mostTries(
  { kind, isDoubtful, alone }: Pick<Exchange, 'kind' | 'isDoubtful' | 'alone'>,
  wasHeard: boolean,
): number {
  if (alone !== undefined) return 1
  if (kind === 'suites') return LIMITS.triesForSuites
  if (kind === 'diagnose') return LIMITS.triesToDiagnose
  if (isDoubtful) return LIMITS.triesWhenDoubtful
  return wasHeard ? LIMITS.triesWhenHeard : LIMITS.triesWhenSilent
}

import type { TextPair } from './text.ts'

/** What a session and its connection run by. Bytes and seconds. */
export type OperationalParameters = {
  headerDigest: boolean
  dataDigest: boolean
  initialR2T: boolean
  immediateData: boolean
  /** Of the initiator: the longest data segment it takes. Declared, not negotiated. */
  initiatorDataBytes: number
  maxBurst: number
  firstBurst: number
  maxOutstandingR2T: number
}

/** RFC 7143, section 13: what holds while nothing else was agreed upon. */
export function defaultParameters(): OperationalParameters {
  return {
    headerDigest: false,
    dataDigest: false,
    initialR2T: true,
    immediateData: true,
    initiatorDataBytes: 8192,
    maxBurst: 262144,
    firstBurst: 65536,
    maxOutstandingR2T: 1,
  }
}

/** What this target takes and offers. */
export const OFFER = {
  /** Longest data segment we take; we declare it. */
  dataBytes: 262144,
  maxBurst: 1048576,
  firstBurst: 262144,
  time2Wait: 2,
  time2Retain: 0,
} as const

type Rule = (value: string, result: OperationalParameters) => string | undefined

const IRRELEVANT = 'Irrelevant'

/** A number between two bounds, in decimal or hex (RFC 7143, 6.1). */
function numeric(value: string, least: number, most: number): number | undefined {
  if (!/^(0[xX][0-9a-fA-F]{1,8}|[0-9]{1,10})$/.test(value)) return undefined
  const number = Number(value)
  return number >= least && number <= most ? number : undefined
}

const lower =
  (least: number, most: number, ours: number, keep?: (chosen: number, result: OperationalParameters) => void): Rule =>
  (value, result) => {
    const offered = numeric(value, least, most)
    if (offered === undefined) return undefined
    const chosen = Math.min(offered, ours)
    keep?.(chosen, result)
    return String(chosen)
  }

const yes = (value: string) => (value === 'Yes' ? true : value === 'No' ? false : undefined)
const yesNo = (flag: boolean) => (flag ? 'Yes' : 'No')

/** The result of a Boolean key: `and` or `or` of both sides (RFC 7143, 6.2.2). */
const boolean =
  (combine: (offered: boolean) => boolean, keep?: (chosen: boolean, result: OperationalParameters) => void): Rule =>
  (value, result) => {
    const offered = yes(value)
    if (offered === undefined) return undefined
    const chosen = combine(offered)
    keep?.(chosen, result)
    return yesNo(chosen)
  }

/** The first of the offered that we can do (RFC 7143, 6.2.1). */
const digest =
  (keep: (on: boolean, result: OperationalParameters) => void): Rule =>
  (value, result) => {
    for (const one of value.split(','))
      if (one === 'None' || one === 'CRC32C') {
        keep(one === 'CRC32C', result)
        return one
      }
    return undefined
  }

/**
 * Keys that are negotiated in the operational stage (RFC 7143, section 13), each with its result function. One that returns `undefined`
 * answers `Reject`.
 */
const RULES: Readonly<Record<string, Rule>> = {
  HeaderDigest: digest((on, result) => {
    result.headerDigest = on
  }),
  DataDigest: digest((on, result) => {
    result.dataDigest = on
  }),
  MaxConnections: lower(1, 65535, 1),
  InitialR2T: boolean(
    // The `or` of both; ours is No, so the initiator has it as it wants.
    (offered) => offered,
    (chosen, result) => {
      result.initialR2T = chosen
    },
  ),
  ImmediateData: boolean(
    (offered) => offered,
    (chosen, result) => {
      result.immediateData = chosen
    },
  ),
  MaxBurstLength: lower(512, 16777215, OFFER.maxBurst, (chosen, result) => {
    result.maxBurst = chosen
  }),
  FirstBurstLength: lower(512, 16777215, OFFER.firstBurst, (chosen, result) => {
    result.firstBurst = chosen
  }),
  DefaultTime2Wait: (value) => {
    const offered = numeric(value, 0, 3600)
    return offered === undefined ? undefined : String(Math.max(offered, OFFER.time2Wait))
  },
  DefaultTime2Retain: lower(0, 3600, OFFER.time2Retain),
  MaxOutstandingR2T: lower(1, 65535, 1, (chosen, result) => {
    result.maxOutstandingR2T = chosen
  }),
  DataPDUInOrder: boolean(() => true),
  DataSequenceInOrder: boolean(() => true),
  ErrorRecoveryLevel: lower(0, 2, 0),
  // Markers are obsolete (RFC 7143, 13.25): the answer is always No.
  IFMarker: boolean(() => false),
  OFMarker: boolean(() => false),
  IFMarkInt: () => IRRELEVANT,
  OFMarkInt: () => IRRELEVANT,
  // RFC 7144: we speak protocol level 1 (RFC 7143 says 1 is RFC 7143 itself).
  iSCSIProtocolLevel: lower(0, 31, 1),
  TaskReporting: () => 'RFC3720',
}

/** Keys that have no meaning in a discovery session (RFC 7143, section 13, "irrelevant when"). */
const ONLY_NORMAL = new Set([
  'MaxConnections',
  'InitialR2T',
  'ImmediateData',
  'MaxBurstLength',
  'FirstBurstLength',
  'MaxOutstandingR2T',
  'DataPDUInOrder',
  'DataSequenceInOrder',
  'TaskReporting',
])

/** Keys by which the initiator only tells something. */
const DECLARED = new Set([
  'InitiatorName',
  'InitiatorAlias',
  'TargetName',
  'SessionType',
  'TargetAlias',
  'TargetAddress',
  'TargetPortalGroupTag',
])

/**
 * Answers operational keys and keeps what was agreed upon in `result`. What is asked twice is answered `Reject`, what is not known
 * `NotUnderstood` (RFC 7143, 6.2). Our own declaration of MaxRecvDataSegmentLength is for the caller to add, once.
 */
export class Negotiation {
  readonly result: OperationalParameters = defaultParameters()
  readonly #seen = new Set<string>()

  answer(pairs: readonly TextPair[], discovery: boolean): TextPair[] {
    const answers: TextPair[] = []
    for (const [key, value] of pairs) {
      if (DECLARED.has(key)) continue
      if (key === 'MaxRecvDataSegmentLength') {
        const bytes = numeric(value, 512, 16777215)
        if (bytes === undefined) answers.push([key, 'Reject'])
        else this.result.initiatorDataBytes = bytes
        continue
      }
      const rule = Object.hasOwn(RULES, key) ? RULES[key] : undefined
      if (!rule) {
        answers.push([key, 'NotUnderstood'])
        continue
      }
      // An answer to what we never offered, or the same key twice.
      if (value === 'NotUnderstood' || value === 'Irrelevant' || value === 'Reject') continue
      if (this.#seen.has(key)) {
        answers.push([key, 'Reject'])
        continue
      }
      this.#seen.add(key)
      if (discovery && ONLY_NORMAL.has(key)) answers.push([key, IRRELEVANT])
      else answers.push([key, rule(value, this.result) ?? 'Reject'])
    }
    // RFC 7143, 13.14: FirstBurstLength may not exceed MaxBurstLength.
    if (this.result.firstBurst > this.result.maxBurst) this.result.firstBurst = this.result.maxBurst
    return answers
  }
}

import { LOGIN_STATUS, type LoginStatus } from '../../protocols/iscsi/login-status.ts'
import type { Target } from '../../volumes/engine.ts'

/** What the first Login PDU says, and from where it came. Names are as they were sent. */
export type LoginFacts = Readonly<{
  initiator: string | null
  target: string | null
  sessionType: string | null
  /** Dotted decimal. */
  address: string
}>

/** `reason` is one line for traces and `why`; it holds no secret. */
export type LoginDecision =
  | Readonly<{ kind: 'refuse'; status: LoginStatus; reason: string }>
  | Readonly<{ kind: 'discovery'; targets: readonly string[]; reason: string }>
  | Readonly<{ kind: 'normal'; target: Target; reason: string }>

/**
 * Who may log in where. CHAP is not judged here: it takes further PDUs, which the connection exchanges before the session begins.
 * Discovery shows just the targets that this initiator may log in to.
 */
export function decideLogin(
  facts: LoginFacts,
  targets: Readonly<{ get(iqn: string): Target | undefined; values(): Iterable<Target> }>,
): LoginDecision {
  // RFC 7143, 13.5 and 13.21: both have to be in the first request; SessionType is Normal when it is not said.
  if (facts.initiator === null || facts.initiator === '')
    return refuse(LOGIN_STATUS.missingParameter, 'the initiator did not tell its name')
  if (facts.sessionType === 'Discovery') {
    const visible: string[] = []
    for (const target of targets.values()) if (refusalOf(target, facts) === undefined) visible.push(target.iqn)
    return { kind: 'discovery', targets: visible, reason: `discovery: ${visible.length} targets may be seen` }
  }
  if (facts.sessionType !== null && facts.sessionType !== 'Normal')
    return refuse(LOGIN_STATUS.sessionTypeNotSupported, 'the session type is neither Normal nor Discovery')
  if (facts.target === null || facts.target === '')
    return refuse(LOGIN_STATUS.missingParameter, 'the initiator did not name a target')
  const target = targets.get(facts.target) ?? targets.get(facts.target.toLowerCase())
  if (!target) return refuse(LOGIN_STATUS.notFound, 'there is no such target')
  const refusal = refusalOf(target, facts)
  if (refusal !== undefined) return refuse(LOGIN_STATUS.notAllowed, refusal)
  return { kind: 'normal', target, reason: target.chap ? 'allowed, if its CHAP secret is right' : 'allowed' }
}

/** Why this target is not for this initiator; `undefined`: it is. */
function refusalOf(target: Target, facts: LoginFacts): string | undefined {
  const name = facts.initiator?.toLowerCase()
  if (target.initiators !== null && !target.initiators.some((one) => one.toLowerCase() === name))
    return 'the target is for another initiator name'
  if (target.addresses !== null && !target.addresses.includes(facts.address))
    return `the target is not for the address ${facts.address}`
  return undefined
}

const refuse = (status: LoginStatus, reason: string): LoginDecision => ({ kind: 'refuse', status, reason })

import type { PowerState } from './power.ts'

/**
 * What is done about a restart that a driver took and nobody saw. `judge`: it is tried by switching off and on only if it did not happen,
 * as far as that can be told. `tell`: it is only said. `insist`: it is always tried so.
 */
export const UNSEEN_RESTARTS = ['judge', 'tell', 'insist'] as const
export type UnseenRestart = (typeof UNSEEN_RESTARTS)[number]

/** One look at the power after an order. `own`: the driver that was given the order read it. */
export type Look = Readonly<{ askedAt: number; readAt: number; state: PowerState; own: boolean }>

/** A machine is off for at least so long in a power cycle (IPMI 2.0 §28.3): whoever looks as often sees it. In milliseconds. */
const LEAST_OFF_MS = 1000
/** A BMC may take so long to begin, in milliseconds. */
export const WATCH_MS = 10_000
/** Large servers test their memory for minutes before they ask the network for anything; in milliseconds. */
export const START_MS = 240_000

/** What is known of a restart, in milliseconds of the same clock. */
export type UnseenEvidence = Readonly<{
  unseen: UnseenRestart
  /** From when on a machine that obeys can be off; `null`: nothing that could be read would show it. */
  offFrom: number | null
  looks: readonly Look[]
  orderedAt: number
  endedAt: number
  /** Whether what it does first when it starts is seen here. */
  startsHere: boolean
  watchMs?: number | undefined
}>

/** `refuted`: it did not happen. `why` follows the words of the order. */
export type UnseenJudgement = Readonly<{ escalate: boolean; refuted: boolean; why: string }>

/**
 * What to do about a restart that was taken and not seen when the time to look is over. A machine that did restart must not lose
 * its power a second time: where nothing proves that it did not, that is said and nothing done.
 */
export function judgeUnseen(evidence: UnseenEvidence): UnseenJudgement {
  const { unseen, looks, orderedAt, endedAt, startsHere } = evidence
  const watchedMs = endedAt - orderedAt
  if (looks.some(({ state }) => state === 'off'))
    return { escalate: false, refuted: false, why: 'it was seen off, and then nothing could tell whether it is on' }
  const stayed = stayedOn(evidence)
  const missing = startsHere && watchedMs >= START_MS
  const why = stayed
    ? `its power was on at each of ${looks.length} looks in ${seconds(watchedMs)}, closer together than a power cycle is long`
    : missing
      ? `it boots from here, and nothing was seen of its start in ${seconds(watchedMs)}`
      : `nothing tells whether it happened: ${untold(evidence)}`
  const refuted = stayed || missing
  if (unseen === 'tell') return { escalate: false, refuted: false, why }
  return { escalate: refuted || unseen === 'insist', refuted, why }
}

function stayedOn({ offFrom, looks, watchMs = WATCH_MS }: UnseenEvidence): boolean {
  if (offFrom === null || looks.at(-1)?.state !== 'on') return false
  const watched = watchedUntil(offFrom, looks)
  return watched - offFrom >= watchMs
}

/** Until when it cannot have been off for a moment without being seen. */
function watchedUntil(offFrom: number, looks: readonly Look[]): number {
  let until = offFrom
  for (const { askedAt, readAt, state, own } of looks) {
    // Others tell of another power: an outlet stays on when a BMC switches. A clock that was set proves nothing.
    if (!own || state !== 'on') continue
    if (readAt - until > LEAST_OFF_MS || askedAt < until) break
    until = askedAt
  }
  return until
}

function untold({ offFrom, looks, orderedAt, endedAt, watchMs = WATCH_MS }: UnseenEvidence): string {
  if (!looks.some(({ state }) => state === 'on')) return 'its power could not be read'
  if (offFrom === null) return 'its power is on during a restart of this kind, or its driver cannot show more'
  if (endedAt - orderedAt < watchMs) return `its power was on, but was watched for ${seconds(endedAt - orderedAt)} only`
  return 'its power was on whenever it was read, but it could not be read often enough to see it off'
}

const seconds = (ms: number) => `${Math.round(ms / 1000)} s`

import type { Deployment } from './deployment.ts'
import { awaitingHome, failed, isInstalled, succeeded } from './lifecycle.ts'

/** What deployments need for systems that are told to phone home. */
export type HomeWatch = Readonly<{
  /** How long such a system may take from its start to its call, in milliseconds. */
  patienceMs: number
  /** Why a machine (id) may not have called, from what was seen of it last. */
  lastSeen: (machine: string) => string | undefined
}>

const MINUTE_MS = 60_000
/** For those who know no better. */
export const HOME_WATCH: HomeWatch = { patienceMs: 20 * MINUTE_MS, lastSeen: () => undefined }

/**
 * What follows when the system that was written is started: the end, or the wait for its call where its config tells it to phone home.
 * `seen`: how that is known, for the reason. The same deployment where it waits already.
 */
export function started(d: Deployment, seen: string, { patienceMs }: HomeWatch, now: number): Deployment {
  if (d.order?.phonesHome !== true) return succeeded(d, seen, now)
  return d.homeAwaitedAt == null ? awaitingHome(d, now, patienceMs) : d
}

/** The time for the call is over. */
export function notHome(d: Deployment, { patienceMs, lastSeen }: HomeWatch, now: number): Deployment {
  const minutes = Math.round(patienceMs / MINUTE_MS)
  const seen = lastSeen(d.machine) ?? 'nothing was heard of it lately'
  const why = `its system was started and did not phone home within ${minutes} minutes: ${seen}`
  const next = `log in to it, or look at its console: reveille why tells what was seen; a call that still comes makes it good; else deploy it again, or set the machine active`
  return failed(d, why, next, now)
}

/** What a call of an installed system does. `reason`: one sentence, for the trace of the boot. */
export type HomeCall = Readonly<{ counts: boolean; reason: string }>

/** The same with what becomes of the deployment; `null`: nothing. `late`: it had failed already, only for want of this call. */
export type HomeDecision = HomeCall & Readonly<{ becomes: Deployment | null; late: boolean }>

/**
 * What follows from the call of the system that `d` has written. `since`: a deployment of the machine that was begun after it, which may
 * have written over that system. A failure is undone by the call only if the call, or the start that it proves, is all that was missing.
 */
export function calledHome(d: Deployment, since: Deployment | undefined, now: number): HomeDecision {
  const nothing = (reason: string) => ({ counts: false, reason, becomes: null, late: false })
  if (since) return nothing(`the call is of what ${d.id} wrote, and ${since.id} was begun on the machine since`)
  if (d.state === 'rebooting') {
    const becomes = succeeded(d, 'its disk is written and verified, and its system phoned home', now)
    return { counts: true, reason: `${d.id} waited for this call and has succeeded`, becomes, late: false }
  }
  if (d.state === 'succeeded') return { ...nothing(`${d.id} has succeeded before`), counts: true }
  if (d.state !== 'failed') return nothing(`${d.id} is ${d.state}`)
  if (d.order?.phonesHome !== true || !isInstalled(d)) return nothing(`${d.id} failed otherwise: ${d.reason}`)
  const behind = `${timeAfter(now - (d.endedAt ?? now))} after the deadline`
  const reason = `its disk is written and verified, and its system phoned home, ${behind}`
  return {
    counts: true,
    reason: `it called home ${behind}; ${d.id} had failed and has succeeded`,
    becomes: late(d, reason, now),
    late: true,
  }
}

/** What was promised for the end of a reserved time that is over is not done any more: others may have the machine. */
function late(d: Deployment, reason: string, now: number): Deployment {
  const isOver = d.reservedUntil !== null && d.reservedUntil <= now
  if (!isOver) return succeeded(d, reason, now)
  const next = d.release === 'leave' ? '' : `its reserved time is over: what was to follow (${d.release}) was not done`
  return { ...succeeded(d, reason, now), next, releasedAt: now }
}

function timeAfter(ms: number): string {
  const minutes = Math.max(1, Math.round(ms / MINUTE_MS))
  if (minutes === 1) return '1 minute'
  return minutes < 120 ? `${minutes} minutes` : `${Math.round(minutes / 60)} hours`
}

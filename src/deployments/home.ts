import type { Deployment } from './deployment.ts'
import { awaitingHome, failed, succeeded } from './lifecycle.ts'

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
  const next = `log in to it, or look at its console: reveille why tells what was seen; then deploy it again, or set the machine active`
  return failed(d, why, next, now)
}

import type { TraceKind } from '../../traces/kinds.ts'
import type { Outcome, Stage } from '../../traces/trace.ts'
import type { ScriptDecision } from './decide.ts'
import { UNNAMED } from './disc.ts'

/** What a trace tells of a script or of a report. */
export type Noted = Readonly<{ kind: TraceKind; stage: Stage; outcome: Outcome; summary: string; reason: string }>

export function scriptEvent({ does, profile, reason, refused }: Omit<ScriptDecision, 'script'>): Noted {
  if (refused)
    return {
      ...{ kind: 'http.script', stage: 'script', outcome: 'refused', reason },
      summary: `it asked for an entry of ${profile} without the right password`,
    }
  const summary =
    does === 'park'
      ? 'it asked for its script and is told to wait'
      : does === 'ignore'
        ? 'it asked for a script and is sent back to its firmware'
        : does === 'agent'
          ? 'it asked for its script and is told to boot the management OS'
          : `it asked for its script and is told to boot ${profile === null ? UNNAMED[does === 'local' ? 'OWN-DISK' : 'DISC'] : `${profile} (${does})`}`
  return { kind: 'http.script', stage: 'script', outcome: does === 'ignore' ? 'ignored' : 'ok', summary, reason }
}

/** A system fetched how to log in to its disks. */
export const LOGIN_NOTED: Noted = {
  ...{ kind: 'http.blob', stage: 'fetch', outcome: 'ok' },
  summary: 'it asked over TFTP how its system logs in to its disks',
  reason: 'GRUB attaches no disks: the system does so by itself',
}

export function markEvent(
  kind: TraceKind,
  profile: string,
  once: boolean,
  detail: { step?: string; error?: string },
): Noted {
  if (kind === 'mark.launch') {
    const reason = once ? 'all steps before it went well; the next boot is used up' : 'all steps before it went well'
    return { kind, stage: 'launch', outcome: 'ok', summary: `it passes control to ${profile} now`, reason }
  }
  const where = detail.step ? `the step ${detail.step} of ${profile}` : `a step of ${profile}`
  const reason = detail.error
    ? `iPXE says error ${detail.error} (http://ipxe.org/${detail.error})`
    : 'it gave no reason; its screen may say more'
  const summary = kind === 'mark.failed' ? `${where} failed; it tries again` : `${where} is tried again`
  return { kind, stage: 'script', outcome: 'failed', summary, reason }
}

/** What a failing script reports of itself, cut down to what can be its own words. */
export function failureDetail(query: URLSearchParams): { step?: string; error?: string } {
  const step = query.get('step') ?? ''
  const error = query.get('error') ?? ''
  return {
    ...(/^[a-z0-9-]{1,32}$/.test(step) ? { step } : {}),
    ...(/^(0x)?[0-9a-f]{1,8}$/.test(error) ? { error: error.replace('0x', '') } : {}),
  }
}

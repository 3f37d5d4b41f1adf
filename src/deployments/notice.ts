import type { Deployment, LogLine } from './deployment.ts'
import { isAtRest } from './deployment.ts'

/** That a deployment has ended. `machine` is the name. */
export type Notice = Readonly<{ deployment: Deployment; machine: string }>

/** Tells people and programs. Resolves when that is done or given up, with what to write into the deployment's log; never with a secret. */
export interface Notifier {
  tell(notice: Notice): Promise<readonly Pick<LogLine, 'level' | 'text'>[]>
}

/** What a webhook receives, as JSON. Fields are only added, never changed. */
export function noticeBody({ deployment: d, machine }: Notice): Readonly<Record<string, unknown>> {
  return {
    event: 'deployment.ended',
    deployment: d.id,
    machine,
    machineId: d.machine,
    action: d.action.kind,
    profile: d.action.kind === 'install' ? d.action.profile : null,
    state: d.state,
    reason: d.reason,
    next: d.next,
    orderedBy: d.orderedBy,
    createdAt: new Date(d.createdAt).toISOString(),
    endedAt: d.endedAt === null ? null : new Date(d.endedAt).toISOString(),
  }
}

/** The same for people. */
export function noticeText({ deployment: d, machine }: Notice): Readonly<{ subject: string; text: string }> {
  const what = d.action.kind === 'install' ? d.action.profile : d.action.kind
  const ended = isAtRest(d) ? d.state : 'still under way'
  const lines = [
    `The deployment ${d.id} (${what}) on ${machine} ${ended === 'succeeded' ? 'has' : 'is'} ${ended}.`,
    '',
    d.reason,
  ]
  if (d.next !== '') lines.push(`Next: ${d.next}`)
  return { subject: `${machine}: ${what} ${ended}`, text: `${lines.join('\n')}\n` }
}

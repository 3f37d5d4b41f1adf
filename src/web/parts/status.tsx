import {
  IconAlertTriangle,
  IconArchive,
  IconBan,
  IconCircleCheck,
  IconCircleDashed,
  IconCircleX,
  IconClock,
  IconEye,
  IconHelpCircle,
  IconHourglass,
  IconLoader2,
  IconPlayerPause,
  IconPower,
  IconTool,
} from '@tabler/icons-react'
import type { ComponentType, ReactNode } from 'react'
import type { z } from 'zod'
import type { Deployment } from '../../api/contract/deployments.ts'
import type { Machine } from '../../api/contract/machines.ts'
import type { PowerStatus as PowerAnswer } from '../../api/contract/power.ts'
import type { Finding, Listeners } from '../../api/contract/server.ts'
import type { Trace } from '../../api/contract/traces.ts'
import style from './status.module.css'

export type Tone = 'good' | 'busy' | 'wait' | 'bad' | 'note' | 'calm'
type Icon = ComponentType<{ size?: number; className?: string | undefined; 'aria-hidden'?: boolean }>
export type Look = readonly [Tone, Icon, string]

/** Every state looks the same wherever it is shown: colour, sign and word. */
export function Status({
  look,
  children,
  bare,
  hint,
}: {
  look: Look
  children?: ReactNode
  bare?: boolean
  hint?: string
}) {
  const [tone, Sign, word] = look
  return (
    <span className={style.status} data-tone={tone} data-bare={bare || undefined} title={hint}>
      <Sign size={14} aria-hidden className={Sign === IconLoader2 ? style.turning : undefined} />
      {children ?? word}
    </span>
  )
}

export const MACHINE_LOOKS: Readonly<Record<Machine['state'], Look>> = {
  discovered: ['wait', IconEye, 'discovered'],
  ready: ['calm', IconCircleDashed, 'ready'],
  deploying: ['busy', IconLoader2, 'deploying'],
  active: ['good', IconCircleCheck, 'active'],
  failed: ['bad', IconCircleX, 'failed'],
  maintenance: ['note', IconTool, 'maintenance'],
  retired: ['calm', IconArchive, 'retired'],
}

export const TRACE_LOOKS: Readonly<Record<Trace['state'], Look>> = {
  running: ['busy', IconLoader2, 'running'],
  stalled: ['wait', IconHourglass, 'stalled'],
  launched: ['good', IconCircleCheck, 'launched'],
  parked: ['calm', IconPlayerPause, 'parked'],
  failed: ['bad', IconCircleX, 'failed'],
  superseded: ['calm', IconArchive, 'superseded'],
}

export const DEPLOYMENT_LOOKS: Readonly<Record<Deployment['state'], Look>> = {
  queued: ['wait', IconClock, 'queued'],
  armed: ['wait', IconClock, 'armed'],
  powering: ['busy', IconLoader2, 'powering'],
  booting: ['busy', IconLoader2, 'booting'],
  running: ['busy', IconLoader2, 'running'],
  writing: ['busy', IconLoader2, 'writing'],
  verifying: ['busy', IconLoader2, 'verifying'],
  rebooting: ['busy', IconLoader2, 'rebooting'],
  succeeded: ['good', IconCircleCheck, 'succeeded'],
  failed: ['bad', IconCircleX, 'failed'],
  cancelled: ['calm', IconBan, 'cancelled'],
}

export const TASK_LOOKS: Readonly<Record<Deployment['tasks'][number]['state'], Look>> = {
  waiting: ['calm', IconCircleDashed, 'waiting'],
  running: ['busy', IconLoader2, 'running'],
  done: ['good', IconCircleCheck, 'done'],
  failed: ['bad', IconCircleX, 'failed'],
  skipped: ['calm', IconPlayerPause, 'skipped'],
}

type Power = z.infer<typeof PowerAnswer>['state']
export const POWER_LOOKS: Readonly<Record<Power, Look>> = {
  on: ['good', IconPower, 'on'],
  off: ['calm', IconPower, 'off'],
  unknown: ['wait', IconHelpCircle, 'unknown'],
}

const FINDING_LOOKS: Readonly<Record<Finding['status'], Look>> = {
  ok: ['good', IconCircleCheck, 'ok'],
  warning: ['wait', IconAlertTriangle, 'warning'],
  failed: ['bad', IconCircleX, 'failed'],
}

const LISTENER_LOOKS: Readonly<Record<z.infer<typeof Listeners>[number]['state'], Look>> = {
  listening: ['good', IconCircleCheck, 'listening'],
  waiting: ['wait', IconHourglass, 'waiting'],
  failed: ['bad', IconCircleX, 'failed'],
  off: ['calm', IconPower, 'off'],
}

export const MachineState = ({ state }: { state: Machine['state'] }) => <Status look={MACHINE_LOOKS[state]} />
export const DeploymentState = ({ state }: { state: Deployment['state'] }) => <Status look={DEPLOYMENT_LOOKS[state]} />
export const TraceState = ({ state, bare }: { state: Trace['state']; bare?: boolean }) => (
  <Status look={TRACE_LOOKS[state]} {...(bare ? { bare } : {})} />
)
export const PowerState = ({ state }: { state: Power }) => (
  <Status look={POWER_LOOKS[state]}>{state === 'unknown' ? 'power unknown' : state}</Status>
)
export const FindingStatus = ({ status }: { status: Finding['status'] }) => <Status look={FINDING_LOOKS[status]} />
export const ListenerState = ({ state }: { state: keyof typeof LISTENER_LOOKS }) => (
  <Status look={LISTENER_LOOKS[state]} />
)

/** The look of a trace state that came as plain text. */
export function traceLook(state: string): Look {
  return TRACE_LOOKS[state as Trace['state']] ?? ['calm', IconHelpCircle, state]
}

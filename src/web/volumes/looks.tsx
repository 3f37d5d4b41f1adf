import {
  IconAlertTriangle,
  IconBan,
  IconCircleCheck,
  IconCircleX,
  IconEye,
  IconHourglass,
  IconLoader2,
  IconPlayerPause,
  IconRotate,
} from '@tabler/icons-react'
import type { Rollout } from '../../api/contract/maintenance.ts'
import type { Volume, VolumeJob } from '../../api/contract/volumes.ts'
import { type Look, Status } from '../parts/status.tsx'
import { CONDITION_HINTS } from './words.ts'

export const CONDITION_LOOKS: Readonly<Record<Volume['condition'], Look>> = {
  ready: ['good', IconCircleCheck, 'ready'],
  modified: ['wait', IconRotate, 'modified'],
  mounted: ['note', IconEye, 'mounted'],
  offline: ['calm', IconPlayerPause, 'offline'],
  damaged: ['bad', IconCircleX, 'damaged'],
}
export const JOB_LOOKS: Readonly<Record<VolumeJob['state'], Look>> = {
  running: ['busy', IconLoader2, 'running'],
  succeeded: ['good', IconCircleCheck, 'succeeded'],
  failed: ['bad', IconCircleX, 'failed'],
}
export const POOL_LOOKS: Readonly<Record<'ok' | 'warning' | 'full', Look>> = {
  ok: ['good', IconCircleCheck, 'ok'],
  warning: ['wait', IconAlertTriangle, 'filling up'],
  full: ['bad', IconBan, 'full'],
}
export const ROLLOUT_LOOKS: Readonly<Record<Rollout['state'], Look>> = {
  canary: ['wait', IconHourglass, 'canary'],
  all: ['good', IconCircleCheck, 'all machines'],
  'rolled-back': ['calm', IconRotate, 'rolled back'],
}

export const VolumeCondition = ({ condition }: { condition: Volume['condition'] }) => (
  <Status look={CONDITION_LOOKS[condition]} hint={CONDITION_HINTS[condition]} />
)

import {
  IconPlayerTrackNext,
  IconPower,
  IconRefresh,
  IconRotate,
  IconTemplate,
  IconTransfer,
  IconZzz,
} from '@tabler/icons-react'
import type { ComponentType } from 'react'
import type { BatchAction } from './words.ts'

/** The sign of each action on many machines, wherever it is offered. */
export const ACTION_ICONS: Readonly<Record<BatchAction, ComponentType<{ size?: number }>>> = {
  on: IconPower,
  soft: IconZzz,
  off: IconPower,
  cycle: IconRefresh,
  reset: IconRotate,
  boot: IconTemplate,
  'boot-once': IconPlayerTrackNext,
  switch: IconTransfer,
}

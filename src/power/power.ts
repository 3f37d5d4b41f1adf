import type { Mac } from '../kit/mac.ts'

export const POWER_ACTIONS = ['on', 'off', 'cycle', 'reset', 'soft'] as const
export type PowerAction = (typeof POWER_ACTIONS)[number]
export type PowerState = 'on' | 'off' | 'unknown'

/** Switches one machine. Every call reads back what is so: the state returned is seen, not assumed. */
export interface Power {
  /** The word for this driver, such as `lab`. */
  readonly driver: string
  state(): Promise<PowerState>
  perform(action: PowerAction): Promise<PowerState>
}

/** Finds the driver of a machine; `undefined` when nothing can switch it. */
export type PowerFinder = (machine: { macs: readonly Mac[] }) => Power | undefined

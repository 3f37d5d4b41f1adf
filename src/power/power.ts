import type { Mac } from '../kit/mac.ts'

/** `soft` asks the operating system to end; `diag` sends a diagnostic interrupt (NMI). */
export const POWER_ACTIONS = ['on', 'off', 'cycle', 'reset', 'soft', 'diag'] as const
export type PowerAction = (typeof POWER_ACTIONS)[number]
export type PowerState = 'on' | 'off' | 'unknown'

/**
 * Switches one machine. Every call reads back what is so: the state returned is seen, not assumed. What the rest of the
 * server asks; behind it are the drivers that the machine names, in their order.
 */
export interface Power {
  /** The word for this driver, such as `lab`. */
  readonly driver: string
  state(): Promise<PowerState>
  perform(action: PowerAction): Promise<PowerState>
}

/** Finds what switches a machine; `undefined` when nothing can. */
export type PowerFinder = (machine: { macs: readonly Mac[] }) => Power | undefined

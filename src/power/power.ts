import type { Mac } from '../kit/mac.ts'

/** `soft` asks the operating system to end; `diag` sends a diagnostic interrupt (NMI). */
export const POWER_ACTIONS = ['on', 'off', 'cycle', 'reset', 'soft', 'diag'] as const
export type PowerAction = (typeof POWER_ACTIONS)[number]
export type PowerState = 'on' | 'off' | 'unknown'

/** The machine that is meant. */
export type PowerMachine = Readonly<{ id: string; name: string; macs: readonly Mac[] }>

/**
 * More about an order. `apart`: nothing was heard of the machine since its last restart, so that a cycle is to be off, seen off, and on.
 * `told`: what had to be done besides, in words for people.
 */
export type PowerOrder = Readonly<{ apart?: boolean; told?: (words: string) => void }>

/**
 * Switches one machine. Every call reads back what is so: the state returned is seen, not assumed. What the rest of the
 * server asks; behind it are the drivers that the machine names, in their order.
 */
export interface Power {
  /** The word for this driver, such as `lab`. */
  readonly driver: string
  state(): Promise<PowerState>
  /** Refused with what each driver said when none took it. */
  perform(action: PowerAction, how?: PowerOrder): Promise<PowerState>
  /**
   * Tells the firmware to boot from the network the next time, where a driver can. What went wrong is the result, in words;
   * `null`: it was told, or there is no way to tell it.
   */
  prepareNetworkBoot?(): Promise<string | null>
}

/** Finds what switches a machine; `undefined` when nothing can. */
export type PowerFinder = (machine: PowerMachine) => Power | undefined

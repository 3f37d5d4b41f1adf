import type { PowerAction, PowerState } from './power.ts'

/** What did not work on the way, and with which driver. */
export type PowerProblem = Readonly<{ driver: string; cause: string }>

/** One order to one driver, and what was seen of it. `open`: nothing tells whether it was carried out; `failed`: it was not taken. */
export type PowerStep = Readonly<{
  at: number
  driver: string
  action: PowerAction
  outcome: 'confirmed' | 'refuted' | 'open' | 'failed'
  /** In words. */
  said: string
}>

/** What was read of a machine, or what came of an action. */
export type PowerReport = Readonly<{
  state: PowerState
  /** The driver that said so; the one that was asked last when none could. */
  driver: string
  /** Milliseconds since 1970. */
  checkedAt: number
  /** After an action: whether what was read back is what the action leads to. `null`: nothing was ordered, or it cannot be told. */
  confirmed: boolean | null
  problems: readonly PowerProblem[]
  /** After an action: every order that was given for it, in turn. */
  steps?: readonly PowerStep[]
}>

const WORDS: Readonly<Record<PowerAction, string>> = {
  on: 'on',
  off: 'off',
  cycle: 'power cycle',
  reset: 'reset',
  soft: 'clean shutdown',
  diag: 'interrupt',
}

/** One step in words, such as `off by outlet: the power is off`. */
export function stepText({ action, driver, said }: Pick<PowerStep, 'action' | 'driver' | 'said'>): string {
  return `${WORDS[action]} by ${driver}: ${said}`
}

/** What had to be done beyond one order, in words; `undefined`: nothing. */
export function besidesText({ steps = [] }: Pick<PowerReport, 'steps'>): string | undefined {
  return steps.length > 1 ? steps.map(stepText).join('; ') : undefined
}

/** An answer, the driver that gave it, and why those before it did not. */
export type Told<T> = Readonly<{ driver: string; value: T; problems: readonly PowerProblem[] }>

/** What was read last of a machine. */
export type PowerReading = Readonly<{
  state: PowerState
  driver: string | null
  /** When it was read, or when that was tried last; milliseconds since 1970. */
  readAt: number
  /** Why it could not be read; none when it was. */
  problems: readonly PowerProblem[]
}>

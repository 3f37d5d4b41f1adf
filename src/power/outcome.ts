import type { PowerState } from './power.ts'

/** What did not work on the way, and with which driver. */
export type PowerProblem = Readonly<{ driver: string; cause: string }>

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
}>

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

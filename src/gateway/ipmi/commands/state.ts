/** What one emulated BMC remembers until the process ends. */
export type BmcState = {
  /** Milliseconds since 1970 when it began to answer. */
  readonly startedAt: number
}

export function newBmcState(now: number): BmcState {
  return { startedAt: now }
}

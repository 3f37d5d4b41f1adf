/** How one call went. `at`: when it ended. */
export type CallOutcome = Readonly<{ ok: boolean; ms: number; at: number; cause: string }>

export type Health = Readonly<{
  /** The newest calls, oldest first; at most `CALLS_KEPT`. */
  calls: readonly CallOutcome[]
  lastSuccessAt: number | null
  lastFailureAt: number | null
  lastFailure: string | null
}>

export const CALLS_KEPT = 20
export const NO_CALLS: Health = { calls: [], lastSuccessAt: null, lastFailureAt: null, lastFailure: null }
/** How much less each call counts than the one after it. */
const FADING = 0.85

export function noted(health: Health, call: CallOutcome): Health {
  const calls = [...health.calls, call].slice(-CALLS_KEPT)
  if (call.ok) return { ...health, calls, lastSuccessAt: call.at }
  return { ...health, calls, lastFailureAt: call.at, lastFailure: call.cause }
}

/** 0 (never answers) to 100; newer calls count more. `null` before the first. */
export function scoreOf({ calls }: Health): number | null {
  if (calls.length === 0) return null
  let all = 0
  let good = 0
  calls.forEach(({ ok }, index) => {
    const weight = FADING ** (calls.length - 1 - index)
    all += weight
    if (ok) good += weight
  })
  return Math.round((100 * good) / all)
}

/** Of the calls that were answered, in milliseconds; `null` when none was. */
export function medianOf({ calls }: Health): number | null {
  const times = calls.filter(({ ok }) => ok).map(({ ms }) => ms)
  times.sort((a, b) => a - b)
  const middle = times.length >> 1
  if (times.length === 0) return null
  return times.length % 2 === 1 ? times[middle]! : (times[middle - 1]! + times[middle]!) / 2
}

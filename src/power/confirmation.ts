import type { PowerAction, PowerState } from './power.ts'

/**
 * Whether an action did what it is for, from what was read since. `life`: the machine was seen to start since then, in a boot
 * of its own. `refuted` while there is time left means: not yet.
 */
export function judge(
  action: PowerAction,
  before: PowerState,
  seen: readonly PowerState[],
  life: boolean,
): 'confirmed' | 'refuted' | 'open' {
  const last = seen.at(-1) ?? 'unknown'
  switch (action) {
    case 'on':
      if (last === 'on' || life) return 'confirmed'
      return last === 'off' ? 'refuted' : 'open'
    case 'off':
    case 'soft':
      if (last === 'off') return 'confirmed'
      return last === 'on' ? 'refuted' : 'open'
    case 'cycle':
      // That it is on proves nothing when it was on before: it must have been seen off, or starting.
      if (life || (last === 'on' && (before === 'off' || seen.includes('off')))) return 'confirmed'
      return last === 'off' ? 'refuted' : 'open'
    case 'reset':
      if (life) return 'confirmed'
      return last === 'off' ? 'refuted' : 'open'
    case 'diag':
      return 'open'
  }
}

const FIRST_LOOK_MS = 100
const LONGEST_PAUSE_MS = 3000
/** An off that may be short is looked for so often, and so long, in milliseconds. */
const CLOSE_PAUSE_MS = 400
const CLOSELY_MS = 20_000

/**
 * Pauses before each look at the outcome, in milliseconds: soon at first, then less often. Together they are `waitMs`. `closely`: the
 * machine is expected to be off for a moment.
 */
export function looks(action: PowerAction, waitMs: number, closely = false): number[] {
  // Nothing that could be read would tell of an interrupt.
  if (action === 'diag') return [0]
  const pauses: number[] = [0]
  let pause = FIRST_LOOK_MS
  for (let left = waitMs; left > 0; left -= pauses.at(-1)!) {
    pauses.push(Math.min(pause, left))
    const longest = closely && waitMs - left < CLOSELY_MS ? CLOSE_PAUSE_MS : LONGEST_PAUSE_MS
    pause = Math.min(pause * 1.7, longest)
  }
  return pauses
}

/** What a caller is told at the end. `null`: it cannot be told. */
export function told(verdict: ReturnType<typeof judge>, waitMs: number): boolean | null {
  if (verdict === 'confirmed') return true
  // Without time to act, not yet is no answer.
  return verdict === 'refuted' && waitMs > 0 ? false : null
}

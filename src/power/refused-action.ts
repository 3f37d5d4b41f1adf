import { Refusal } from '../kit/errors.ts'
import type { PowerAction } from './power.ts'

/** An action that a driver does not have. Callers choose by `actions`; this is for those who did not look. */
export function refusedAction(kind: string, action: PowerAction, has: readonly PowerAction[]): Refusal {
  const can = has.length === 0 ? 'no action at all' : has.join(', ')
  return new Refusal('wrong-state', `the ${kind} driver cannot do ${action}`, {
    next: `it can do ${can}; give the machine another driver for the rest`,
  })
}

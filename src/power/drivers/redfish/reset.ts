import type { PowerAction, PowerState } from '../../power.ts'
import { text } from './fields.ts'

/** ResetType (DSP0268, Resource) for an action, the best first. A cycle that is not offered is made of `off` and `on`. */
const TYPES: Readonly<Record<PowerAction, readonly string[]>> = {
  on: ['On', 'ForceOn', 'PushPowerButton'],
  off: ['ForceOff'],
  cycle: ['PowerCycle'],
  reset: ['ForceRestart', 'PowerCycle'],
  soft: ['GracefulShutdown', 'PushPowerButton'],
  diag: ['Nmi', 'DiagnosticInterrupt'],
}

/** The type to ask for; `undefined` when the machine offers none. `offered` empty: it does not say. */
export function resetTypeFor(action: PowerAction, offered: readonly string[]): string | undefined {
  return offered.length === 0 ? TYPES[action][0] : TYPES[action].find((type) => offered.includes(type))
}

/** A machine that is being switched is what it was: it is off when it is off. */
export function powerStateOf(value: unknown): PowerState {
  switch (text(value)) {
    case 'On':
    case 'PoweringOff':
    case 'Paused':
      return 'on'
    case 'Off':
    case 'PoweringOn':
      return 'off'
    default:
      return 'unknown'
  }
}

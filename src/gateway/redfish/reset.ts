import type { PowerAction } from '../../power/power.ts'
import { Problem } from './messages.ts'

/** ResetType of DSP0268 (Resource) that means exactly one of our actions. GracefulRestart would be two, so it is not offered. */
export const RESET_TYPES: Readonly<Record<string, PowerAction>> = {
  On: 'on',
  ForceOn: 'on',
  ForceOff: 'off',
  GracefulShutdown: 'soft',
  ForceRestart: 'reset',
  PowerCycle: 'cycle',
  Nmi: 'diag',
}

/** Reads the parameters of ComputerSystem.Reset. Throws a `Problem`. */
export function readReset(parameters: ReadonlyMap<string, unknown>, action: string, types: readonly string[]): string {
  for (const name of parameters.keys())
    if (name !== 'ResetType') throw new Problem('ActionParameterUnknown', [action, name], { property: `#/${name}` })
  const type = parameters.get('ResetType')
  if (type === undefined)
    throw new Problem('ActionParameterMissing', [action, 'ResetType'], { property: '#/ResetType' })
  if (typeof type !== 'string')
    throw new Problem('ActionParameterValueTypeError', [action, 'ResetType'], { property: '#/ResetType' })
  if (!types.includes(type))
    throw new Problem('ActionParameterValueNotInList', [type, 'ResetType', action], { property: '#/ResetType' })
  return type
}

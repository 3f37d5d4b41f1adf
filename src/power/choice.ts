import type { CircuitState } from './circuit.ts'
import type { Capability } from './driver.ts'
import type { PowerAction } from './power.ts'

/** What is known of a driver when one is chosen. */
export type Candidate = Readonly<{ name: string; capabilities: ReadonlySet<Capability>; circuit: CircuitState }>

/**
 * The drivers to try, first one first: those that can, in the machine's order, with those that rest behind the others.
 * `background`: nobody waits for it, so that those that rest are left alone.
 */
export function chosen<T extends Candidate>(
  candidates: readonly T[],
  capability: Capability,
  { only, background = false }: Readonly<{ only?: string | undefined; background?: boolean }> = {},
): T[] {
  const able = candidates.filter(
    ({ name, capabilities }) => capabilities.has(capability) && (only === undefined || name === only),
  )
  const awake = able.filter(({ circuit }) => circuit !== 'open')
  return background ? awake : [...awake, ...able.filter(({ circuit }) => circuit === 'open')]
}

/**
 * The actions that together are `action`, each done by the first driver that can; `undefined` when there is no way. A machine
 * that can be woken and shut down, each by another driver, can so be restarted.
 */
export function stepsTo(
  action: PowerAction,
  capabilities: ReadonlySet<Capability>,
): readonly PowerAction[] | undefined {
  if (capabilities.has(action)) return [action]
  if (action !== 'cycle' || !capabilities.has('on')) return undefined
  if (capabilities.has('off')) return ['off', 'on']
  return capabilities.has('soft') ? ['soft', 'on'] : undefined
}

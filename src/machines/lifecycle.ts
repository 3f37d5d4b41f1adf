import { Refusal } from '../kit/errors.ts'
import type { Machine, MachineState } from './machine.ts'

/** What leads from one state to another. `operator` is a person's wish; `deployment` what a deployment
 * does to its machine; the others are things that were seen. */
export type Cause = 'approve' | 'operator' | 'launch' | 'deployment'

const STATES_BY_CAUSE: Readonly<Record<Cause, Partial<Record<MachineState, readonly MachineState[]>>>> = {
  approve: { discovered: ['ready'] },
  operator: {
    discovered: ['retired'],
    ready: ['maintenance', 'retired'],
    active: ['ready', 'maintenance', 'retired'],
    failed: ['ready', 'maintenance', 'retired'],
    maintenance: ['ready', 'retired'],
    retired: ['ready', 'maintenance'],
  },
  deployment: {
    ready: ['deploying', 'active', 'failed'],
    active: ['deploying', 'ready', 'failed'],
    failed: ['deploying', 'ready', 'active'],
    deploying: ['ready', 'active', 'failed'],
  },
  launch: { ready: ['active'], active: ['active'], failed: ['active'] },
}

/** Whether a cause leads from one state to another; staying where it is needs no cause. */
export function allows(cause: Cause, from: MachineState, to: MachineState): boolean {
  return from === to || (STATES_BY_CAUSE[cause][from] ?? []).includes(to)
}

/** The machine in its new state, or a `Refusal` (`wrong-state`) that says what is possible instead. */
export function moved(machine: Machine, to: MachineState, cause: Cause): Machine {
  if (machine.state === to && cause !== 'approve') return machine
  if (!allows(cause, machine.state, to) || machine.state === to)
    throw new Refusal('wrong-state', `${machine.name} is ${machine.state}; that does not lead to ${to}`, {
      next: nextStep(machine, cause),
    })
  return { ...machine, state: to }
}

function nextStep(machine: Machine, cause: Cause): string {
  if (cause === 'approve') return 'only a discovered machine is approved; this one is known already'
  if (machine.state === 'discovered') return `approve it first: reveille machine approve ${machine.name}`
  const possible = STATES_BY_CAUSE[cause][machine.state] ?? []
  return possible.length > 0 ? `possible now: ${possible.join(', ')}` : 'wait until what it is doing has ended'
}

/** Refuses to forget a machine while something is being done to it. */
export function assertRemovable(machine: Machine): void {
  if (machine.state === 'deploying')
    throw new Refusal('wrong-state', `${machine.name} is being deployed and cannot be deleted now`, {
      next: 'cancel its deployment or wait until it has ended',
    })
}

/** Refuses a boot choice for a machine that would not act on it. `once` is the profile of a next boot, if one is ordered. */
export function assertBootable(machine: Machine, once: string | null | undefined): void {
  if (machine.state === 'discovered')
    throw new Refusal('wrong-state', `${machine.name} is not approved yet, so it boots nothing`, {
      next: `approve it first: reveille machine approve ${machine.name}`,
    })
  if (once && (machine.state === 'maintenance' || machine.state === 'retired'))
    throw new Refusal('wrong-state', `${machine.name} is in state ${machine.state} and is parked whatever is ordered`, {
      next: 'set its state to ready first',
    })
}

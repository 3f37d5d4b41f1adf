import { Refusal } from '../kit/errors.ts'
import type { Machine } from '../machines/machine.ts'
import type { Machines } from '../machines/machines.ts'
import type { PowerAction, PowerFinder, PowerState } from '../power/power.ts'
import { noDriver } from '../power/refusals.ts'
import type { BatchWork } from './batches.ts'

type Around = Readonly<{
  machines: Pick<Machines, 'setBoot'>
  power: PowerFinder
  /** Resets the overlays of a machine. */
  reset: (
    machine: Machine,
    how: Readonly<{ profile?: string | undefined; kick: boolean }>,
  ) => Promise<Readonly<{ reset: readonly string[]; atNextBoot: readonly string[] }>>
}>

/** What is read after actions that are done at once; a system that is asked to end takes its time. */
const LEADS_TO: Partial<Record<PowerAction, PowerState>> = { on: 'on', off: 'off', cycle: 'on', reset: 'on' }

/** What the actions of a batch do with one machine. */
export function batchWork({ machines, power, reset }: Around): BatchWork {
  const perform = async (machine: Machine, action: PowerAction) => {
    const driver = power(machine)
    if (!driver) throw noDriver(machine)
    let besides = ''
    const told = (words: string) => {
      besides = ` (${words})`
    }
    const state = await driver.perform(action, { told })
    if (state === 'unknown') return `the order was taken; nothing can tell its power state${besides}`
    const wanted = LEADS_TO[action]
    if (wanted !== undefined && state !== wanted)
      throw new Refusal(
        'wrong-state',
        `${machine.name} took the order (${action}), but its power is ${state}${besides}`,
        {
          next: `look at its drivers: reveille driver list ${machine.name}`,
        },
      )
    return `it is ${state}${besides}`
  }
  return async (machine, { action, profile, kick, orderedBy }) => {
    switch (action) {
      case 'boot':
        await machines.setBoot(machine.id, { profile }, orderedBy)
        return `it boots ${profile} from now on`
      case 'boot-once':
        await machines.setBoot(machine.id, { once: profile }, orderedBy)
        return `it boots ${profile} the next time`
      case 'switch': {
        await machines.setBoot(machine.id, { once: profile }, orderedBy)
        const state = await power(machine)?.state()
        return `it boots ${profile} now: ${await perform(machine, state === 'off' ? 'on' : 'cycle')}`
      }
      case 'reset': {
        const { reset: now, atNextBoot } = await reset(machine, { profile: profile ?? undefined, kick })
        const told = [
          ...(now.length > 0 ? [`reset: ${now.join(', ')}`] : []),
          ...(atNextBoot.length > 0 ? [`at its next boot: ${atNextBoot.join(', ')}`] : []),
        ]
        return told.join('; ') || 'it has no disks of its own'
      }
      default:
        return perform(machine, action)
    }
  }
}

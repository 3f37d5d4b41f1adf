import type { Manifest } from '../api/contract/server.ts'
import { Refusal } from '../kit/errors.ts'
import type { Machine } from '../machines/machine.ts'
import type { PowerMachine } from '../power/power.ts'
import type { Powers } from '../power/powers.ts'

/** What is needed of `Powers`. */
export type PowerKeeper = Pick<Powers, 'checkDriver' | 'driverDiffers' | 'drivers' | 'putDriver' | 'removeDriver'>
type DeclaredMachine = Manifest['machines'][number]

/** Machines whose drivers are checked before others have their turn. */
const CHECKED_AT_ONCE = 64

/**
 * The machines of a manifest whose drivers are not what it says. A machine that declares no `power` keeps what it has; one that does
 * has just those, in that order. Refused when one of them is no driver; secrets that are left out stay.
 */
export async function planPower(
  declared: readonly DeclaredMachine[],
  find: (name: string) => Machine | undefined,
  powers: PowerKeeper | undefined,
): Promise<ReadonlySet<string>> {
  const changing = new Set<string>()
  let checked = 0
  for (const { name, macs: _, power } of declared) {
    if (!power) continue
    if (++checked % CHECKED_AT_ONCE === 0) await new Promise((resolve) => setImmediate(resolve))
    if (!powers) throw new Refusal('not-available', 'this server switches no machines', { next: 'leave out power' })
    const known = find(name)
    // Of one that is only coming nothing is known but its name.
    const machine: PowerMachine = known ?? { id: '', name, macs: [] }
    const names = power.map((each) => each.name)
    const twice = names.find((each, i) => names.indexOf(each) !== i)
    if (twice !== undefined) throw new Refusal('conflict', `the manifest gives ${name} the driver ${twice} twice`)
    for (const { name: driver, settings, secrets } of power)
      await powers.checkDriver(machine, driver, { settings, secrets: secrets ?? null })
    const own = known ? powers.drivers(machine).filter(({ builtIn }) => !builtIn) : []
    const differs = power.some(({ name: driver, settings, secrets }, position) =>
      powers.driverDiffers(machine, driver, { settings, secrets: secrets ?? null, position }),
    )
    if (differs || own.length !== power.length) changing.add(name)
  }
  return changing
}

/** Makes them so. */
export async function applyPower(
  declared: readonly DeclaredMachine[],
  changing: ReadonlySet<string>,
  find: (name: string) => Machine | undefined,
  powers: PowerKeeper | undefined,
  by: string,
): Promise<void> {
  for (const { name, power } of declared) {
    const machine = find(name)
    if (!powers || !power || !machine || !changing.has(name)) continue
    const wanted = new Set(power.map((each) => each.name))
    for (const { name: driver, builtIn } of powers.drivers(machine))
      if (!builtIn && !wanted.has(driver)) await powers.removeDriver(machine, driver, by)
    for (const [position, { name: driver, settings, secrets }] of power.entries()) {
      const how = { settings, secrets: secrets ?? null, position }
      if (powers.driverDiffers(machine, driver, how)) await powers.putDriver(machine, driver, how, by)
    }
  }
}

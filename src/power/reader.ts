import type { Clock } from '../kit/clock.ts'
import { chosen } from './choice.ts'
import type { PowerProblem } from './outcome.ts'
import type { PowerMachine } from './power.ts'
import type { Readings } from './readings.ts'
import type { Read } from './switching.ts'
import { causeOf, type TrackedDriver } from './tracked-driver.ts'

type How = Readonly<{
  /** This driver and no other, even when it rests. */
  only?: string | undefined
  /** This driver before the others. */
  first?: TrackedDriver
}>

type Dependencies = Readonly<{
  drivers: (machine: PowerMachine) => readonly TrackedDriver[]
  readings: Readings
  clock: Clock
}>

/** Reads states through the drivers of machines, and notes what was read. Whoever asks while it is being read gets the same answer. */
export class StateReader {
  readonly #with: Dependencies
  readonly #running = new Map<string, Promise<Read>>()

  constructor(dependencies: Dependencies) {
    this.#with = dependencies
  }

  /** Never throws: what cannot be read is `unknown`, and the problems say why. Drivers that rest are left alone. */
  read(machine: PowerMachine, how: How = {}): Promise<Read> {
    // After an action only what is asked now tells of it.
    if (how.only !== undefined || how.first) return this.#ask(machine, how)
    const running = this.#running.get(machine.id)
    if (running) return running
    const begun = this.#ask(machine, how).finally(() => this.#running.delete(machine.id))
    this.#running.set(machine.id, begun)
    return begun
  }

  async #ask(machine: PowerMachine, { only, first }: How): Promise<Read> {
    const { drivers, clock } = this.#with
    const all = drivers(machine)
    const able = chosen(all, 'state', { only, background: only === undefined })
    const ordered = first && able.includes(first) ? [first, ...able.filter((each) => each !== first)] : able
    const problems: PowerProblem[] = chosen(all, 'state', { only })
      .filter((each) => !able.includes(each))
      .map((each) => ({ driver: each.name, cause: restOf(each) }))
    for (const driver of ordered) {
      try {
        const state = await driver.ask(async (each) => (await each.state?.()) ?? 'unknown')
        if (state !== 'unknown') return this.#noted(machine, { state, driver: driver.name, problems })
        problems.push({ driver: driver.name, cause: 'it cannot tell' })
      } catch (error) {
        problems.push({ driver: driver.name, cause: causeOf(error) })
      }
    }
    const asked = ordered.at(-1)?.name ?? only ?? all[0]?.name ?? ''
    if (able.length === 0 && problems.length === 0)
      problems.push({ driver: asked, cause: 'it has no way to tell its power state' })
    const read = { state: 'unknown', driver: asked, problems } as const
    // What one driver cannot tell another may have told.
    return only === undefined ? this.#noted(machine, read) : read
    function restOf({ retryAt, health }: TrackedDriver): string {
      const seconds = Math.ceil(((retryAt ?? clock.now()) - clock.now()) / 1000)
      return `it failed too often and is asked again in ${seconds} s: ${health.lastFailure ?? ''}`
    }
  }

  #noted(machine: PowerMachine, read: Read): Read {
    const { state, driver } = read
    const problems = state === 'unknown' ? read.problems : []
    this.#with.readings.note(machine.id, { state, driver, readAt: this.#with.clock.now(), problems })
    return read
  }
}

/** Whether a machine answered when it was read. */
export function answered({ state, problems }: Read): boolean {
  return state !== 'unknown' || problems.length === 0
}

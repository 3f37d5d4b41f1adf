import type { Clock } from '../kit/clock.ts'
import { Refusal } from '../kit/errors.ts'
import { chosen, stepsTo } from './choice.ts'
import { judge, looks, told } from './confirmation.ts'
import { withinDeadline } from './deadline.ts'
import type { Capability } from './driver.ts'
import type { PowerProblem, PowerReport } from './outcome.ts'
import type { PowerAction, PowerMachine, PowerState } from './power.ts'
import { allFailed, unable } from './refusals.ts'
import { causeOf, type TrackedDriver } from './tracked-driver.ts'

/** A look at the outcome may take this much longer than is left to wait, in milliseconds. */
const LATE_LOOK_MS = 2000

export type Read = Readonly<{ state: PowerState; driver: string; problems: readonly PowerProblem[] }>

type Dependencies = Readonly<{
  clock: Clock
  /** Waits; a test need not. */
  sleep: (ms: number) => Promise<void>
  /** Reads the state, with this driver first. */
  read: (machine: PowerMachine, first: TrackedDriver) => Promise<Read>
  /** What was read last. */
  before: (machine: string) => PowerState
  /** Whether a boot of the machine began after this time. */
  seenSince: (machine: PowerMachine, at: number) => boolean
}>

type Order = Readonly<{
  machine: PowerMachine
  drivers: readonly TrackedDriver[]
  only: string | undefined
  /** How long each driver's outcome is looked for. */
  waitMs: number
}>

type Ended = Readonly<{ step: PowerAction; read: Read; verdict: ReturnType<typeof judge> }>

/**
 * Carries out actions: the drivers in their order until one takes it and what is read afterwards is what it leads to. A newer
 * order for the same machine ends the looking of an older one.
 */
export class Switching {
  readonly #with: Dependencies
  readonly #newest = new Map<string, symbol>()

  constructor(dependencies: Dependencies) {
    this.#with = dependencies
  }

  /** Refused when no driver can, or none took it. */
  async perform(order: Order, action: PowerAction): Promise<PowerReport> {
    const { machine, drivers, only, waitMs } = order
    const able = new Set<Capability>(
      drivers
        .filter(({ name }) => only === undefined || name === only)
        .flatMap(({ capabilities }) => [...capabilities]),
    )
    const steps = stepsTo(action, able)
    if (!steps) throw unable(machine, action, only === undefined ? drivers.map(({ name }) => name) : [only])
    const mark = Symbol(action)
    this.#newest.set(machine.id, mark)
    const problems: PowerProblem[] = []
    try {
      let ended = await this.#steps(order, steps, problems, mark).catch((error: unknown) => {
        // BMCs that know no power cycle, or none of what is off, say no to it.
        const refused = error instanceof Refusal && error.code === 'wrong-state' && steps[0] === 'cycle'
        const instead = refused ? stepsTo('cycle', new Set([...able].filter((each) => each !== 'cycle'))) : undefined
        if (!instead) throw error
        return this.#steps(order, instead, problems, mark)
      })
      if (action === 'cycle' && ended.step === 'cycle' && ended.read.state === 'off' && waitMs > 0 && able.has('on')) {
        problems.push({ driver: ended.read.driver, cause: 'the power cycle left it off; it was switched on' })
        ended = await this.#step(order, 'on', problems, mark)
      }
      const { read, verdict } = ended
      return {
        state: read.state,
        driver: read.driver,
        checkedAt: this.#with.clock.now(),
        confirmed: told(verdict, waitMs),
        problems: [
          ...problems,
          ...read.problems.filter(({ driver }) => problems.every((each) => each.driver !== driver)),
        ],
      }
    } finally {
      if (this.#newest.get(machine.id) === mark) this.#newest.delete(machine.id)
    }
  }

  async #steps(order: Order, steps: readonly PowerAction[], problems: PowerProblem[], mark: symbol): Promise<Ended> {
    let ended: Ended | undefined
    for (const step of steps) {
      ended = await this.#step(order, step, problems, mark)
      // What was to be off first is not: to switch on now would be no restart.
      if (ended.verdict !== 'confirmed') break
    }
    return ended!
  }

  async #step(order: Order, action: PowerAction, problems: PowerProblem[], mark: symbol): Promise<Ended> {
    const { machine, drivers, only, waitMs } = order
    const before = this.#with.before(machine.id)
    const errors: unknown[] = []
    let ended: Ended | undefined
    for (const driver of chosen(drivers, action, { only })) {
      const orderedAt = this.#with.clock.now()
      try {
        await driver.ask((each) => each.perform(action))
      } catch (error) {
        errors.push(error)
        problems.push({ driver: driver.name, cause: causeOf(error) })
        continue
      }
      ended = await this.#look(order, action, driver, { before, orderedAt, mark })
      if (this.#newest.get(machine.id) !== mark) {
        problems.push({ driver: driver.name, cause: 'something else was ordered meanwhile' })
        return { ...ended, verdict: ended.verdict === 'confirmed' ? 'confirmed' : 'open' }
      }
      // A system may take its time to end, and asking it again would not hurry it.
      if (ended.verdict !== 'refuted' || waitMs === 0 || action === 'soft') return ended
      const after = `the power is ${ended.read.state} after ${Math.round(waitMs / 1000)} s`
      problems.push({ driver: driver.name, cause: `it took the order to ${DO[action]}, but ${after}` })
      // It did half of it, and may be told the other half.
      if (action === 'cycle' && ended.read.state === 'off') return ended
    }
    if (!ended) throw allFailed(machine, action, problems, errors)
    return ended
  }

  async #look(
    { machine, waitMs }: Order,
    action: PowerAction,
    driver: TrackedDriver,
    { before, orderedAt, mark }: Readonly<{ before: PowerState; orderedAt: number; mark: symbol }>,
  ): Promise<Ended> {
    const { clock, sleep, read, seenSince } = this.#with
    const startedAt = clock.now()
    const seen: PowerState[] = []
    let last: Read = { state: 'unknown', driver: driver.name, problems: [] }
    let verdict: Ended['verdict'] = 'open'
    for (const pause of looks(action, waitMs)) {
      if (pause > 0) await sleep(pause)
      const left = Math.max(waitMs - (clock.now() - startedAt), 0)
      last = await withinDeadline(read(machine, driver), left + LATE_LOOK_MS).catch((error) => ({
        state: 'unknown' as const,
        driver: driver.name,
        problems: [{ driver: driver.name, cause: causeOf(error) }],
      }))
      seen.push(last.state)
      verdict = judge(action, before, seen, seenSince(machine, orderedAt))
      const over = clock.now() - startedAt >= waitMs
      if (verdict === 'confirmed' || over || this.#newest.get(machine.id) !== mark) break
    }
    return { step: action, read: last, verdict }
  }
}

const DO: Readonly<Record<PowerAction, string>> = {
  on: 'switch on',
  off: 'switch off',
  cycle: 'power-cycle',
  reset: 'reset',
  soft: 'end its system',
  diag: 'interrupt',
}

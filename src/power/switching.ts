import type { Clock } from '../kit/clock.ts'
import { Refusal } from '../kit/errors.ts'
import { chosen, stepsTo } from './choice.ts'
import { judge, looks, told } from './confirmation.ts'
import { withinDeadline } from './deadline.ts'
import { type Capability, MaybeDone, type RestartNote } from './driver.ts'
import type { PowerProblem, PowerReport, PowerStep } from './outcome.ts'
import type { PowerAction, PowerMachine, PowerState } from './power.ts'
import { allFailed, unable } from './refusals.ts'
import { judgeUnseen, type Look, WATCH_MS } from './restart.ts'
import { causeOf, type TrackedDriver } from './tracked-driver.ts'

/** A look at the outcome may take this much longer than is left to wait, in milliseconds. */
const LATE_LOOK_MS = 2000
/** How long a machine may take to be off before it is switched on again, in milliseconds. */
const MOST_STEP_MS = 15_000
/** How long a system may take to end before its machine is switched on again, in milliseconds. */
const SOFT_MS = 60_000
/** A cycle is watched so much longer than it must be to be judged, in milliseconds. */
const SPARE_MS = 2000
/** No further driver is told to switch off so long after that began, in milliseconds. */
const ESCALATION_MS = 120_000

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
  /** Whether what it does first when it starts is seen here. */
  startsHere: (machine: PowerMachine) => boolean
  /** Leaves a mark where the boots of a machine are told of. */
  mark: (machine: PowerMachine, step: PowerStep) => void
  patience?: Patience | undefined
}>

/** For tests, in milliseconds: how long a machine is watched before a cycle counts as refused, and how long it may take to be off. */
export type Patience = Readonly<{ watchMs: number; offMs: number }>

type Order = Readonly<{
  machine: PowerMachine
  drivers: readonly TrackedDriver[]
  only: string | undefined
  /** How long each driver's outcome is looked for. */
  waitMs: number
  /** A cycle is looked for as long as it takes to judge it, where that can be. */
  thorough?: boolean
  /** Nothing was heard of the machine since it was restarted before: a cycle is to be off, seen off, and on. */
  apart?: boolean
}>

/** The course of one order. */
type Run = Order &
  Readonly<{ mark: symbol; problems: PowerProblem[]; steps: PowerStep[]; able: ReadonlySet<Capability> }>

type Looked = Readonly<{ read: Read; verdict: ReturnType<typeof judge>; looks: readonly Look[]; endedAt: number }>
type Ended = Looked &
  Readonly<{
    step: PowerAction
    driver: TrackedDriver
    orderedAt: number
    /** From when on the machine can have been off, if its driver shows that. */
    offFrom: number | null
    /** It was seen starting before this was ordered, which was not ordered then. */
    isSpared: boolean
  }>

/** How one step is taken. `first`: the driver to begin with. `spared`: it is not needed any more. */
type How = Readonly<{ first?: TrackedDriver; until?: number; spared?: () => boolean }>

/**
 * Carries out actions: the drivers in their order until one takes it and what is read afterwards is what it leads to. A restart that
 * was taken and did not happen is tried by off and on. A newer order for the same machine ends an older one.
 */
export class Switching {
  readonly #with: Dependencies
  readonly #newest = new Map<string, symbol>()
  readonly #patience: Patience

  constructor(dependencies: Dependencies) {
    this.#with = dependencies
    this.#patience = dependencies.patience ?? { watchMs: WATCH_MS, offMs: MOST_STEP_MS }
  }

  /** Refused when no driver can, or none took it. */
  async perform(order: Order, action: PowerAction): Promise<PowerReport> {
    const { machine, drivers, only, waitMs } = order
    const able = new Set<Capability>(
      drivers
        .filter(({ name }) => only === undefined || name === only)
        .flatMap(({ capabilities }) => [...capabilities]),
    )
    const wanted = stepsTo(action, able)
    if (!wanted) throw unable(machine, action, only === undefined ? drivers.map(({ name }) => name) : [only])
    const isApart = order.apart === true && action === 'cycle' && able.has('off') && able.has('on')
    const run: Run = { ...order, mark: Symbol(action), problems: [], steps: [], able }
    this.#newest.set(machine.id, run.mark)
    try {
      const { read, verdict } = await this.#carriedOut(run, isApart ? ['off', 'on'] : wanted)
      const { problems, steps } = run
      return {
        state: read.state,
        driver: read.driver,
        checkedAt: this.#with.clock.now(),
        confirmed: told(verdict, waitMs),
        problems: [
          ...problems,
          ...read.problems.filter(({ driver }) => problems.every((each) => each.driver !== driver)),
        ],
        steps,
      }
    } finally {
      if (this.#isNewest(run)) this.#newest.delete(machine.id)
    }
  }

  #isNewest({ machine, mark }: Run): boolean {
    return this.#newest.get(machine.id) === mark
  }

  async #carriedOut(run: Run, steps: readonly PowerAction[]): Promise<Ended> {
    const { able, problems, waitMs } = run
    const ended = await this.#steps(run, steps).catch((error: unknown) => {
      // BMCs that know no power cycle, or none of what is off, say no to it.
      const refused = error instanceof Refusal && error.code === 'wrong-state' && steps[0] === 'cycle'
      const instead = refused ? stepsTo('cycle', new Set([...able].filter((each) => each !== 'cycle'))) : undefined
      if (!instead) throw error
      return this.#steps(run, instead)
    })
    if (waitMs === 0 || ended.verdict === 'confirmed' || !this.#isNewest(run)) return ended
    if (ended.step === 'cycle' && ended.read.state === 'off' && able.has('on')) {
      problems.push({ driver: ended.read.driver, cause: 'the power cycle left it off; it was switched on' })
      return this.#step(run, 'on', { first: ended.driver })
    }
    const isUnseen = ended.verdict === 'open' && (ended.step === 'cycle' || ended.step === 'reset')
    return isUnseen ? this.#afterUnseen(run, ended) : ended
  }

  /** A restart was taken, and nobody saw it. */
  async #afterUnseen(run: Run, ended: Ended): Promise<Ended> {
    const { machine, able, problems } = run
    const { driver, orderedAt, step } = ended
    const { startsHere, seenSince, clock } = this.#with
    const unseen = driver.unseenRestart
    const { escalate, refuted, why } = judgeUnseen({
      ...ended,
      unseen,
      startsHere: startsHere(machine),
      watchMs: this.#patience.watchMs,
    })
    const last = run.steps.pop()!
    run.steps.push({ ...last, outcome: refuted ? 'refuted' : 'open', said: why })
    const unseenYet = { ...ended, verdict: refuted ? ('refuted' as const) : ('open' as const) }
    if (!escalate) return unseenYet
    problems.push({ driver: driver.name, cause: `it took the order to ${DO[step]}, but ${why}` })
    if (!able.has('off') || !able.has('on')) return unseenYet
    const from = run.steps.length - 1
    const parts = { ...run, waitMs: Math.min(run.waitMs, this.#patience.offMs) }
    const spared = () => seenSince(machine, orderedAt)
    try {
      return await this.#steps(parts, ['off', 'on'], { first: driver, until: clock.now() + ESCALATION_MS, spared })
    } catch (error) {
      // Nothing could switch it off: it is as it was. What was switched off and not on again is another matter.
      if (run.steps.some(({ action, outcome }) => action === 'off' && outcome !== 'failed')) throw error
      return unseenYet
    } finally {
      for (const each of run.steps.slice(from)) this.#with.mark(machine, each)
    }
  }

  async #steps(run: Run, steps: readonly PowerAction[], how: How = {}): Promise<Ended> {
    let ended: Ended | undefined
    let isCertain = true
    for (const [n, step] of steps.entries()) {
      const isLast = n === steps.length - 1
      // Whoever leaves a machine on its way off must be there to switch it on.
      const downMs = step === 'soft' ? SOFT_MS : this.#patience.offMs
      const patient = isLast ? run : { ...run, waitMs: Math.max(run.waitMs, downMs) }
      // Who switched it off, perhaps the power of its BMC with it, can switch it on.
      ended = await this.#step(patient, step, ended ? { first: ended.driver } : how)
      // What was to be off first is not: to switch on now would be no restart. And what is ordered since then counts.
      if (ended.isSpared || ended.verdict === 'refuted' || !this.#isNewest(run)) break
      if (ended.verdict === 'open') isCertain = false
    }
    return isCertain || ended!.verdict !== 'confirmed' ? ended! : { ...ended!, verdict: 'open' }
  }

  async #step(run: Run, action: PowerAction, { first, until, spared }: How = {}): Promise<Ended> {
    const { machine, only, waitMs, problems, steps } = run
    const { clock, before, read } = this.#with
    const errors: unknown[] = []
    let ended: Ended | undefined
    let known = before(machine.id)
    for (const driver of inTurn(chosen(run.drivers, action, { only }), first)) {
      // What was off a while ago may be on since: then its being on after a cycle would prove nothing.
      if (action === 'cycle' && known === 'off' && waitMs > 0) known = (await read(machine, driver)).state
      if (ended && until !== undefined && clock.now() >= until) break
      const orderedAt = clock.now()
      if (spared?.()) {
        const now = { read: await read(machine, driver), verdict: 'confirmed', looks: [], endedAt: orderedAt } as const
        steps.push({ at: orderedAt, driver: driver.name, action, outcome: 'confirmed', said: SPARED })
        return { ...now, step: action, driver, orderedAt, offFrom: null, isSpared: true }
      }
      const noted: { offFrom: number | null; wasOff: boolean } = { offFrom: null, wasOff: false }
      const note = (what: RestartNote) => {
        if (what === 'shows-off') noted.offFrom = clock.now()
        else noted.wasOff = true
      }
      const step = { at: orderedAt, driver: driver.name, action }
      try {
        await driver.ask((each) => each.perform(action, note))
      } catch (error) {
        errors.push(error)
        const cause = causeOf(error)
        problems.push({ driver: driver.name, cause })
        // Another driver would perhaps restart it a second time.
        const mayBeDone = error instanceof MaybeDone && (action === 'cycle' || action === 'reset')
        if (!mayBeDone) {
          steps.push({ ...step, outcome: 'failed', said: cause })
          continue
        }
      }
      const looked = await this.#look(run, action, driver, { before: known, orderedAt, ...noted })
      ended = { ...looked, step: action, driver, orderedAt, offFrom: noted.offFrom, isSpared: false }
      const after = `the power is ${ended.read.state} after ${Math.round(waitMs / 1000)} s`
      const outcome = waitMs === 0 && ended.verdict === 'refuted' ? 'open' : ended.verdict
      steps.push({ ...step, outcome, said: outcome === 'refuted' ? after : seenText(ended) })
      if (!this.#isNewest(run)) {
        problems.push({ driver: driver.name, cause: 'something else was ordered meanwhile' })
        return { ...ended, verdict: ended.verdict === 'confirmed' ? 'confirmed' : 'open' }
      }
      // A system may take its time to end, and asking it again would not hurry it.
      if (ended.verdict !== 'refuted' || waitMs === 0 || action === 'soft') return ended
      problems.push({ driver: driver.name, cause: `it took the order to ${DO[action]}, but ${after}` })
      // It did half of it, and may be told the other half.
      if (action === 'cycle' && ended.read.state === 'off') return ended
    }
    if (!ended) throw allFailed(machine, action, problems, errors)
    return ended
  }

  async #look(
    run: Run,
    action: PowerAction,
    driver: TrackedDriver,
    about: Readonly<{ before: PowerState; orderedAt: number; offFrom: number | null; wasOff: boolean }>,
  ): Promise<Looked> {
    const { clock, sleep, read, seenSince } = this.#with
    const { machine } = run
    const showsOff = about.offFrom !== null
    const waitMs = run.thorough && showsOff ? Math.max(run.waitMs, this.#patience.watchMs + SPARE_MS) : run.waitMs
    const startedAt = clock.now()
    const seen: Look[] = []
    let last: Read = { state: 'unknown', driver: driver.name, problems: [] }
    let verdict: Looked['verdict'] = 'open'
    for (const pause of looks(action, waitMs, showsOff)) {
      if (pause > 0) await sleep(pause)
      const askedAt = clock.now()
      const left = Math.max(waitMs - (askedAt - startedAt), 0)
      last = await withinDeadline(read(machine, driver), left + LATE_LOOK_MS).catch((error) => ({
        state: 'unknown' as const,
        driver: driver.name,
        problems: [{ driver: driver.name, cause: causeOf(error) }],
      }))
      seen.push({ askedAt, readAt: clock.now(), state: last.state, own: last.driver === driver.name })
      const states = seen.map(({ state }) => state)
      const alive = seenSince(machine, about.orderedAt)
      verdict = judge(action, about.wasOff ? 'off' : about.before, states, alive)
      const over = clock.now() - startedAt >= waitMs
      if (verdict === 'confirmed' || over || !this.#isNewest(run)) break
    }
    return { read: last, verdict, looks: seen, endedAt: clock.now() }
  }
}

/** With the one to begin with before the others. */
function inTurn(drivers: readonly TrackedDriver[], first: TrackedDriver | undefined): readonly TrackedDriver[] {
  return first && drivers.includes(first) ? [first, ...drivers.filter((each) => each !== first)] : drivers
}

const SPARED = 'not needed any more: the machine was seen starting'

function seenText({ step, verdict, read: { state } }: Pick<Ended, 'step' | 'verdict' | 'read'>): string {
  if (verdict !== 'confirmed')
    return state === 'unknown' ? 'its power cannot be read' : `nothing tells whether it happened: the power is ${state}`
  return step === 'cycle' || step === 'reset' ? 'the machine was seen off, or starting' : `the power is ${state}`
}

const DO: Readonly<Record<PowerAction, string>> = {
  on: 'switch on',
  off: 'switch off',
  cycle: 'power-cycle',
  reset: 'reset',
  soft: 'end its system',
  diag: 'interrupt',
}

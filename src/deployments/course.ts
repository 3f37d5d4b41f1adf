import type { Clock } from '../kit/clock.ts'
import type { Log } from '../kit/log.ts'
import type { Machine, MachineState } from '../machines/machine.ts'
import type { Power, PowerFinder } from '../power/power.ts'
import type { Profile } from '../profiles/profile.ts'
import { type Deployment, isAtRest, isReserving, type LogLine } from './deployment.ts'
import { calledHome, type HomeCall, type HomeWatch, notHome, started } from './home.ts'
import type { Besides, Ledger } from './ledger.ts'
import {
  anew,
  armed,
  beingSwitched,
  cancelled,
  failed,
  forPerson,
  isInstalled,
  isWritten,
  MOST_ATTEMPTS,
  restarting,
  switched,
  talking,
  waiting,
} from './lifecycle.ts'
import type { Notice, Notifier } from './notice.ts'

/** An agent that spoke this recently goes on with the next deployment without a restart, in milliseconds. */
const ALIVE_MS = 15_000
/** A machine that restarted itself this recently is not switched, in milliseconds. */
const RESTART_MS = 30_000
/** How long a system gets to end by itself before its disk is saved, and how often is looked whether it has, in milliseconds. */
const SOFT_MS = 60_000
const LOOK_MS = 2000

/** How far back is looked for deployments that were begun after one that calls home. */
const MOST_SINCE = 200

/** The part of the machines that deployments change. */
export type DeployedMachines = Readonly<{
  get(id: string): Machine | undefined
  all(): readonly Machine[]
  /** Sets the state for a deployment, and the profile unless it is `undefined`. A machine that is gone is no fault. */
  deploy(id: string, state: MachineState, profile?: string | null): Promise<void>
}>

export type CourseDependencies = Readonly<{
  ledger: Ledger
  machines: DeployedMachines
  profile: (name: string) => Profile | undefined
  power: PowerFinder
  notifier: Notifier
  clock: Clock
  log: Log
  home: HomeWatch
  /** Waits; a test need not. */
  sleep: (ms: number) => Promise<void>
}>

/**
 * Carries out what follows from a state: the next of a queue begins, machines are switched, their states follow, people are told.
 * Its methods are to be called within `ledger.alone` of the machine unless they say otherwise.
 */
export class Course {
  readonly #with: CourseDependencies
  /** When the management OS of a machine was last heard, and when it restarted the machine. */
  readonly #heard = new Map<string, number>()
  readonly #restarting = new Map<string, number>()

  constructor(dependencies: CourseDependencies) {
    this.#with = dependencies
    const now = dependencies.clock.now()
    for (const { machine } of dependencies.ledger.unsettled()) this.#heard.set(machine, now)
  }

  heard(machine: string): void {
    this.#heard.set(machine, this.#with.clock.now())
  }

  /** Milliseconds since 1970; 0 when it was never heard. */
  heardAt(machine: string): number {
    return this.#heard.get(machine) ?? 0
  }

  /** The management OS ends: what it said before is no sign of life any more. `restarts`: it restarts the machine itself. */
  leaving(machine: string, restarts: boolean): void {
    this.#heard.delete(machine)
    if (restarts) this.#restarting.set(machine, this.#with.clock.now())
    else this.#restarting.delete(machine)
  }

  /** Begins the first of a machine's queue if nothing stands in its way; else says in it what does. */
  async advance(machineId: string): Promise<void> {
    const { ledger, machines, clock } = this.#with
    const now = clock.now()
    const [head] = ledger.open(machineId)
    if (!head || ledger.current(machineId)) return
    const machine = machines.get(machineId)
    if (!machine) return this.end(cancelled(head, 'the removal of the machine', now))
    const holds = this.#holds(machine)
    if (holds) {
      const told = waiting(head, holds, now)
      if (told !== head) await ledger.save(told)
      return
    }
    const begun = armed(head, machine.state, now)
    await ledger.save(begun, { lines: [ledger.line('info', begun.reason)] })
    await machines.deploy(machineId, 'deploying')
    if (now - this.heardAt(machineId) < ALIVE_MS && ledger.boots(machineId).some(({ nonce }) => nonce !== null)) {
      const reason = 'the management OS runs already and looks at the hardware again'
      await ledger.save(talking(begun, 'running', reason, now), { lines: [ledger.line('info', reason)] })
    } else if (now - (this.#restarting.get(machineId) ?? 0) < RESTART_MS) await ledger.save(restarting(begun, now))
    else await this.switchOn(begun)
  }

  #holds({ id, state, name }: Machine): { reason: string; next: string } | undefined {
    const keeper = this.#with.ledger.ofMachine(id).find((each) => isReserving(each))
    if (keeper) {
      const until = new Date(keeper.reservedUntil ?? 0)
        .toISOString()
        .replace(/:\d\d\.\d+Z/, ' UTC')
        .replace('T', ' ')
      const reason = `${name} is reserved for ${keeper.orderedBy} until ${until}`
      return { reason, next: `wait, or end that: reveille deploy release ${keeper.id}` }
    }
    if (state === 'maintenance' || state === 'retired' || state === 'discovered')
      return { reason: `${name} is in state ${state}`, next: 'set its state to ready, or cancel this deployment' }
    return undefined
  }

  /** Has the machine switched on or restarted; a person has to where nothing can. Returns as soon as that is under way. */
  async switchOn(d: Deployment): Promise<void> {
    const { ledger, machines, power, clock } = this.#with
    const machine = machines.get(d.machine)
    const driver = machine && power(machine)
    if (!driver) {
      const why = 'nothing is known that could switch the machine: switch it on or restart it'
      await ledger.save(forPerson(d, why, clock.now()), { lines: [ledger.line('info', why)] })
      return
    }
    await ledger.save(beingSwitched(d, driver.driver, clock.now()))
    void this.#switch(d, driver)
  }

  /** Outside `alone`: switching takes long. */
  async #switch(d: Deployment, driver: Power): Promise<void> {
    const { ledger, clock, log } = this.#with
    const untold = await this.#prepared(d, driver)
    let besides: string | null = null
    const told = (words: string) => {
      besides = `the machine was switched in several steps: ${words}`
    }
    const outcome = await this.#performed(d, driver, told).catch((error: unknown) => {
      log.warn({ machine: d.machine, driver: driver.driver, error }, 'a machine could not be switched')
      return error instanceof Error ? error.message : 'the driver failed'
    })
    await ledger
      .alone(d.machine, async () => {
        const now = ledger.get(d.id)
        const unheard = now && (now.state === 'powering' || (now.state === 'rebooting' && isWritten(d)))
        if (!unheard || now.attempts !== d.attempts) return
        const next =
          outcome === undefined
            ? switched(now, driver.driver, clock.now())
            : forPerson(now, `${driver.driver} could not switch the machine: ${outcome}`, clock.now())
        const warnings = [untold, besides].flatMap((text) => (text === null ? [] : [ledger.line('warn', text)]))
        const last = ledger.line(outcome === undefined ? 'info' : 'warn', next.reason)
        await ledger.save(next, { lines: [...warnings, last] })
      })
      .catch((error: unknown) => log.error({ deployment: d.id, error }, 'a deployment could not be saved'))
  }

  /** Has the firmware told to boot from the network. Most do that by themselves, so that it is only noted when they could not be told. */
  async #prepared({ machine }: Deployment, driver: Power): Promise<string | null> {
    const why = (await driver.prepareNetworkBoot?.().catch(() => 'the driver failed')) ?? null
    if (why === null) return null
    this.#with.log.warn({ machine, why }, 'firmware could not be told to boot from the network')
    return `the firmware could not be told to boot from the network: ${why}`
  }

  /** Why it did not work, in words; `undefined` when the power was seen to be on. */
  async #performed(d: Deployment, driver: Power, told: (words: string) => void): Promise<string | undefined> {
    let before = await driver.state()
    // A system that ends by itself leaves its disk whole to be saved.
    const saves = this.#with.ledger.records(d.machine).some(({ writeBack }) => writeBack)
    if (before === 'on' && d.machineBefore === 'active' && saves && d.attempts === 0) {
      before = await driver.perform('soft').catch(() => before)
      for (let waited = 0; before !== 'off' && waited < SOFT_MS; waited += LOOK_MS) {
        await this.#with.sleep(LOOK_MS)
        before = await driver.state()
      }
    }
    // Whoever was restarted before and never heard of did not restart, or hangs.
    const after = await driver.perform(before === 'off' ? 'on' : 'cycle', { apart: d.attempts > 0, told })
    return after === 'off' ? 'the power is still off' : undefined
  }

  /** Begins a deployment anew that was not heard of any more, or ends it when that was tried often enough. */
  async retry(d: Deployment, why: string): Promise<void> {
    const { ledger, machines, power, clock } = this.#with
    const machine = machines.get(d.machine)
    const driver = machine && power(machine)
    const waits = d.state === 'powering' || d.state === 'rebooting'
    if (d.attempts >= MOST_ATTEMPTS || (!driver && waits && d.attempts > 0) || (!driver && d.state === 'powering')) {
      const tries =
        d.attempts === 0 ? '' : ` (${d.attempts} new ${d.attempts === 1 ? 'attempt' : 'attempts'} did not help)`
      const next = 'see what the machine shows and what reveille why says of its boot, then deploy it again'
      return this.end(failed(d, `${why}${tries}`, next, clock.now()), [ledger.line('error', why)])
    }
    const again = anew(d, clock.now())
    await ledger.save(again, { lines: [ledger.line('warn', `${why}; attempt ${again.attempts} of ${MOST_ATTEMPTS}`)] })
    this.leaving(d.machine, false)
    await this.switchOn(again)
  }

  /** Saves a deployment that has come to rest and does what follows: machine, people, queue. */
  async end(d: Deployment, lines: readonly LogLine[] = [], besides: Omit<Besides, 'lines'> = {}): Promise<void> {
    await this.#rest(d, lines, besides)
    await this.settle(d)
    await this.#goOn(d)
  }

  async #rest(d: Deployment, lines: readonly LogLine[], besides: Omit<Besides, 'lines'> = {}): Promise<void> {
    const { ledger, log } = this.#with
    const last = ledger.line(d.state === 'succeeded' ? 'info' : 'warn', `${d.state}: ${d.reason}`)
    await ledger.save(d, { ...besides, lines: [...lines, last] })
    log.info({ deployment: d.id, machine: d.machine, state: d.state, reason: d.reason }, 'deployment ended')
  }

  async #goOn(d: Deployment): Promise<void> {
    if (d.noticeDue) this.tell(d)
    await this.advance(d.machine)
  }

  /** The system that was written is started, which is the end, or the beginning of the wait for its call. `seen`: how that is known. */
  async started(d: Deployment, seen: string, lines: readonly LogLine[] = [], besides: Omit<Besides, 'lines'> = {}) {
    const { ledger, home, clock } = this.#with
    const after = started(d, seen, home, clock.now())
    if (isAtRest(after)) await this.end(after, lines, besides)
    else if (after !== d) await ledger.save(after, { ...besides, lines: [...lines, ledger.line('info', after.reason)] })
  }

  /** The time in which it should have phoned home is over. */
  async notHome(d: Deployment): Promise<void> {
    const { home, clock } = this.#with
    await this.end(notHome(d, home, clock.now()))
  }

  /** The system that a deployment has written called, in time, late, or when others have had the machine. */
  async calledHome(machineId: string, deployment: string): Promise<HomeCall> {
    const { ledger, machines, clock } = this.#with
    const d = await ledger.find(deployment)
    if (d?.machine !== machineId)
      return { counts: false, reason: 'the deployment that it belongs to is not known any more' }
    const others = (await ledger.list({ machine: machineId, limit: MOST_SINCE })).filter(({ id }) => id !== d.id)
    const since = others.find((other) => isBegunAfter(d, other))
    const { becomes, late, counts, reason } = calledHome(d, since, clock.now())
    if (counts) this.leaving(machineId, false)
    if (becomes && late) {
      // First the machine: of a server that is killed in between, the call was not answered and comes again.
      if (machines.get(machineId)?.state === 'failed') await machines.deploy(machineId, 'active')
      await this.#rest(becomes, [ledger.line('info', `it had failed: ${d.reason}`)])
      await this.#goOn(becomes)
    } else if (becomes) await this.end(becomes)
    return { counts, reason }
  }

  /** Leaves the machine as the end of this deployment says. May be done again. */
  async settle(d: Deployment): Promise<void> {
    const { machines, profile } = this.#with
    const { machine, action } = d
    // It was cancelled while it waited: the machine was never its own.
    if (d.startedAt === null) return
    const back = d.machineBefore ?? 'ready'
    if (d.state === 'succeeded' && action.kind === 'wipe') {
      const name = machines.get(machine)?.profile
      const boots = name ? profile(name)?.kind : undefined
      await machines.deploy(machine, 'ready', boots === 'install' ? null : undefined)
    } else if (isInstalled(d) && action.kind === 'install') {
      const state = d.state === 'succeeded' ? 'active' : d.state === 'failed' ? 'failed' : back
      await machines.deploy(machine, state, d.state === 'cancelled' ? undefined : action.profile)
    } else await machines.deploy(machine, d.state === 'failed' || d.dirty ? 'failed' : back)
  }

  /** Tells whoever wanted to know, and keeps trying behind the scenes until it is done or given up. Needs no `alone`. */
  tell(d: Deployment): void {
    const { ledger, machines, notifier, log } = this.#with
    const notice: Notice = { deployment: d, machine: machines.get(d.machine)?.name ?? d.machine }
    notifier
      .tell(notice)
      .catch((error: unknown) => [{ level: 'warn' as const, text: `nobody could be told: ${String(error)}` }])
      .then((lines) =>
        ledger.alone(d.machine, async () => {
          const now = await ledger.find(d.id)
          if (now)
            await ledger.save(
              { ...now, noticeDue: false },
              { lines: lines.map(({ level, text }) => ledger.line(level, text)) },
            )
        }),
      )
      .catch((error: unknown) => log.error({ deployment: d.id, error }, 'a notice could not be recorded'))
  }
}

function isBegunAfter(d: Deployment, { startedAt, sequence }: Deployment): boolean {
  const behind = (startedAt ?? 0) - (d.startedAt ?? 0)
  return startedAt !== null && (behind > 0 || (behind === 0 && sequence > d.sequence))
}

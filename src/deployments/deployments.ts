import type { Image, ImageVersion } from '../images/image.ts'
import type { Clock } from '../kit/clock.ts'
import { Refusal } from '../kit/errors.ts'
import { type Log, SILENT } from '../kit/log.ts'
import type { Machine } from '../machines/machine.ts'
import type { PowerFinder } from '../power/power.ts'
import type { Profile } from '../profiles/profile.ts'
import { AgentDesk } from './agent-desk.ts'
import { blankDeployment } from './blank.ts'
import { Course, type DeployedMachines } from './course.ts'
import { type Deployment, isAtRest, isReserving } from './deployment.ts'
import { refuseForgetting } from './forgetting.ts'
import { HOME_WATCH, type HomeCall, type HomeWatch } from './home.ts'
import type { InstallConfigs } from './install-config.ts'
import { Ledger } from './ledger.ts'
import { cancelled, failed, PATIENCE } from './lifecycle.ts'
import type { Notifier } from './notice.ts'
import {
  assertDeployable,
  assertMayOrder,
  assertPossible,
  type Library,
  type NewOrder,
  type Preview,
  pinned,
  previewOf,
} from './order.ts'
import type { DeploymentQuery, DeploymentRepository, NumberedLine, TakenInventory } from './repository.ts'
import type { VersionFromCapture } from './task-results.ts'
import { type WantedBoot, wantedBoot } from './wanted-boot.ts'

/** Most deployments that may wait for one machine. */
export const MOST_WAITING = 50

/** Who orders, cancels and releases. */
export type Orderer = Readonly<{ name: string; role: string }>

type Dependencies = Readonly<{
  repository: DeploymentRepository
  machines: DeployedMachines
  profiles: { get(name: string): Profile | undefined }
  images: {
    get(name: string): Image | undefined
    resolve(reference: string): { image: Image; version: ImageVersion } | undefined
  }
  versionFromCapture: VersionFromCapture
  /** What is written into installed systems. */
  configs?: InstallConfigs | undefined
  power: PowerFinder
  notifier: Notifier
  events: { publish(event: { topic: 'deployment'; id: string; change: 'saved' | 'removed' }): void }
  clock: Clock
  log?: Log | undefined
  /** Whether an operator waits for a terminal of this machine (id). */
  wantsShell?: ((machine: string) => boolean) | undefined
  home?: HomeWatch | undefined
  sleep?: ((ms: number) => Promise<void>) | undefined
}>

/** Orders that machines become something, from queue to end. The only thing that may overwrite a local disk, and only an armed one. */
export class Deployments {
  /** What the management OS is answered. */
  readonly agents: AgentDesk
  readonly #with: Dependencies
  readonly #ledger: Ledger
  readonly #course: Course
  readonly #log: Log
  readonly #library: Library
  /** Whether the tick before is still at work. */
  #ticking = false

  private constructor(dependencies: Dependencies, ledger: Ledger) {
    const { machines, power, notifier, clock, versionFromCapture, profiles, images, configs } = dependencies
    const log = dependencies.log ?? SILENT
    this.#with = dependencies
    this.#ledger = ledger
    this.#log = log
    const { home = HOME_WATCH } = dependencies
    const sleep = dependencies.sleep ?? ((ms) => new Promise<void>((done) => setTimeout(done, ms).unref()))
    const profile = (name: string) => profiles.get(name)
    const course = new Course({ ledger, machines, profile, power, notifier, clock, log, sleep, home })
    this.#course = course
    const wantsShell = dependencies.wantsShell ?? (() => false)
    this.agents = new AgentDesk({ ledger, course, machines, clock, log, versionFromCapture, wantsShell, configs })
    this.#library = { profile, resolve: (name) => images.resolve(name), image: (name) => images.get(name), configs }
  }

  /** Goes on where the process before was ended, wherever that was. */
  static async open(dependencies: Dependencies): Promise<Deployments> {
    const { repository, events, clock, log = SILENT } = dependencies
    const deployments = new Deployments(dependencies, await Ledger.open({ repository, events, clock, log }))
    await deployments.#resume()
    return deployments
  }

  /** What was saved has had its consequences, or has them now. */
  async #resume(): Promise<void> {
    const { machines } = this.#with
    for (const machine of await this.#ledger.machines())
      if (!machines.get(machine)) await this.#ledger.forgetMachine(machine)
    for (const d of this.#ledger.unsettled()) if (isAtRest(d) && d.noticeDue) this.#course.tell(d)
    for (const { id, state } of machines.all()) {
      await this.#ledger.alone(id, async () => {
        const d = this.#ledger.current(id)
        if (d && state !== 'deploying') await machines.deploy(id, 'deploying')
        if (d?.state === 'armed') await this.#course.switchOn(d)
        if (d || state !== 'deploying') return
        const ended = await this.#ledger.list({ machine: id, limit: 20 })
        const last = ended.find((each) => each.startedAt !== null && isAtRest(each))
        if (last) await this.#course.settle(last)
        else await machines.deploy(id, 'ready')
      })
    }
  }

  /** Queues a deployment. A `Refusal` says what stands against it and, when a disk must be armed, which there are. */
  create(machineId: string, order: NewOrder, by: Orderer): Promise<Deployment> {
    return this.#ledger.alone(machineId, async () => {
      const machine = this.#machine(machineId)
      const queue = this.#ledger.open(machineId)
      if (queue.length >= MOST_WAITING)
        throw new Refusal('too-many-requests', `${queue.length} deployments wait for ${machine.name} already`, {
          next: 'wait, or cancel some of them',
        })
      const { deployment, known } = await this.#drafted(machine, order, by)
      assertPossible(deployment, machine, known, this.#ledger.records(machineId))
      const made = { ...deployment, sequence: this.#ledger.nextSequence() }
      await this.#ledger.save(made, { lines: [this.#ledger.line('info', `${by.name} ordered it`)] })
      await this.#course.advance(machineId)
      return this.#ledger.get(made.id) ?? made
    })
  }

  /** What `create` would do with the same order; nothing is queued. What is wrong with the machine's disks is told, not thrown. */
  async plan(machineId: string, order: NewOrder, by: Orderer): Promise<Preview> {
    const machine = this.#machine(machineId)
    const { deployment, known } = await this.#drafted(machine, order, by)
    return previewOf(deployment, machine, known, this.#ledger.records(machineId))
  }

  async #drafted(machine: Machine, order: NewOrder, by: Orderer) {
    const now = this.#with.clock.now()
    assertDeployable(machine)
    assertMayOrder(order, by, this.#library, now)
    const { action, arm, reservedUntil, release, notify } = order
    const what = action.kind === 'install' ? pinned(action.profile, machine, by, this.#library) : null
    const known = await this.#ledger.inventory(machine.id)
    const blank = blankDeployment(machine.id, by.name, now)
    return { deployment: { ...blank, action, order: what, armed: arm, reservedUntil, release, notify }, known }
  }

  get(id: string): Promise<Deployment | undefined> {
    return this.#ledger.find(id)
  }

  /** Newest first. */
  list(query: DeploymentQuery): Promise<Deployment[]> {
    return this.#ledger.list(query)
  }

  /** Those of a machine (by id), newest first. */
  ofMachine(machine: string, query: Pick<DeploymentQuery, 'limit' | 'before'>): Promise<Deployment[]> {
    return this.#ledger.list({ ...query, machine })
  }

  /** How many have their turn before this one. */
  ahead({ id, machine }: Pick<Deployment, 'id' | 'machine'>): number {
    return Math.max(
      0,
      this.#ledger.open(machine).findIndex((each) => each.id === id),
    )
  }

  /** Lines behind number `after`, oldest first. */
  log(id: string, after: number, limit: number): Promise<NumberedLine[]> {
    return this.#ledger.log(id, after, limit)
  }

  /** Ends a deployment at once, wherever it is; its reason then says how the machine is left. */
  async cancel(id: string, by: Orderer): Promise<Deployment> {
    const found = await this.#found(id)
    return this.#ledger.alone(found.machine, async () => {
      const d = await this.#found(id)
      assertMine(d, by, 'cancel')
      if (isAtRest(d))
        throw new Refusal(
          'wrong-state',
          `${id} is over already: it ${d.state === 'succeeded' ? 'has' : 'is'} ${d.state}`,
          {
            next: isReserving(d) ? `end its reserved time: reveille deploy release ${id}` : 'nothing',
          },
        )
      await this.#course.end(cancelled(d, by.name, this.#with.clock.now()))
      return this.#found(id)
    })
  }

  /** Ends the reserved time now and orders what was to be done then. */
  async release(id: string, by: Orderer): Promise<Deployment> {
    const found = await this.#found(id)
    return this.#ledger.alone(found.machine, async () => {
      const d = await this.#found(id)
      assertMine(d, by, 'release')
      if (!isReserving(d))
        throw new Refusal('wrong-state', `${id} reserves no machine`, {
          next: isAtRest(d) ? 'nothing' : 'wait until it has succeeded, or cancel it',
        })
      return this.#released(d, `${by.name} ended the reserved time`)
    })
  }

  async #released(d: Deployment, why: string): Promise<Deployment> {
    const now = this.#with.clock.now()
    const promised = this.#ledger.records(d.machine).some(({ writeBack }) => writeBack)
    const follows = d.release === 'wipe' || (d.release === 'save' && promised)
    const blank = blankDeployment(d.machine, d.orderedBy, now)
    const also: Deployment | undefined = follows
      ? {
          ...blank,
          action: d.release === 'wipe' ? { kind: 'wipe', method: 'auto' } : { kind: 'inventory' },
          sequence: this.#ledger.nextSequence(),
          // Its content is another by now.
          armed: d.release === 'wipe' ? d.armed.map((arm) => ({ ...arm, fingerprint: null })) : [],
          follows: d.id,
        }
      : undefined
    const what = d.release === 'wipe' ? 'its disks are wiped now' : 'its disks are saved now'
    const text = also ? `${why}; ${what} (${also.id})` : why
    const next = also ? `follow it: reveille deploy show ${also.id}` : ''
    const lines = [this.#ledger.line('info', text)]
    const released = await this.#ledger.save({ ...d, releasedAt: now, next, updatedAt: now }, { also, lines })
    await this.#course.advance(d.machine)
    return released
  }

  /** What stage 3 is to give this machine (id) for them; `undefined`: what its profile says. */
  bootFor(machine: string): WantedBoot | undefined {
    return wantedBoot(this.#ledger.current(machine), this.#ledger.records(machine))
  }

  /** The machine asked for its script and was given the management OS. Resolves when that is recorded. */
  bootSeen(machine: string): Promise<void> {
    return this.agents.bootSeen(machine)
  }

  /** The machine reported that it starts its own disk now: that ends a deployment well. */
  launchedLocal(machine: string): Promise<void> {
    return this.#ledger.alone(machine, async () => {
      // It runs its own system from now on, so the restart that was under way is over.
      this.#course.leaving(machine, false)
      const d = this.#ledger.current(machine)
      if (d?.state !== 'rebooting') return
      const seen = 'its disk is written and verified, and the machine was seen starting it'
      await this.#course.started(d, seen)
    })
  }

  /** The system that a deployment (id) has written says that it is what it was to become. Resolves when that is recorded. */
  phonedHome(machine: string, deployment: string): Promise<HomeCall> {
    return this.#ledger.alone(machine, () => this.#course.calledHome(machine, deployment))
  }

  inventoryOf(machine: string): Promise<TakenInventory | undefined> {
    return this.#ledger.inventory(machine)
  }

  /** Names of the machines that run the management OS now, and since when. */
  running(): { machine: string; since: number; heardAt: number; doing: string }[] {
    return this.#ledger.boots().flatMap(({ id, machine, createdAt, nonce }) => {
      const heardAt = this.#course.heardAt(machine)
      if (nonce === null || !this.agents.boot(id) || this.#with.clock.now() - heardAt > PATIENCE.silence) return []
      const name = this.#with.machines.get(machine)?.name ?? machine
      return [{ machine: name, since: createdAt, heardAt, doing: this.#ledger.current(machine)?.reason ?? 'nothing' }]
    })
  }

  /** Why the management OS of a machine must not be ended now, in words; `undefined`: it may. */
  busyWith(machine: string): string | undefined {
    const d = this.#ledger.current(machine)
    const works = d && (d.state === 'running' || d.state === 'writing' || d.state === 'verifying')
    return works ? `${d.reason} (${d.id})` : undefined
  }

  /** Open deployments that need an image or, with `version`, just that version, in words such as `deployment d_12`. */
  naming(image: string, version?: number): string[] {
    const open = this.#ledger.unsettled().filter((d) => !isAtRest(d))
    const names = ({ order, action }: Deployment) =>
      (order?.targets ?? []).some((target) =>
        version === undefined ? target.image.startsWith(`${image}@`) : target.image === `${image}@${version}`,
      ) ||
      (version === undefined && action.kind === 'capture' && action.image === image)
    return open.filter(names).map(({ id }) => `deployment ${id}`)
  }

  /** Open deployments that make a machine boot this profile, in words such as `deployment d_12`. */
  ordering(profile: string): string[] {
    const open = this.#ledger.unsettled().filter((d) => !isAtRest(d))
    return open
      .filter(({ action }) => action.kind === 'install' && action.profile === profile)
      .map(({ id }) => `deployment ${id}`)
  }

  /**
   * A `Refusal` when a machine cannot be forgotten: something is ordered for it, or a disk of it is half-written. Added again it would be
   * another machine of which nothing is known, and would boot that disk.
   */
  assertForgettable({ id, name }: Pick<Machine, 'id' | 'name'>): void {
    refuseForgetting(name, this.#ledger.open(id), this.#ledger.records(id))
  }

  /** Forgets hardware, disks and boots of a machine that was removed. Its deployments stay in the history. */
  forget(machine: string): Promise<void> {
    return this.#ledger.alone(machine, () => this.#ledger.forgetMachine(machine))
  }

  /** Deletes what ended and was ordered before a time (milliseconds since 1970), with its log. */
  async prune(orderedBefore: number): Promise<void> {
    const count = await this.#ledger.prune(orderedBefore)
    if (count > 0) this.#log.info({ deployments: count }, 'old deployments deleted')
  }

  /** SHA-256 of the chunk lists that open deployments go by. */
  chunkLists(): string[] {
    const open = this.#ledger.unsettled().filter((d) => !isAtRest(d))
    return [...new Set(open.flatMap(({ order }) => order?.targets.map(({ chunks }) => chunks) ?? []))]
  }

  /** What time brings: deadlines, silence, ends of reserved times, turns that have come. To be called every second. */
  async tick(): Promise<void> {
    if (this.#ticking) return
    this.#ticking = true
    try {
      const now = this.#with.clock.now()
      for (const { id, machine } of this.#ledger.unsettled())
        await this.#ledger
          .alone(machine, () => this.#look(id))
          .catch((error: unknown) => this.#log.error({ deployment: id, error }, 'a deployment could not go on'))
      await this.#ledger.forgetBoots(this.#ledger.boots().filter(({ expiresAt }) => expiresAt <= now))
    } finally {
      this.#ticking = false
    }
  }

  async #look(id: string): Promise<void> {
    const d = this.#ledger.get(id)
    const now = this.#with.clock.now()
    if (!d) return
    if (isAtRest(d)) {
      if (isReserving(d) && (d.reservedUntil ?? 0) <= now) await this.#released(d, 'the reserved time is over')
      return
    }
    if (!this.#with.machines.get(d.machine)) return this.#course.end(cancelled(d, 'the removal of the machine', now))
    if (d.state === 'queued') return this.#course.advance(d.machine)
    if (now - (d.startedAt ?? now) >= PATIENCE.whole) {
      const next = 'see its log for what took so long, then deploy it again'
      return this.#course.end(failed(d, 'it was not done within 48 hours', next, now))
    }
    if (await this.agents.watch(d)) return this.#course.retry(d, 'the management OS was not heard for 10 minutes')
    const late = this.#ledger.get(id)
    if (late?.deadlineAt == null || late.deadlineAt > now) return
    if (late.homeAwaitedAt != null) await this.#course.notHome(late)
    else await this.#course.retry(late, LATE[late.state] ?? late.reason)
  }

  #machine(id: string): Machine {
    const machine = this.#with.machines.get(id)
    if (!machine)
      throw new Refusal('not-found', `there is no machine ${id}`, { next: 'list them: reveille machine list' })
    return machine
  }

  async #found(id: string): Promise<Deployment> {
    const found = await this.#ledger.find(id)
    if (!found)
      throw new Refusal('not-found', `there is no deployment ${id}`, { next: 'list them: reveille deploy list' })
    return found
  }
}

/** What did not happen in time. */
const LATE: Partial<Record<Deployment['state'], string>> = {
  armed: 'the machine could not be switched in time',
  powering: 'the machine did not ask for its boot in time',
  booting: 'the management OS did not speak within 10 minutes of being loaded',
  rebooting: 'everything is written and verified, but the machine was not seen starting its disk',
}

function assertMine({ orderedBy, id }: Deployment, by: Orderer, what: string): void {
  if (orderedBy === by.name || by.role === 'operator' || by.role === 'admin') return
  throw new Refusal('forbidden', `${id} belongs to ${orderedBy}: only they and operators may ${what} it`, {
    next: `ask ${orderedBy} or an operator`,
  })
}

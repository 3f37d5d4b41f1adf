import { Refusal } from '../kit/errors.ts'
import { type Log, SILENT } from '../kit/log.ts'
import type { Sealer } from '../secrets/sealer.ts'
import type { BootOrder } from './boot-order.ts'
import { type BootOrderReport, orderBoot } from './boot-ordering.ts'
import { chosen } from './choice.ts'
import type { PowerRepository } from './configured.ts'
import type { Capability, ConsoleLine, Fru, HardwareEvent, PowerDriver, RawAnswer, RawRequest } from './driver.ts'
import { DriverBook, type WantedDriver } from './driver-book.ts'
import { powerFinder } from './finder.ts'
import { Fleet, type FleetDependencies } from './fleet.ts'
import type { PowerProblem, PowerReading, PowerReport, PowerStep, Told } from './outcome.ts'
import { Poller } from './poller.ts'
import type { PowerAction, PowerFinder, PowerMachine, PowerState } from './power.ts'
import { answered, StateReader } from './reader.ts'
import { Readings } from './readings.ts'
import { allFailed, noDriver, noSuchDriver, unable } from './refusals.ts'
import type { Sensor } from './sensor.ts'
import { hasCredentials } from './settings.ts'
import { type Patience, Switching } from './switching.ts'
import { causeOf, type TrackedDriver } from './tracked-driver.ts'
import { type Asking, type DriverView, viewOf } from './view.ts'

/** How long the outcome of an action is looked for when nobody says, in milliseconds. */
const WAIT_MS = 15_000
/** What was read this long ago still says how a machine was before an action, in milliseconds. */
const FRESH_MS = 60_000

export type PowersDependencies = FleetDependencies &
  Readonly<{
    repository: PowerRepository
    sealer: Sealer
    /** What the firmware of a machine was seen to be. */
    firmwareOf?: ((machine: string) => 'bios' | 'uefi' | null) | undefined
    machines: () => Iterable<PowerMachine>
    events: { publish(event: { topic: 'power'; id: string; change: 'saved' | 'removed' }): void }
    /** Whether a boot of the machine began after this time: proof of life after an action. */
    seenSince?: ((machine: PowerMachine, at: number) => boolean) | undefined
    /** Whether a machine is expected to be seen when it starts, because it boots from here. */
    startsHere?: ((machine: PowerMachine) => boolean) | undefined
    /** Leaves a mark where the boots of a machine are told of. */
    mark?: ((machine: PowerMachine, step: PowerStep) => void) | undefined
    patience?: Patience | undefined
    /** What a person is asked to do to a machine (by id) now. */
    asking?: ((machine: string) => Asking | undefined) | undefined
    /** The address of a disc that a BMC can fetch: of `boot`, of an iso image, or what is an address already. */
    mediaUrl?: ((media: string, machine: PowerMachine) => Promise<string>) | undefined
    /** 0: only when somebody asks. */
    pollSeconds: number
    concurrency: number
    sleep: (ms: number) => Promise<void>
    /** 0 to 1. */
    random?: (() => number) | undefined
  }>

/** `wait`: seconds. The others: see `Switching`. */
export type PerformHow = Readonly<{ wait?: number; thorough?: boolean; apart?: boolean | undefined }>

/** Which driver is asked; the first that can if left out. */
type By = Readonly<{ driver?: string | undefined }>

/**
 * Switches machines and reads them, through the drivers that each names and those that are there by themselves. Drivers are tried in
 * their order; what each that failed said is in `problems`, or in the `Refusal` when all did. States are what was read.
 */
export class Powers {
  readonly #with: PowersDependencies
  readonly #log: Log
  readonly #book: DriverBook
  readonly #fleet: Fleet
  readonly #readings: Readings
  readonly #switching: Switching
  readonly #poller: Poller
  readonly #reader: StateReader

  private constructor(dependencies: PowersDependencies, book: DriverBook) {
    this.#with = dependencies
    this.#log = dependencies.log ?? SILENT
    this.#book = book
    this.#fleet = new Fleet(book, dependencies)
    const { clock, sleep, events } = dependencies
    this.#readings = new Readings((id) => events.publish({ topic: 'power', id, change: 'saved' }))
    const drivers = (machine: PowerMachine) => this.#fleet.of(machine)
    this.#reader = new StateReader({ drivers, readings: this.#readings, clock })
    this.#switching = new Switching({
      clock,
      sleep,
      read: (machine, first) => this.#reader.read(machine, { first }),
      before: (machine) => this.#stateBefore(machine),
      seenSince: dependencies.seenSince ?? (() => false),
      startsHere: dependencies.startsHere ?? (() => false),
      mark: dependencies.mark ?? (() => undefined),
      patience: dependencies.patience,
    })
    this.#poller = new Poller({
      members: () => this.#polledMachines(),
      poll: (machine) => this.#poll(machine),
      clock,
      random: dependencies.random ?? Math.random,
      intervalMs: dependencies.pollSeconds * 1000,
      concurrency: dependencies.concurrency,
    })
  }

  static async open(dependencies: PowersDependencies): Promise<Powers> {
    const { repository, sealer, clock } = dependencies
    const book = await DriverBook.open({ repository, sealer, clock })
    // A machine was deleted, and the server ended before the rest went with it.
    for (const id of [...book.machines()]) if (!dependencies.machine(id)) await book.forget(id)
    return new Powers(dependencies, book)
  }

  /** What other parts of the server switch machines with; `undefined` when no driver reaches a machine. */
  readonly finder: PowerFinder = powerFinder({
    drivers: (machine) => this.#fleet.of(machine),
    state: async (machine) => (await this.status(machine)).state,
    perform: (machine, action, how) => this.perform(machine, action, how),
    setBootOrder: (machine, order) => this.setBootOrder(machine, order),
    firmwareOf: (id) => this.#with.firmwareOf?.(id) ?? null,
  })

  /**
   * Reads the state. `cached`: what was read last, however long ago; `maxAgeMs`: what was read last if it is no older. Drivers that
   * rest are not asked unless they are named. Refused (`not-available`) when the machine has no driver.
   */
  async status(
    machine: PowerMachine,
    { driver, cached = false, maxAgeMs }: By & Readonly<{ cached?: boolean; maxAgeMs?: number }> = {},
  ): Promise<PowerReport> {
    this.#driversOf(machine, driver)
    const { clock } = this.#with
    const last = driver === undefined ? this.#readings.of(machine.id) : undefined
    if (last && (cached || (maxAgeMs !== undefined && clock.now() - last.readAt <= maxAgeMs))) return reportOf(last)
    const { state, driver: by, problems } = await this.#reader.read(machine, { only: driver })
    return { state, driver: by, checkedAt: clock.now(), confirmed: null, problems }
  }

  /** What was read last; `undefined` before the first time. */
  reading(machine: string): PowerReading | undefined {
    return this.#readings.of(machine)
  }

  /**
   * Switches a machine and looks for the outcome, at most `wait` seconds (15 if left out) for each driver that is tried. Refused when no
   * driver can, or none took the order.
   */
  async perform(
    machine: PowerMachine,
    action: PowerAction,
    { driver, wait = WAIT_MS / 1000, ...how }: By & PerformHow = {},
  ): Promise<PowerReport> {
    const drivers = this.#driversOf(machine, driver)
    const order = { machine, drivers, only: driver, waitMs: wait * 1000, ...how }
    const report = await this.#switching.perform(order, action)
    const { state, confirmed, problems, steps } = report
    const told = { machine: machine.id, action, state, confirmed, problems, driver: report.driver }
    this.#log.info(steps && steps.length > 1 ? { ...told, steps } : told, 'power switched')
    return report
  }

  bootOrder(machine: PowerMachine, by: By = {}): Promise<Told<BootOrder | null>> {
    return this.#first(machine, 'boot-device', by, (driver) => {
      if (!driver.bootOrder) throw new Refusal('not-available', 'it does not tell what its firmware was told')
      return driver.bootOrder()
    })
  }

  /** Tells the firmware and reads it back. `confirmed` `null`: the driver cannot read it. */
  async setBootOrder(machine: PowerMachine, order: BootOrder | null, { driver }: By = {}): Promise<BootOrderReport> {
    return orderBoot(machine, this.#able(machine, 'boot-device', driver), order)
  }

  /** `seconds` 0 puts the lamp out, `null` leaves it on. */
  identify(machine: PowerMachine, seconds: number | null, by: By = {}): Promise<Told<void>> {
    return this.#first(machine, 'identify', by, async (driver) => driver.identify?.(seconds))
  }

  sensors(machine: PowerMachine, by: By = {}): Promise<Told<readonly Sensor[]>> {
    return this.#first(machine, 'sensors', by, async (driver) => (await driver.sensors?.()) ?? [])
  }

  hardwareEvents(machine: PowerMachine, by: By = {}): Promise<Told<readonly HardwareEvent[]>> {
    return this.#first(machine, 'events', by, async (driver) => (await driver.events?.()) ?? [])
  }

  clearHardwareEvents(machine: PowerMachine, by: By = {}): Promise<Told<void>> {
    return this.#first(machine, 'events', by, (driver) => {
      if (!driver.clearEvents) throw new Refusal('not-available', 'its event log cannot be cleared')
      return driver.clearEvents()
    })
  }

  fru(machine: PowerMachine, by: By = {}): Promise<Told<Fru>> {
    return this.#first(machine, 'fru', by, (driver) => driver.fru!())
  }

  media(machine: PowerMachine, by: By = {}): Promise<Told<string | null>> {
    return this.#first(machine, 'media', by, async (driver) => (await driver.media?.()) ?? null)
  }

  /** `media`: an http(s) address, the name of an iso image, or `boot`; `null` takes out what is in. The answer is its address. */
  async setMedia(machine: PowerMachine, media: string | null, by: By = {}): Promise<Told<string | null>> {
    this.#able(machine, 'media', by.driver)
    if (media !== null && hasCredentials(media))
      throw new Refusal('validation-failed', 'an address with a user or password in it would be shown to everybody', {
        next: 'offer the disc without a password, or upload it as an iso image',
      })
    const url = media === null ? null : await this.#mediaUrl(media, machine)
    return this.#first(machine, 'media', by, async (driver) => {
      await driver.setMedia?.(url)
      return url
    })
  }

  raw(machine: PowerMachine, request: RawRequest, by: By = {}): Promise<Told<RawAnswer>> {
    return this.#first(machine, 'raw', by, (driver) => driver.raw!(request))
  }

  /** The serial line of the first driver that has one. Whoever opens it closes it. */
  openConsole(machine: PowerMachine, driver?: string): Promise<Told<ConsoleLine>> {
    return this.#first(machine, 'console', { driver }, (each) => each.openConsole!())
  }

  /** What some driver of a machine can do. */
  capabilities(machine: PowerMachine): ReadonlySet<Capability> {
    return new Set(this.#fleet.of(machine).flatMap(({ capabilities }) => [...capabilities]))
  }

  /** In the order in which they are tried. */
  drivers(machine: PowerMachine): DriverView[] {
    return this.#fleet.of(machine).map((each, position) => {
      const view = viewOf(each, position, this.#book.get(machine.id, each.name))
      const asking = each.kind === 'manual' ? this.#with.asking?.(machine.id) : undefined
      return asking ? { ...view, asking } : view
    })
  }

  /** Refuses what `putDriver` would refuse; nothing is changed. */
  checkDriver(machine: PowerMachine, name: string, wanted: WantedDriver): Promise<void> {
    return this.#fleet.check(machine, name, wanted)
  }

  /** Whether `putDriver` would change anything. */
  driverDiffers(machine: PowerMachine, name: string, wanted: WantedDriver): boolean {
    return this.#book.differs(machine.id, name, wanted)
  }

  /** Adds or changes a driver. Secrets that are not given again go when it is to be reached elsewhere or as somebody else. */
  async putDriver(machine: PowerMachine, name: string, wanted: WantedDriver, by: string): Promise<DriverView> {
    await this.#fleet.check(machine, name, wanted)
    const kept = await this.#book.put(machine.id, name, wanted)
    this.#fleet.drop(machine.id, name)
    this.#poller.hasten(machine.id)
    this.#log.info(
      { machine: machine.id, driver: name, kind: kept.settings.kind, secrets: kept.secretNames, by },
      'power driver set',
    )
    this.#with.events.publish({ topic: 'power', id: machine.id, change: 'saved' })
    return this.drivers(machine).find((each) => each.name === name)!
  }

  async removeDriver(machine: PowerMachine, name: string, by: string): Promise<void> {
    if (this.#fleet.builtIn(machine).some((each) => each.name === name))
      throw new Refusal('conflict', `the driver ${name} is there by itself and cannot be removed`)
    if (!(await this.#book.remove(machine.id, name))) throw noSuchDriver(machine, name)
    this.#fleet.drop(machine.id, name)
    if (this.#fleet.of(machine).length === 0) this.#readings.forget(machine.id)
    this.#log.info({ machine: machine.id, driver: name, by }, 'power driver removed')
    this.#with.events.publish({ topic: 'power', id: machine.id, change: 'saved' })
  }

  /** Logs in and says what it found; what goes wrong is refused. Switches nothing. */
  probe(machine: PowerMachine, name: string): Promise<string> {
    const [driver] = this.#driversOf(machine, name).filter((each) => each.name === name)
    return driver!.ask((each) => each.probe())
  }

  /** What a person did by hand. Refused when the driver does not ask people. */
  answerManual(machine: PowerMachine, name: string, state: 'on' | 'off'): void {
    const [driver] = this.#driversOf(machine, name).filter((each) => each.name === name)
    if (!driver!.answer(state))
      throw new Refusal('wrong-state', `the driver ${name} of ${machine.name} asks nobody`, {
        next: 'only drivers of kind manual are answered by hand',
      })
    this.#readings.note(machine.id, { state, driver: name, readAt: this.#with.clock.now(), problems: [] })
  }

  /** Forgets a machine that is gone, with its drivers and their secrets. */
  async forget(machine: string): Promise<void> {
    await this.#book.forget(machine)
    this.#fleet.drop(machine)
    this.#poller.forget(machine)
    this.#readings.forget(machine)
  }

  /** Begins the polls that are due. To be called a few times each second. */
  tick(): void {
    if (this.#with.pollSeconds > 0) this.#poller.tick()
  }

  /** Ends all sessions. */
  stop(): Promise<void> {
    return this.#fleet.close()
  }

  /** In numbers, for measurements: drivers by circuit, machines by state, calls by kind and result. */
  counts() {
    const circuits = { closed: 0, open: 0, 'half-open': 0 }
    for (const { circuit } of this.#fleet.tracked()) circuits[circuit]++
    const states: Record<PowerState, number> = { on: 0, off: 0, unknown: 0 }
    for (const { state } of this.#readings.all()) states[state]++
    const calls = [...this.#fleet.calls].map(([key, count]) => {
      const [kind = '', result = ''] = key.split(' ')
      return { kind, result, count }
    })
    return { circuits, states, calls }
  }

  #driversOf(machine: PowerMachine, only: string | undefined): TrackedDriver[] {
    const drivers = this.#fleet.of(machine)
    if (only !== undefined && drivers.every(({ name }) => name !== only)) throw noSuchDriver(machine, only)
    if (drivers.length === 0) throw noDriver(machine)
    return drivers
  }

  #able(machine: PowerMachine, capability: Capability, only: string | undefined): TrackedDriver[] {
    const drivers = this.#driversOf(machine, only)
    const able = chosen(drivers, capability, { only })
    if (able.length === 0)
      throw unable(machine, capability, only === undefined ? drivers.map(({ name }) => name) : [only])
    return able
  }

  async #first<T>(
    machine: PowerMachine,
    capability: Capability,
    { driver: only }: By,
    work: (driver: PowerDriver) => Promise<T>,
  ): Promise<Told<T>> {
    const problems: PowerProblem[] = []
    const errors: unknown[] = []
    for (const driver of this.#able(machine, capability, only)) {
      try {
        return { driver: driver.name, value: await driver.ask(async (each) => work(each)), problems }
      } catch (error) {
        errors.push(error)
        problems.push({ driver: driver.name, cause: causeOf(error) })
      }
    }
    throw allFailed(machine, capability, problems, errors)
  }

  #stateBefore(machine: string): PowerState {
    const last = this.#readings.of(machine)
    return last && this.#with.clock.now() - last.readAt <= FRESH_MS ? last.state : 'unknown'
  }

  /** Machines whose state somebody said how to read, and those of the lab. */
  #polledMachines(): Set<string> {
    const own = [...this.#book.machines()].filter((id) => this.#with.machine(id) !== undefined)
    const lab = [...this.#with.machines()].filter((each) =>
      this.#fleet.builtIn(each).some(({ kind }) => kind === 'lab'),
    )
    return new Set([...own, ...lab.map(({ id }) => id)])
  }

  async #poll(id: string): Promise<boolean> {
    const machine = this.#with.machine(id)
    return machine === undefined || answered(await this.#reader.read(machine))
  }

  #mediaUrl(media: string, machine: PowerMachine): Promise<string> {
    if (this.#with.mediaUrl) return this.#with.mediaUrl(media, machine)
    throw new Refusal('not-available', 'this server has no discs to offer', { next: 'give an http address' })
  }
}

function reportOf({ state, driver, readAt, problems }: PowerReading): PowerReport {
  return { state, driver: driver ?? '', checkedAt: readAt, confirmed: null, problems }
}

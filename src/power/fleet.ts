import type { Clock } from '../kit/clock.ts'
import { Refusal } from '../kit/errors.ts'
import { type Log, SILENT } from '../kit/log.ts'
import type { ConfiguredDriver, DriverFactory, DriverMachine } from './configured.ts'
import type { PowerDriver } from './driver.ts'
import type { DriverBook, WantedDriver } from './driver-book.ts'
import type { PowerMachine } from './power.ts'
import { type DriverKind, unseenRestartOf } from './settings.ts'
import { TrackedDriver } from './tracked-driver.ts'

/** A driver that is there by itself. It is made once and kept for as long as it is listed. */
export type BuiltInDriver = Readonly<{ name: string; kind: DriverKind; make: () => PowerDriver }>

export type FleetDependencies = Readonly<{
  factories: Readonly<Partial<Record<DriverKind, DriverFactory>>>
  /** What reaches a machine without having been told, such as the lab. */
  builtIn?: ((machine: PowerMachine) => readonly BuiltInDriver[]) | undefined
  machine: (id: string) => PowerMachine | undefined
  /** Where the system of a machine is now; `null` when not known. */
  addressOf: (machine: string) => string | null
  clock: Clock
  log?: Log | undefined
}>

/** The drivers of all machines, made when they are asked first. */
export class Fleet {
  readonly #book: DriverBook
  readonly #with: FleetDependencies
  readonly #log: Log
  readonly #tracked = new Map<string, Map<string, TrackedDriver>>()
  /** Calls by kind and result, such as `ipmi ok`. */
  readonly calls = new Map<string, number>()

  constructor(book: DriverBook, dependencies: FleetDependencies) {
    this.#book = book
    this.#with = dependencies
    this.#log = dependencies.log ?? SILENT
  }

  /** Those of a machine in the order in which they are tried: its own, then those that are there by themselves. */
  of(machine: PowerMachine): TrackedDriver[] {
    const own = this.#book.of(machine.id).map((each) => this.#get(machine.id, each.name, () => this.#configured(each)))
    const builtIn = this.builtIn(machine).map((each) => this.#get(machine.id, each.name, () => this.#builtIn(each)))
    return [...own, ...builtIn]
  }

  /** A name that the machine gives to a driver of its own counts before one that is there by itself. */
  builtIn(machine: PowerMachine): readonly BuiltInDriver[] {
    const all = this.#with.builtIn?.(machine) ?? []
    return all.filter(({ name }) => this.#book.get(machine.id, name) === undefined)
  }

  /** Refuses what makes no driver. */
  async check(machine: PowerMachine, name: string, wanted: WantedDriver): Promise<void> {
    const { kind } = wanted.settings
    if (kind === 'lab' || kind === 'agent')
      throw new Refusal('validation-failed', `a driver of kind ${kind} is there by itself`, {
        next: 'leave it out: it is tried after those that are named',
      })
    if (this.builtIn(machine).some((each) => each.name === name))
      throw new Refusal('conflict', `${machine.name} has a driver ${name} by itself`, { next: 'choose another name' })
    const factory = this.#with.factories[kind]
    if (!factory) throw new Refusal('not-available', `this server has no driver of kind ${kind}`)
    const secrets = this.#book.secretsFor(machine.id, name, wanted)
    await factory(wanted.settings, secrets, this.#driverMachine(machine.id, name)).close()
  }

  /** All that were made. */
  *tracked(): Iterable<TrackedDriver> {
    for (const drivers of this.#tracked.values()) yield* drivers.values()
  }

  /** Ends what a driver holds; it is made anew when it is asked again. */
  drop(machine: string, name?: string): void {
    const drivers = this.#tracked.get(machine)
    for (const [each, driver] of [...(drivers ?? [])]) {
      if (name !== undefined && each !== name) continue
      drivers?.delete(each)
      driver
        .close()
        .catch((error: unknown) => this.#log.debug({ machine, driver: each, error }, 'a driver did not end'))
    }
    if (drivers?.size === 0) this.#tracked.delete(machine)
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.tracked()].map((driver) => driver.close()))
    this.#tracked.clear()
  }

  #get(machine: string, name: string, make: () => TrackedDriver): TrackedDriver {
    const drivers = this.#tracked.get(machine) ?? new Map<string, TrackedDriver>()
    const known = drivers.get(name)
    if (known) return known
    const made = make()
    this.#tracked.set(machine, drivers.set(name, made))
    return made
  }

  #builtIn({ name, kind, make }: BuiltInDriver): TrackedDriver {
    const { clock } = this.#with
    return new TrackedDriver({ name, kind, builtIn: true, unseenRestart: 'judge', make, clock, count: this.#count })
  }

  #configured({ machine, name, settings }: ConfiguredDriver): TrackedDriver {
    const { factories, clock } = this.#with
    const make = () => {
      const factory = factories[settings.kind]
      const row = this.#book.get(machine, name)
      if (!factory || !row)
        throw new Refusal('not-available', `this server has no driver of kind ${settings.kind}`, {
          next: 'remove it, or run the Reveille that made it',
        })
      return factory(row.settings, this.#book.secretsOf(row), this.#driverMachine(machine, name))
    }
    const { kind } = settings
    const unseenRestart = unseenRestartOf(settings)
    return new TrackedDriver({ name, kind, builtIn: false, unseenRestart, make, clock, count: this.#count })
  }

  /** As it is when it is looked at: machines get other names and cards. */
  #driverMachine(id: string, driver: string): DriverMachine {
    const { machine, addressOf } = this.#with
    return {
      id,
      get name() {
        return machine(id)?.name ?? id
      },
      get macs() {
        return machine(id)?.macs ?? []
      },
      address: () => addressOf(id),
      pin: async (hostKey) => {
        await this.#book.pin(id, driver, hostKey)
        this.#log.info({ machine: id, driver, hostKey }, 'host key learnt')
      },
    }
  }

  readonly #count = (kind: DriverKind, result: string) => {
    const key = `${kind} ${result}`
    this.calls.set(key, (this.calls.get(key) ?? 0) + 1)
  }
}

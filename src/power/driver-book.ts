import { isDeepStrictEqual } from 'node:util'
import type { Clock } from '../kit/clock.ts'
import { Refusal } from '../kit/errors.ts'
import { Secret } from '../kit/secret.ts'
import type { Sealer } from '../secrets/sealer.ts'
import type { ConfiguredDriver, DriverSecrets, PowerRepository } from './configured.ts'
import { DRIVER_SECRETS, type DriverSettings } from './settings.ts'

export const MOST_DRIVERS = 16

type Dependencies = Readonly<{ repository: PowerRepository; sealer: Sealer; clock: Clock }>

/** What is asked for a driver. Without `secrets` those that are kept stay, if they may; without `position` so does its place. */
export type WantedDriver = Readonly<{
  settings: DriverSettings
  secrets: Readonly<Record<string, string>> | null
  position?: number | undefined
}>

/** The drivers that machines name: all in memory, every change durable before it is seen. */
export class DriverBook {
  readonly #with: Dependencies
  readonly #drivers = new Map<string, readonly ConfiguredDriver[]>()
  #last: Promise<unknown> = Promise.resolve()

  private constructor(dependencies: Dependencies, drivers: readonly ConfiguredDriver[]) {
    this.#with = dependencies
    for (const driver of drivers) this.#keep(driver.machine, [...this.of(driver.machine), driver])
  }

  static async open(dependencies: Dependencies): Promise<DriverBook> {
    const { repository, sealer } = dependencies
    const rows = await repository.all()
    const bound = rows.map((row) => boundToTrust(row, sealer))
    const changed = bound.filter((row, n) => row !== rows[n])
    if (changed.length > 0) await repository.save(changed)
    return new DriverBook(dependencies, bound)
  }

  /** Those of a machine, in their order. */
  of(machine: string): readonly ConfiguredDriver[] {
    return this.#drivers.get(machine) ?? []
  }

  get(machine: string, name: string): ConfiguredDriver | undefined {
    return this.of(machine).find((each) => each.name === name)
  }

  /** Ids of machines that name a driver. */
  machines(): IterableIterator<string> {
    return this.#drivers.keys()
  }

  put(machine: string, name: string, wanted: WantedDriver): Promise<ConfiguredDriver> {
    return this.#alone(async () => {
      const others = this.of(machine).filter((each) => each.name !== name)
      const before = this.get(machine, name)
      if (others.length >= MOST_DRIVERS)
        throw new Refusal('too-large', `a machine has at most ${MOST_DRIVERS} drivers`, { next: 'remove one first' })
      assertSecrets(wanted)
      const at = Math.min(wanted.position ?? before?.position ?? others.length, others.length)
      const made = this.#made(machine, name, wanted, before)
      const next = others.toSpliced(at, 0, made).map((each, position) => ({ ...each, position }))
      const changed = next.filter(
        (each) => each.name === name || each.position !== this.get(machine, each.name)?.position,
      )
      await this.#with.repository.save(changed)
      this.#keep(machine, next)
      return next[at]!
    })
  }

  /** `false` when there is none. */
  remove(machine: string, name: string): Promise<boolean> {
    return this.#alone(async () => {
      if (!this.get(machine, name)) return false
      await this.#with.repository.remove(machine, name)
      this.#keep(
        machine,
        this.of(machine).filter((each) => each.name !== name),
      )
      return true
    })
  }

  forget(machine: string): Promise<void> {
    return this.#alone(async () => {
      if (this.of(machine).length === 0) return
      await this.#with.repository.forget(machine)
      this.#drivers.delete(machine)
    })
  }

  /** Keeps the host key that was seen first. */
  pin(machine: string, name: string, hostKey: string): Promise<void> {
    return this.#alone(async () => {
      const driver = this.get(machine, name)
      if (driver?.settings.kind !== 'ssh' || driver.settings.hostKey !== null) return
      const settings = { ...driver.settings, hostKey }
      const pinned = {
        ...driver,
        settings,
        sealed: this.#resealed(driver, settings),
        updatedAt: this.#with.clock.now(),
      }
      await this.#with.repository.save([pinned])
      this.#keep(
        machine,
        this.of(machine).map((each) => (each.name === name ? pinned : each)),
      )
    })
  }

  /** Refused (`corrupt`) when the key is not the one they were sealed with. */
  secretsOf(driver: ConfiguredDriver): DriverSecrets {
    return asSecrets(this.#texts(driver))
  }

  #texts({ machine, name, settings, sealed }: ConfiguredDriver): Record<string, string> {
    if (sealed === null) return {}
    return JSON.parse(this.#with.sealer.open(contextOf(machine, name, settings), sealed)) as Record<string, string>
  }

  /** Whether a driver would become another by being put so. */
  differs(machine: string, name: string, { settings, secrets, position }: WantedDriver): boolean {
    const known = this.get(machine, name)
    if (!known || (position !== undefined && this.of(machine).indexOf(known) !== position)) return true
    if (!isDeepStrictEqual(known.settings, withKnownKey(known, settings))) return true
    if (secrets === null) return false
    try {
      return !isDeepStrictEqual(this.#texts(known), { ...secrets })
    } catch {
      return true
    }
  }

  /** The secrets that a driver would have if it were made so. */
  secretsFor(machine: string, name: string, wanted: WantedDriver): DriverSecrets {
    assertSecrets(wanted)
    const before = this.get(machine, name)
    const settings = withKnownKey(before, wanted.settings)
    if (before && staysAs(before, { ...wanted, settings })) return this.secretsOf(before)
    return asSecrets(wanted.secrets ?? {})
  }

  #made(
    machine: string,
    name: string,
    { settings: wanted, secrets }: WantedDriver,
    before: ConfiguredDriver | undefined,
  ): ConfiguredDriver {
    const settings = withKnownKey(before, wanted)
    const context = contextOf(machine, name, settings)
    const given = Object.entries(secrets ?? {})
    const kept =
      before && staysAs(before, { settings, secrets })
        ? { secretNames: before.secretNames, sealed: this.#resealed(before, settings) }
        : {
            secretNames: given.map(([key]) => key).sort(),
            sealed:
              given.length === 0 ? null : this.#with.sealer.seal(context, JSON.stringify(Object.fromEntries(given))),
          }
    return { machine, name, position: 0, settings, ...kept, updatedAt: this.#with.clock.now() }
  }

  /** What is kept of a driver, bound to what it is from now on. */
  #resealed(before: ConfiguredDriver, settings: DriverSettings): string | null {
    const { machine, name, sealed } = before
    const [was, is] = [before.settings, settings].map((each) => contextOf(machine, name, each))
    return sealed === null || was === is ? sealed : this.#with.sealer.seal(is!, this.#with.sealer.open(was!, sealed))
  }

  #keep(machine: string, drivers: readonly ConfiguredDriver[]): void {
    if (drivers.length === 0) this.#drivers.delete(machine)
    else
      this.#drivers.set(
        machine,
        [...drivers].sort((a, b) => a.position - b.position || (a.name < b.name ? -1 : 1)),
      )
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work)
    this.#last = result.catch(() => undefined)
    return result
  }
}

/** Whether the secrets that are kept are those of the driver as it is wanted. */
function staysAs({ machine, name, settings, secretNames }: ConfiguredDriver, wanted: WantedDriver): boolean {
  const isSamePlace = placeOf(machine, name, settings) === placeOf(machine, name, wanted.settings)
  if (wanted.secrets !== null || !isSamePlace) return false
  // Whoever may say which certificate or host key is trusted must not have secrets sent to whoever has that one.
  const isSent = settings.kind !== 'ssh' || secretNames.includes('password')
  return !isSent || trustedBy(settings) === trustedBy(wanted.settings)
}

/** The one certificate or host key that secrets are sent to; `null`: none in particular. */
function trustedBy(settings: DriverSettings): string | null {
  if (settings.kind === 'ssh') return settings.hostKey
  return settings.kind === 'redfish' || settings.kind === 'http' ? settings.fingerprint : null
}

/** A host key that was learnt counts on where none is named, as long as the place is the same. */
function withKnownKey(before: ConfiguredDriver | undefined, wanted: DriverSettings): DriverSettings {
  if (wanted.kind !== 'ssh' || wanted.hostKey !== null || before?.settings.kind !== 'ssh') return wanted
  const isSame = isDeepStrictEqual(targetOf(before.settings), targetOf(wanted))
  return isSame ? { ...wanted, hostKey: before.settings.hostKey } : wanted
}

function asSecrets(texts: Readonly<Record<string, string>>): DriverSecrets {
  return Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, new Secret(text)]))
}

/**
 * What secrets are bound to: whose they are, where they are sent, and which certificate or host key they are sent to. Whoever may change
 * one of them, also in the database, must not have the secrets sent elsewhere.
 */
export function contextOf(machine: string, name: string, settings: DriverSettings): string {
  return `power-driver 2 ${JSON.stringify([placeOf(machine, name, settings), trustedBy(settings)])}`
}

/** Whose secrets they are, and where they are sent; they were bound to no more at first. */
export function placeOf(machine: string, name: string, settings: DriverSettings): string {
  return `power-driver 1 ${JSON.stringify([machine, name, ...targetOf(settings)])}`
}

/** Secrets that are bound to a place alone are bound to what is trusted there now, too. What cannot be opened stays as it is. */
function boundToTrust(row: ConfiguredDriver, sealer: Sealer): ConfiguredDriver {
  const { machine, name, settings, sealed } = row
  if (sealed === null || opened(sealer, contextOf(machine, name, settings), sealed) !== undefined) return row
  const text = opened(sealer, placeOf(machine, name, settings), sealed)
  return text === undefined ? row : { ...row, sealed: sealer.seal(contextOf(machine, name, settings), text) }
}

function opened(sealer: Sealer, context: string, sealed: string): string | undefined {
  try {
    return sealer.open(context, sealed)
  } catch {
    return undefined
  }
}

function targetOf(settings: DriverSettings): readonly (string | number | null)[] {
  switch (settings.kind) {
    case 'ipmi':
    case 'ssh':
    case 'snmp':
      return [settings.kind, settings.address, settings.port, settings.user]
    case 'redfish':
    case 'http':
      return [settings.kind, settings.url, settings.user]
    case 'wol':
      return [settings.kind, settings.broadcast, settings.port]
    default:
      return [settings.kind]
  }
}

function assertSecrets({ settings, secrets }: WantedDriver): void {
  const known = DRIVER_SECRETS[settings.kind]
  const unknown = Object.keys(secrets ?? {}).filter((key) => !known.includes(key))
  if (unknown.length === 0) return
  const takes = known.length === 0 ? 'no secrets' : known.join(', ')
  throw new Refusal('validation-failed', `a driver of kind ${settings.kind} takes ${takes}`, {
    problems: unknown.map((key) => ({ path: `secrets.${key}`, message: 'not a secret of this kind' })),
  })
}

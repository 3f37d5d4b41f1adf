import type { ConsoleView, ConsoleViewer } from '../consoles/console.ts'
import type { Clock } from '../kit/clock.ts'
import type { Log } from '../kit/log.ts'
import type { BootOrder } from '../power/boot-order.ts'
import type { Fru, HardwareEvent, RawAnswer, RawRequest } from '../power/driver.ts'
import type { PowerAction, PowerState } from '../power/power.ts'
import type { Sensor } from '../power/sensor.ts'
import type { GatewayRepository } from './bmc.ts'
import type { PlaceRules } from './places.ts'
import type { RoutedDriver } from './routing.ts'

/** What the gateway knows of a machine. `profileKind`: of the profile it boots by default. */
export type GatewayMachine = Readonly<{
  id: string
  name: string
  uuid: string | null
  serial: string | null
  manufacturer: string | null
  product: string | null
  macs: readonly string[]
  tags: readonly string[]
  profile: string | null
  profileKind: string | null
  address: string | null
}>

/** What hardware says of itself (SMBIOS); `null` where it does not. */
export type Smbios = Readonly<Record<'manufacturer' | 'product' | 'serial' | 'board', string | null>>

/** What was read back after an action. `confirmed` `null`: it cannot be told. `problems`: what did not work on the way; empty if nothing. */
export type SeenOutcome = Readonly<{ driver: string; confirmed: boolean | null; problems: string }>

/**
 * The drivers of machines, by the ids of machines. `driver` names the only one that is asked; `undefined`: those that can, in their
 * order. Refused (`not-available` and others) with the cause when none could.
 */
export interface GatewayPowers {
  driversOf(machine: string): readonly RoutedDriver[]
  state(machine: string, driver?: string): Promise<PowerState>
  /** Resolves when the outcome was seen, or was looked for long enough. */
  perform(machine: string, action: PowerAction, driver?: string): Promise<SeenOutcome>
  bootOrder(machine: string, driver?: string): Promise<BootOrder | null>
  setBootOrder(machine: string, order: BootOrder | null, driver?: string): Promise<void>
  identify(machine: string, seconds: number | null, driver?: string): Promise<void>
  sensors(machine: string, driver?: string): Promise<readonly Sensor[]>
  events(machine: string, driver?: string): Promise<readonly HardwareEvent[]>
  clearEvents(machine: string, driver?: string): Promise<void>
  fru(machine: string, driver?: string): Promise<Fru>
  setMedia(machine: string, media: string | null, driver?: string): Promise<void>
  raw(machine: string, request: RawRequest, driver?: string): Promise<RawAnswer>
}

/** One line of the audit log. */
export type GatewayDeed = Readonly<{
  who: string
  via: 'ipmi' | 'redfish'
  address: string
  action: string
  subject: string
  outcome: 'ok' | 'refused'
  detail: string
}>

/** What became of a deployment; `undefined` while it has not ended. */
export type EndedDeployment = Readonly<{ machine: string; succeeded: boolean; what: string; reason: string }>

export type GatewayAround = Readonly<{
  repository: GatewayRepository
  /** Seals passwords; the context binds each to its BMC and account. */
  sealer: Readonly<{ seal(context: string, text: string): string; open(context: string, sealed: string): string }>
  machine: (id: string) => GatewayMachine | undefined
  /** All machines that may have a BMC. */
  machines: () => readonly GatewayMachine[]
  powers: GatewayPowers
  /** What the management OS found a machine to be made of; `undefined`: it never looked. */
  smbios: (machine: string) => Promise<Smbios | undefined>
  consoles: { attach(machine: Readonly<{ id: string; name: string }>, viewer: ConsoleViewer): ConsoleView }
  /** Why something cannot be booted as a disc; `undefined`: it can. */
  mediaProblem: (media: string) => string | undefined
  audit: (deed: GatewayDeed) => Promise<void>
  /** Leaves a mark in the newest boot trace of a machine. */
  trace: (machine: string, summary: string, reason: string, ok: boolean) => void
  endedDeployment: (id: string) => Promise<EndedDeployment | undefined>
  places: PlaceRules
  /** Entries that a log keeps. */
  mostEvents: number
  /** Whether cipher suite 3 may be used. */
  suite3: boolean
  events: { publish(event: { topic: 'bmc'; id: string; change: 'saved' | 'removed' }): void }
  clock: Clock
  log: Log
}>

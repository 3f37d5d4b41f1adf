import { Refusal } from '../kit/errors.ts'
import type { BootOrder } from './boot-order.ts'
import type { PowerAction, PowerState } from './power.ts'
import type { Sensor } from './sensor.ts'

/** What a driver may be able to do. The actions stand beside the rest, so that a missing one can be named. */
export const CAPABILITIES = [
  'state',
  'on',
  'off',
  'cycle',
  'reset',
  'soft',
  'diag',
  'boot-device',
  'identify',
  'sensors',
  'events',
  'fru',
  'console',
  'media',
  'raw',
] as const
export type Capability = (typeof CAPABILITIES)[number]

/** One line of a machine's own event log. `at`: milliseconds since 1970; `null` when its clock was not set. */
export type HardwareEvent = Readonly<{
  id: number
  at: number | null
  sensor: string
  text: string
  severity: 'ok' | 'warning' | 'critical' | 'unknown'
}>

/** What a machine says it is made of; `null` where it does not say. */
export type Fru = Readonly<{
  manufacturer: string | null
  product: string | null
  partNumber: string | null
  serial: string | null
  assetTag: string | null
  boardManufacturer: string | null
  boardProduct: string | null
  boardSerial: string | null
  chassisSerial: string | null
}>

/** Request and answer of IPMI, for what is passed on as it is. */
export type RawRequest = Readonly<{ netFn: number; lun: number; command: number; data: Uint8Array }>
export type RawAnswer = Readonly<{ completionCode: number; data: Uint8Array }>

/** A serial line that is open both ways. Bytes that come before `listen` are kept and handed over first. */
export interface ConsoleLine {
  /** `ended` is called once, with the cause in words, when the line is gone for any reason but `close`. */
  listen(received: (bytes: Uint8Array) => void, ended: (why: string) => void): void
  write(bytes: Uint8Array): void
  /** Sends a break, where the line knows it. */
  sendBreak?(): void
  close(): void
}

/**
 * What a driver notes of a power cycle. `shows-off`: the order goes out now, and if it is obeyed, `state` shows the machine off for a
 * moment. `was-off`: the driver saw it off itself.
 */
export type RestartNote = 'shows-off' | 'was-off'

/** An order was given and its answer was lost: it may have been carried out, and giving it again might do more. */
export class MaybeDone extends Refusal {
  override name = 'MaybeDone'
}

/**
 * One way to reach one machine. What it cannot do is absent, and `capabilitiesOf` names it. Every call ends by itself within
 * `DRIVER_DEADLINE_MS`, and fails with a `Refusal` that says what went wrong and holds no secret: `not-available` (it does
 * not answer), `wrong-credentials`, `wrong-state` (it answers no). A call that returned was accepted by the other side, which
 * proves nothing yet: `state` is what is read.
 */
export interface PowerDriver {
  readonly kind: string
  readonly actions: readonly PowerAction[]
  state?(): Promise<PowerState>
  /** `note` is called while it is done, by drivers that know more than that it was taken. */
  perform(action: PowerAction, note?: (what: RestartNote) => void): Promise<void>
  /** What the machine boots from next, as its firmware was told; `null` where nothing was said. */
  bootOrder?(): Promise<BootOrder | null>
  setBootOrder?(order: BootOrder | null): Promise<void>
  /** Lights the lamp. `seconds` 0 puts it out, `null` leaves it on. */
  identify?(seconds: number | null): Promise<void>
  sensors?(): Promise<readonly Sensor[]>
  events?(): Promise<readonly HardwareEvent[]>
  clearEvents?(): Promise<void>
  fru?(): Promise<Fru>
  openConsole?(): Promise<ConsoleLine>
  /** Puts a disc, which the machine's BMC fetches itself, into its virtual drive; `null` takes it out. */
  setMedia?(url: string | null): Promise<void>
  media?(): Promise<string | null>
  raw?(request: RawRequest): Promise<RawAnswer>
  /** What a person did by hand, and what is so now. Drivers that ask people have it. */
  answer?(state: 'on' | 'off'): void
  /** Proves that it can be reached and logged in to, and says what it found in one line. */
  probe(): Promise<string>
  /** Ends sessions. The driver may be asked again afterwards. */
  close(): Promise<void>
}

export const DRIVER_DEADLINE_MS = 60_000

export function capabilitiesOf(driver: PowerDriver): ReadonlySet<Capability> {
  const found = new Set<Capability>(driver.actions)
  const methods = {
    state: driver.state,
    'boot-device': driver.setBootOrder,
    identify: driver.identify,
    sensors: driver.sensors,
    events: driver.events,
    fru: driver.fru,
    console: driver.openConsole,
    media: driver.setMedia,
    raw: driver.raw,
  } as const
  for (const [capability, method] of Object.entries(methods)) if (method) found.add(capability as Capability)
  return found
}

import type { BootOrder } from '../power/boot-order.ts'
import type { ConsoleLine, Fru, RawAnswer, RawRequest } from '../power/driver.ts'
import type { PowerAction, PowerState } from '../power/power.ts'
import type { Sensor } from '../power/sensor.ts'
import type { Bmc, BmcEvent, BmcUser, Privilege } from './bmc.ts'

/** Who asks, for audit and log. `face`: how they came. */
export type BmcCaller = Readonly<{ face: 'ipmi' | 'redfish'; user: string; address: string }>

/**
 * What one emulated BMC can ask of the server. The faces (IPMI, Redfish) know nothing else; routes are followed behind it.
 * Calls end within `BACK_END_DEADLINE_MS` and fail with a `Refusal`: `not-available` and `wrong-state` are the back end's,
 * `not-found` means that no route or driver can do it.
 */
export interface BmcBackEnd {
  readonly bmc: Bmc
  readonly machine: Readonly<{
    id: string
    name: string
    uuid: string | null
    serial: string | null
    manufacturer: string | null
    product: string | null
    macs: readonly string[]
    /** Where the machine is now, or was last; `null` when not known. */
    address: string | null
  }>
  powerState(): Promise<PowerState>
  /** Returns when the back end accepted it; what became of it is read by `powerState`. */
  perform(action: PowerAction, by: BmcCaller): Promise<void>
  bootOrder(): Promise<BootOrder | null>
  setBootOrder(order: BootOrder | null, by: BmcCaller): Promise<void>
  identify(seconds: number | null): Promise<void>
  sensors(): Promise<readonly Sensor[]>
  fru(): Promise<Fru>
  /** Oldest first: Reveille's own log, or by route that of a driver (kept for some seconds, for clients read it entry by entry). */
  events(): Promise<readonly BmcEvent[]>
  clearEvents(by: BmcCaller): Promise<void>
  /** One more viewer who may type. */
  openConsole(by: BmcCaller): Promise<ConsoleLine>
  media(): string | null
  /** The name of an image, or an http(s) address, to be booted at the next start, once; `null` takes it out. */
  setMedia(media: string | null, by: BmcCaller): Promise<void>
  /** For commands that no class covers. */
  raw(request: RawRequest, by: BmcCaller): Promise<RawAnswer>
  /** The password of an account, for the key exchange; `undefined`: there is none to compare with. */
  passwordOf(user: BmcUser): string | undefined
  setUser(
    slot: number,
    change: Readonly<Partial<Pick<BmcUser, 'name' | 'privilege' | 'enabled'>> & { password?: string }>,
    by: BmcCaller,
  ): Promise<void>
  /** Writes into the BMC's own log. Failed logins (kind `login`, severity not `ok`) beyond a rate are counted, not written. */
  record(event: Readonly<Pick<BmcEvent, 'kind' | 'severity' | 'text'>>): Promise<void>
}

export const BACK_END_DEADLINE_MS = 30_000

/** The BMCs that are to be answered, as they change. */
export interface BmcDirectory {
  /** All that are enabled. */
  all(): readonly BmcBackEnd[]
  ofMachine(machine: string): BmcBackEnd | undefined
  /** By the user name given on the shared endpoint: `USER` where it is unique, or `USER@MACHINE` shortened to 16 bytes. */
  ofUser(name: string): BmcBackEnd | undefined
}

/** Somebody who is logged in to a BMC. Times in milliseconds since 1970. */
export type BmcSession = Readonly<{
  id: string
  machine: string
  user: string
  privilege: Privilege
  address: string
  /** Of IPMI; 0: Redfish. */
  cipherSuite: number
  /** Whether it holds the console. */
  console: boolean
  since: number
  lastAt: number
}>

/** What serves BMCs to the network. It follows the directory by the topics `bmc` and `machine`. */
export interface BmcFace {
  /** Whether this machine's BMC is reached here now; `problem`: why not, in one sentence, such as a port that is taken. */
  statusOf(machine: string): Readonly<{ listening: boolean; problem: string }>
  sessions(): readonly BmcSession[]
  /** Those of one account, or all of the machine. */
  endSessions(machine: string, user?: string): void
  stop(): Promise<void>
}

import type { Secret } from '../kit/secret.ts'
import type { PowerDriver } from './driver.ts'
import type { DriverSettings } from './settings.ts'

/** Secrets of a driver by what they are: `password`, `privateKey`, `kg`, `token`, `community`, `authKey`, `privKey`. */
export type DriverSecrets = Readonly<Record<string, Secret>>

/**
 * A driver that a machine names. `name` is unique within the machine and what routes call it; `position` is the order in which
 * drivers are tried. `sealed`: its secrets, encrypted with a key that is not in the database; bound to machine, name and address,
 * so that no change of address can send a secret elsewhere.
 */
export type ConfiguredDriver = Readonly<{
  machine: string
  name: string
  position: number
  settings: DriverSettings
  secretNames: readonly string[]
  sealed: string | null
  updatedAt: number
}>

/** Durable when a call returns. */
export interface PowerRepository {
  all(): Promise<readonly ConfiguredDriver[]>
  /** All or none. */
  save(drivers: readonly ConfiguredDriver[]): Promise<void>
  remove(machine: string, name: string): Promise<void>
  /** All that a machine had. */
  forget(machine: string): Promise<void>
}

/** What a driver may know of its machine. `address`: where its system is now, from a lease or a report; `null` when not known. */
export type DriverMachine = Readonly<{
  id: string
  name: string
  macs: readonly string[]
  address: () => string | null
  /** Keeps the host key that was seen first, so that only it is accepted from then on. */
  pin?: (hostKey: string) => Promise<void>
}>

/** Makes the driver of one kind; it connects to nothing until it is asked. */
export type DriverFactory = (settings: DriverSettings, secrets: DriverSecrets, machine: DriverMachine) => PowerDriver

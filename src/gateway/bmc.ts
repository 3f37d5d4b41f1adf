import type { BootOrder } from '../power/boot-order.ts'
import type { Routes } from './routes.ts'

/** IPMI 2.0 table 13-15: suites that authenticate and encrypt. 17: HMAC-SHA256; 3: HMAC-SHA1. Others are never offered. */
export const CIPHER_SUITES = [17, 3] as const
export type CipherSuite = (typeof CIPHER_SUITES)[number]

/** Numbers of IPMI 2.0 §6.8. */
export const PRIVILEGES = ['callback', 'user', 'operator', 'administrator'] as const
export type Privilege = (typeof PRIVILEGES)[number]

/** An account of one BMC. Slot 1 is IPMI's anonymous user and stays empty. IPMI needs the password itself, so it is sealed, not hashed. */
export type BmcUser = Readonly<{
  slot: number
  name: string
  privilege: Privilege
  enabled: boolean
  /** Encrypted with a key that is not in the database. */
  sealed: string
}>

/** The BMC that Reveille answers for one machine. */
export type Bmc = Readonly<{
  machine: string
  enabled: boolean
  /** An address of its own, where UDP 623 and nothing else is bound; `null`: a port of `gateway.listen`. */
  address: string | null
  /** Its own UDP port. */
  port: number
  /** 16 bytes as hexadecimal digits, the same as long as it exists. */
  guid: string
  users: readonly BmcUser[]
  cipherSuites: readonly CipherSuite[]
  /** Addresses and subnets of clients; empty: those of `gateway.clients`. */
  clients: readonly string[]
  routes: Routes
  /** What clients ordered by IPMI or Redfish; kept until it was obeyed (once) or changed. */
  bootOrder: BootOrder | null
  /** Names that order, so that a late report cannot use up a newer one. `driver`: the firmware was told, too, by this route. */
  bootOrdered: Readonly<{ id: string; at: number; by: string; driver: string | null }> | null
  /** Image or address of the disc that was inserted. */
  media: string | null
  /** Why the machine was started last, IPMI 2.0 table 28-11. */
  restartCause: number
  /** The rule that made it; `null`: a person did. */
  rule: string | null
  createdAt: number
  updatedAt: number
}>

/** Makes BMCs by itself for machines with a tag. */
export type BmcRule = Readonly<{ name: string; tag: string; routes: Routes; user: string; createdAt: number }>

/** One entry of the log that a BMC shows as its SEL. `at`: milliseconds since 1970. */
export type BmcEvent = Readonly<{
  machine: string
  id: number
  at: number
  kind: 'power' | 'boot' | 'login' | 'deployment' | 'watchdog' | 'other'
  severity: 'ok' | 'warning' | 'critical'
  text: string
}>

/** Durable when a call returns. */
export interface GatewayRepository {
  bmcs(): Promise<readonly Bmc[]>
  saveBmc(bmc: Bmc): Promise<void>
  removeBmc(machine: string): Promise<void>
  rules(): Promise<readonly BmcRule[]>
  saveRule(rule: BmcRule): Promise<void>
  removeRule(name: string): Promise<void>
  /** Oldest first. */
  events(machine: string): Promise<readonly BmcEvent[]>
  /** The newest entry of each log that has one, by machine. */
  lastEventIds(): Promise<ReadonlyMap<string, number>>
  /** Forgets entries of that machine whose id is below `keepFrom`. */
  addEvent(event: BmcEvent, keepFrom: number): Promise<void>
  clearEvents(machine: string): Promise<void>
}

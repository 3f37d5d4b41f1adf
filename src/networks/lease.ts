import type { Ipv4 } from '../kit/ip.ts'
import type { Mac } from '../kit/mac.ts'

export const LEASE_STATES = ['bound', 'released', 'declined'] as const
export type LeaseState = (typeof LEASE_STATES)[number]

/**
 * An address given to a client. `client` is the RFC 2131 §4.2 key: the client identifier (option 61) in hex with `id:` before
 * it, else the MAC. A declined address is kept from everyone until `expiresAt`. Times are milliseconds since 1970.
 */
export type Lease = Readonly<{
  ip: Ipv4
  network: string
  client: string
  mac: Mac
  hostname: string | null
  state: LeaseState
  startedAt: number
  expiresAt: number
}>

/** Keeps leases, keyed by address. A resolved promise means: they survive `kill -9` and power loss. */
export interface LeaseRepository {
  all(): Promise<Lease[]>
  /** Inserts or replaces by address, all in one commit. */
  saveAll(leases: readonly Lease[]): Promise<void>
  removeAll(ips: readonly Ipv4[]): Promise<void>
}

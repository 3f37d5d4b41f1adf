import type { Ipv4, Subnet } from '../kit/ip.ts'

export type AddressRange = Readonly<{ first: Ipv4; last: Ipv4 }>

/** One IPv4 subnet that our DHCP server serves, from the configuration. */
export type Network = Readonly<{
  name: string
  subnet: Subnet
  /** The interface it is attached to; `null` when it is reached through relays only. */
  interface: string | null
  /** Where dynamic addresses come from; empty: reservations only. */
  ranges: readonly AddressRange[]
  router: Ipv4 | null
  dns: readonly Ipv4[]
  ntp: readonly Ipv4[]
  domain: string | null
  leaseSeconds: number
  /** Chooses this network by relay agent information (RFC 3046); texts, compared with the sub-options. */
  relay: Readonly<{ circuitId?: string | undefined; remoteId?: string | undefined }> | null
}>

import type { Ipv4, Subnet } from '../../kit/ip.ts'
import type { Mac } from '../../kit/mac.ts'
import type { Machine, Sighting } from '../../machines/machine.ts'
import type { Asker, LeaseChange, LeaseView } from '../../networks/leases.ts'
import type { Network } from '../../networks/network.ts'
import type { DhcpMessage } from '../../protocols/dhcp/message.ts'
import type { TraceEvent } from '../../traces/trace.ts'

export type OfferMode = 'proxy' | 'server'

/** Our side of the wire that a datagram came in by. */
export type Attachment = Readonly<{ name: string; mac: Mac; address: Ipv4; subnet: Subnet }>

/** How a datagram came in. */
export type Arrival = Readonly<{
  on: Attachment
  /** Our port: 67, or 4011 for what PXE clients ask a proxy directly. */
  port: 67 | 4011
  source: Readonly<{ address: Ipv4; port: number }>
}>

/** Everything a decision depends on besides the packet. Functions only look things up. */
export type OfferFacts = Readonly<{
  mode: OfferMode
  now: number
  networks: readonly Network[]
  leases: LeaseView
  machine(mac: Mac): Machine | undefined
  /** `park`, `ignore` or the name of a profile, as configured. */
  unknownMachines: string
  /** Whether an address is one of this computer's own. */
  isOurs(address: Ipv4): boolean
  /** The address that machines shall use for TFTP and HTTP; `null`: the one of the interface they are on. */
  advertise: Ipv4 | null
  httpPort: number
}>

/** Where a reply goes (RFC 2131 §4.1). */
export type Destination =
  /** A frame to the client's own hardware and its new address: it cannot answer ARP yet. */
  | Readonly<{ to: 'hardware'; mac: Mac; address: Ipv4; port: number }>
  /** A frame to everyone on the interface. */
  | Readonly<{ to: 'broadcast'; port: number }>
  /** An ordinary datagram: to a client that has an address, or to a relay. */
  | Readonly<{ to: 'address'; address: Ipv4; port: number }>

export type Reply = Readonly<{ message: DhcpMessage; destination: Destination; maxLength: number }>

/** What to do about one packet, and why. */
export type OfferDecision = Readonly<{
  /** `null` when the packet does not come from an Ethernet client. */
  mac: Mac | null
  /** What the trace keeps: `summary` and `reason` are sentences for people. */
  event: Omit<TraceEvent, 'at' | 'count' | 'lastAt'>
  /** The client wants to boot from the network: the packet belongs into a boot trace. */
  boot: boolean
  /** `null`: no answer. A reply to a `bind` must leave only after the lease is durable. */
  reply: Reply | null
  change: LeaseChange | null
  /** An address to look for on the wire before it is bound: offered for the first time. */
  probe: Readonly<{ asker: Asker; ip: Ipv4 }> | null
  /** The address that the client now uses. */
  learn: Ipv4 | null
  sighting: Sighting | null
  /** Another DHCP server that this packet gives away. */
  otherServer: Ipv4 | null
}>

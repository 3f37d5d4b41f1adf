import { broadcastOf, formatSubnet, type Ipv4, ipv4, type Subnet } from '../kit/ip.ts'
import type { AddressRange, Network } from './network.ts'

/** A network as the settings give it: what is left out is filled in here. */
export type NetworkWish = Readonly<{
  name: string
  subnet: Subnet
  interface?: string | undefined
  ranges?: readonly AddressRange[] | undefined
  router?: Ipv4 | undefined
  dns: readonly Ipv4[]
  ntp: readonly Ipv4[]
  domain?: string | undefined
  leaseSeconds: number
  relay?: Readonly<{ circuitId?: string | undefined; remoteId?: string | undefined }> | undefined
}>

/** An interface that DHCP is to answer on. */
export type Attachment = Readonly<{ name: string; subnet: Subnet; address: Ipv4 }>

const DEFAULT_LEASE_SECONDS = 3600

/** The upper half of a subnet, without its broadcast address: where addresses come from when no range is given. */
export function upperHalf(subnet: Subnet): AddressRange[] {
  const size = 2 ** (32 - subnet.prefix)
  if (size < 4) return []
  return [{ first: ipv4(subnet.base + size / 2), last: ipv4(broadcastOf(subnet) - 1) }]
}

/**
 * The networks to serve. Given ones keep their order; one without an interface takes the interface whose subnet it is, if any.
 * Without any given, each interface's own subnet is served from its upper half, and the server is nobody's router.
 */
export function planNetworks(wishes: readonly NetworkWish[], attachments: readonly Attachment[]): Network[] {
  if (wishes.length === 0)
    return attachments.map(({ name, subnet }) => ({
      name,
      subnet,
      interface: name,
      ranges: upperHalf(subnet),
      router: null,
      dns: [],
      ntp: [],
      domain: null,
      leaseSeconds: DEFAULT_LEASE_SECONDS,
      relay: null,
    }))
  return wishes.map((wish) => ({
    name: wish.name,
    subnet: wish.subnet,
    interface:
      wish.interface ??
      attachments.find((each) => formatSubnet(each.subnet) === formatSubnet(wish.subnet))?.name ??
      null,
    ranges: wish.ranges ?? upperHalf(wish.subnet),
    router: wish.router ?? null,
    dns: wish.dns,
    ntp: wish.ntp,
    domain: wish.domain ?? null,
    leaseSeconds: wish.leaseSeconds,
    relay: wish.relay ?? null,
  }))
}

import { hex, latin1 } from '../../kit/bytes.ts'
import { contains, formatIpv4, type Ipv4 } from '../../kit/ip.ts'
import type { Network } from '../../networks/network.ts'
import type { DhcpMessage } from '../../protocols/dhcp/message.ts'
import { getOption, OPTION } from '../../protocols/dhcp/options.ts'
import type { RelayInformation } from '../../protocols/dhcp/relay.ts'
import type { Attachment } from './facts.ts'

/** The networks a client is on, the first one preferred, and how that was found out. */
export type NetworkChoice = Readonly<{ networks: readonly Network[]; how: string }>

/** Finds a client's networks: by what its relay says, by its link, or by the interface it is heard on. */
export function chooseNetworks(
  message: DhcpMessage,
  relay: RelayInformation | undefined,
  on: Attachment,
  all: readonly Network[],
): NetworkChoice {
  const byRelay = relay ? all.filter((network) => matchesRelay(network, relay)) : []
  if (byRelay.length > 0) return { networks: byRelay, how: 'by the relay agent information' }
  // RFC 3527 before RFC 3011 before giaddr: each one exists to overrule the next.
  const link = relay?.linkSelection ?? getOption(message, OPTION.subnetSelection) ?? (message.giaddr || undefined)
  if (link !== undefined)
    return {
      networks: open(all).filter((each) => contains(each.subnet, link)),
      how: `by its link ${formatIpv4(link as Ipv4)}`,
    }
  const attached = open(all).filter(
    (each) => each.interface === on.name || (each.interface === null && contains(each.subnet, on.address)),
  )
  // A client behind a relay renews by a datagram of its own, without giaddr.
  if (message.ciaddr !== 0 && !attached.some((each) => contains(each.subnet, message.ciaddr))) {
    const own = all.filter((each) => contains(each.subnet, message.ciaddr))
    if (own.length > 0) return { networks: own, how: `by its address ${formatIpv4(message.ciaddr)}` }
  }
  return { networks: attached, how: `by the interface ${on.name}` }
}

/** Networks that are not reserved for clients whose relay says a certain thing. */
function open(networks: readonly Network[]): readonly Network[] {
  return networks.filter((network) => network.relay === null)
}

function matchesRelay({ relay }: Network, information: RelayInformation): boolean {
  if (!relay || (relay.circuitId === undefined && relay.remoteId === undefined)) return false
  return same(relay.circuitId, information.circuitId) && same(relay.remoteId, information.remoteId)
}

/** A configured text fits the bytes themselves, or names them in hex: `0x0004000a`. */
function same(wanted: string | undefined, bytes: Uint8Array | undefined): boolean {
  if (wanted === undefined) return true
  return bytes !== undefined && (latin1(bytes) === wanted || `0x${hex(bytes)}` === wanted.toLowerCase())
}

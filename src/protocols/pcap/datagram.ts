import { ByteReader } from '../../kit/bytes.ts'
import { DecodeError } from '../../kit/errors.ts'
import type { Ipv4 } from '../../kit/ip.ts'
import { decodeFrame, ETHERTYPE } from '../ethernet/frame.ts'
import { decodeIpv4, decodeUdp, IP_PROTOCOL } from '../ethernet/ip.ts'
import { type CapturedPacket, LINK_TYPE } from './packet.ts'

export type CapturedDatagram = Readonly<{
  source: Ipv4
  destination: Ipv4
  sourcePort: number
  destinationPort: number
  payload: Uint8Array
}>

/** The UDP datagram in a captured packet; `undefined` when it holds none, or only part of one. */
export function udpOf(packet: CapturedPacket): CapturedDatagram | undefined {
  try {
    const bytes = ipv4Of(packet)
    if (!bytes) return undefined
    const ip = decodeIpv4(bytes)
    if (ip.protocol !== IP_PROTOCOL.udp || ip.moreFragments || ip.fragmentOffset !== 0) return undefined
    const { source, destination } = ip
    return { source, destination, ...decodeUdp(ip.payload) }
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}

function ipv4Of({ linkType, bytes }: CapturedPacket): Uint8Array | undefined {
  switch (linkType) {
    case LINK_TYPE.ethernet: {
      const frame = decodeFrame(bytes)
      return frame.etherType === ETHERTYPE.ipv4 ? frame.payload : undefined
    }
    case LINK_TYPE.linuxCooked: {
      // LINKTYPE_LINUX_SLL: packet type 2 | ARPHRD 2 | address length 2 | address 8 | protocol 2.
      const reader = new ByteReader(bytes)
      reader.skip(14)
      return reader.u16() === ETHERTYPE.ipv4 ? reader.view(reader.remaining) : undefined
    }
    case LINK_TYPE.linuxCooked2: {
      // LINKTYPE_LINUX_SLL2: protocol 2 | reserved 2 | interface 4 | ARPHRD 2 | packet type 1 | address length 1 | address 8.
      const reader = new ByteReader(bytes)
      const protocol = reader.u16()
      reader.skip(18)
      return protocol === ETHERTYPE.ipv4 ? reader.view(reader.remaining) : undefined
    }
    case LINK_TYPE.rawIp:
    case LINK_TYPE.ipv4:
      return bytes
    default:
      return undefined
  }
}

import { ByteReader, ByteWriter } from '../../kit/bytes.ts'
import { DecodeError } from '../../kit/errors.ts'
import { type Ipv4, ipv4 } from '../../kit/ip.ts'

export const IP_PROTOCOL = { icmp: 1, tcp: 6, udp: 17, icmpv6: 58 } as const

/** One IPv4 packet (RFC 791) that is not a fragment, or its first fragment (`moreFragments`). */
export type Ipv4Packet = Readonly<{
  source: Ipv4
  destination: Ipv4
  protocol: number
  ttl: number
  moreFragments: boolean
  fragmentOffset: number
  payload: Uint8Array
}>

export type UdpDatagram = Readonly<{ sourcePort: number; destinationPort: number; payload: Uint8Array }>

/** The Internet checksum (RFC 1071) of one or more even-length parts and a last part of any length, on top of `start`. */
export function internetChecksum(bytes: Uint8Array, start = 0): number {
  let sum = start
  const even = bytes.length & ~1
  for (let at = 0; at < even; at += 2) sum += (bytes[at]! << 8) | bytes[at + 1]!
  if (even < bytes.length) sum += bytes[even]! << 8
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}

/** Decodes an IPv4 packet; padding behind it is cut off, a wrong header checksum is a `DecodeError`. The payload is a window. */
export function decodeIpv4(bytes: Uint8Array): Ipv4Packet {
  const reader = new ByteReader(bytes)
  const first = reader.u8()
  const headerLength = (first & 15) * 4
  if (first >> 4 !== 4 || headerLength < 20) throw new DecodeError('not an IPv4 header')
  reader.skip(1)
  const totalLength = reader.u16()
  if (totalLength < headerLength || totalLength > bytes.length)
    throw new DecodeError(`an IPv4 packet of ${totalLength} bytes does not fit ${bytes.length} bytes`)
  reader.skip(2)
  const fragment = reader.u16()
  const ttl = reader.u8()
  const protocol = reader.u8()
  reader.skip(2)
  if (internetChecksum(bytes.subarray(0, headerLength)) !== 0) throw new DecodeError('wrong IPv4 header checksum')
  const source = ipv4(reader.u32())
  const destination = ipv4(reader.u32())
  return {
    source,
    destination,
    protocol,
    ttl,
    moreFragments: (fragment & 0x2000) !== 0,
    fragmentOffset: (fragment & 0x1fff) * 8,
    payload: bytes.subarray(headerLength, totalLength),
  }
}

/** Decodes a UDP datagram (RFC 768); its checksum is not looked at, because captures are often taken before it is filled in. */
export function decodeUdp(bytes: Uint8Array): UdpDatagram {
  const reader = new ByteReader(bytes)
  const sourcePort = reader.u16()
  const destinationPort = reader.u16()
  const length = reader.u16()
  reader.skip(2)
  if (length < 8 || length > bytes.length)
    throw new DecodeError(`a UDP datagram of ${length} bytes does not fit ${bytes.length} bytes`)
  return { sourcePort, destinationPort, payload: bytes.subarray(8, length) }
}

/** A UDP datagram in an IPv4 packet with both checksums, ready for a frame. */
export function encodeUdpPacket(
  packet: Readonly<{
    source: Ipv4
    destination: Ipv4
    sourcePort: number
    destinationPort: number
    payload: Uint8Array
  }>,
): Uint8Array {
  const udpLength = 8 + packet.payload.length
  const bytes = new ByteWriter(20 + udpLength)
    .u8(0x45)
    .u8(0)
    .u16(20 + udpLength)
    .u16(0)
    // RFC 6864 §4.1: an atomic packet (do not fragment) needs no identification.
    .u16(0x4000)
    .u8(64)
    .u8(IP_PROTOCOL.udp)
    .u16(0)
    .u32(packet.source)
    .u32(packet.destination)
    .u16(packet.sourcePort)
    .u16(packet.destinationPort)
    .u16(udpLength)
    .u16(0)
    .bytes(packet.payload)
    .finish()
  put16(bytes, 10, internetChecksum(bytes.subarray(0, 20)))
  // RFC 768: the checksum covers the addresses, the protocol and the length too; a computed 0 is sent as all ones.
  const pseudo =
    (packet.source >>> 16) +
    (packet.source & 0xffff) +
    (packet.destination >>> 16) +
    (packet.destination & 0xffff) +
    IP_PROTOCOL.udp +
    udpLength
  put16(bytes, 26, internetChecksum(bytes.subarray(20), pseudo) || 0xffff)
  return bytes
}

function put16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8
  bytes[at + 1] = value & 255
}

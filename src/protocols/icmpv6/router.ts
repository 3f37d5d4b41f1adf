import { ByteReader, ByteWriter } from '../../kit/bytes.ts'
import { DecodeError } from '../../kit/errors.ts'
import { type Mac, macFromBytes, macToBytes } from '../../kit/mac.ts'
import { ETHERTYPE, encodeFrame } from '../ethernet/frame.ts'
import { IP_PROTOCOL, internetChecksum } from '../ethernet/ip.ts'

export const ROUTER_SOLICITATION = 133
export const ROUTER_ADVERTISEMENT = 134

const ALL_NODES = Uint8Array.of(0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)
/** RFC 2464 §7: the Ethernet address of ff02::1. */
const ALL_NODES_MAC = '33:33:00:00:00:01' as Mac
const SOURCE_LINK_LAYER_ADDRESS = 1

/** A router solicitation as it came: who asks. `source` is the 16-byte IPv6 address, `::` when it has none yet. */
export type RouterSolicitation = Readonly<{ source: Uint8Array; sourceMac: Mac | undefined }>

/** Decodes the IPv6 packet of a router solicitation (RFC 4861 §4.1), refusing what §6.1.1 says must be dropped. */
export function decodeRouterSolicitation(packet: Uint8Array): RouterSolicitation {
  const reader = new ByteReader(packet)
  if (reader.u8() >> 4 !== 6) throw new DecodeError('not an IPv6 packet')
  reader.skip(3)
  const length = reader.u16()
  const nextHeader = reader.u8()
  const hopLimit = reader.u8()
  const source = reader.bytes(16)
  const destination = reader.bytes(16)
  const message = reader.view(length)
  if (nextHeader !== IP_PROTOCOL.icmpv6 || hopLimit !== 255)
    throw new DecodeError('not a router solicitation from this link')
  if (internetChecksum(message, pseudoHeaderSum(source, destination, length)) !== 0)
    throw new DecodeError('wrong ICMPv6 checksum')
  const body = new ByteReader(message)
  if (body.u8() !== ROUTER_SOLICITATION || body.u8() !== 0) throw new DecodeError('not a router solicitation')
  body.skip(6)
  let sourceMac: Mac | undefined
  while (body.remaining > 0) {
    const type = body.u8()
    const units = body.u8()
    if (units === 0) throw new DecodeError('an option of length 0')
    const value = body.view(units * 8 - 2)
    if (type === SOURCE_LINK_LAYER_ADDRESS && value.length === 6) sourceMac = macFromBytes(value)
  }
  return { source, sourceMac }
}

/**
 * A frame with a router advertisement that offers nothing: router lifetime 0, no prefix (RFC 4861 §6.2.3 allows both). It tells
 * clients at once that there is no IPv6 router to wait for.
 */
export function encodeEmptyRouterAdvertisement(sender: Mac): Uint8Array {
  const message = new ByteWriter(24)
    .u8(ROUTER_ADVERTISEMENT)
    .u8(0)
    .u16(0)
    .u8(64)
    .u8(0)
    .u16(0)
    .u32(0)
    .u32(0)
    .u8(SOURCE_LINK_LAYER_ADDRESS)
    .u8(1)
    .bytes(macToBytes(sender))
    .finish()
  const source = linkLocal(sender)
  const checksum = internetChecksum(message, pseudoHeaderSum(source, ALL_NODES, message.length))
  message[2] = checksum >>> 8
  message[3] = checksum & 255
  const packet = new ByteWriter(64)
    .u32(0x60000000)
    .u16(message.length)
    .u8(IP_PROTOCOL.icmpv6)
    .u8(255)
    .bytes(source)
    .bytes(ALL_NODES)
    .bytes(message)
    .finish()
  return encodeFrame({ destination: ALL_NODES_MAC, source: sender, etherType: ETHERTYPE.ipv6, payload: packet })
}

/** A router solicitation as a client sends it from the unspecified address: for the doctor and for tests. */
export function encodeRouterSolicitation(sender: Mac): Uint8Array {
  const message = new ByteWriter(8).u8(ROUTER_SOLICITATION).padTo(8).finish()
  const source = new Uint8Array(16)
  const destination = Uint8Array.from(ALL_NODES)
  destination[15] = 2
  const checksum = internetChecksum(message, pseudoHeaderSum(source, destination, message.length))
  message[2] = checksum >>> 8
  message[3] = checksum & 255
  const packet = new ByteWriter(48)
    .u32(0x60000000)
    .u16(message.length)
    .u8(IP_PROTOCOL.icmpv6)
    .u8(255)
    .bytes(source)
    .bytes(destination)
    .bytes(message)
    .finish()
  return encodeFrame({ destination: ALL_ROUTERS_MAC, source: sender, etherType: ETHERTYPE.ipv6, payload: packet })
}

/** RFC 2464 §7: the Ethernet address of ff02::2, where solicitations go. */
export const ALL_ROUTERS_MAC = '33:33:00:00:00:02' as Mac

/** RFC 4291 appendix A: the link-local address made from an Ethernet address. */
function linkLocal(mac: Mac): Uint8Array {
  const bytes = macToBytes(mac)
  return Uint8Array.of(
    ...[0xfe, 0x80, 0, 0, 0, 0, 0, 0],
    ...[bytes[0]! ^ 2, bytes[1]!, bytes[2]!, 0xff, 0xfe, bytes[3]!, bytes[4]!, bytes[5]!],
  )
}

/** RFC 8200 §8.1. */
function pseudoHeaderSum(source: Uint8Array, destination: Uint8Array, length: number): number {
  let sum = length + IP_PROTOCOL.icmpv6
  for (let at = 0; at < 16; at += 2)
    sum += ((source[at]! << 8) | source[at + 1]!) + ((destination[at]! << 8) | destination[at + 1]!)
  return sum
}

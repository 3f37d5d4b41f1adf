import { ByteReader, ByteWriter } from '../../kit/bytes.ts'
import { DecodeError } from '../../kit/errors.ts'
import { ANY_ADDRESS, type Ipv4, ipv4 } from '../../kit/ip.ts'
import { type Mac, macFromBytes, macToBytes } from '../../kit/mac.ts'

export const ARP_REQUEST = 1
export const ARP_REPLY = 2

/** An ARP packet for IPv4 over Ethernet (RFC 826), the payload of a frame of type 0x0806. */
export type ArpPacket = Readonly<{
  operation: number
  senderMac: Mac
  senderAddress: Ipv4
  targetMac: Mac
  targetAddress: Ipv4
}>

export function decodeArp(bytes: Uint8Array): ArpPacket {
  const reader = new ByteReader(bytes)
  if (reader.u16() !== 1 || reader.u16() !== 0x0800 || reader.u8() !== 6 || reader.u8() !== 4)
    throw new DecodeError('not ARP for IPv4 over Ethernet')
  return {
    operation: reader.u16(),
    senderMac: macFromBytes(reader.view(6)),
    senderAddress: ipv4(reader.u32()),
    targetMac: macFromBytes(reader.view(6)),
    targetAddress: ipv4(reader.u32()),
  }
}

export function encodeArp(packet: ArpPacket): Uint8Array {
  return new ByteWriter(28)
    .u16(1)
    .u16(0x0800)
    .u8(6)
    .u8(4)
    .u16(packet.operation)
    .bytes(macToBytes(packet.senderMac))
    .u32(packet.senderAddress)
    .bytes(macToBytes(packet.targetMac))
    .u32(packet.targetAddress)
    .finish()
}

/** "Does anyone use this address?" The sender address is 0.0.0.0 so that nobody's cache changes (RFC 5227 §1.1, §2.1). */
export function arpProbe(sender: Mac, address: Ipv4): ArpPacket {
  return {
    operation: ARP_REQUEST,
    senderMac: sender,
    senderAddress: ANY_ADDRESS,
    targetMac: '00:00:00:00:00:00' as Mac,
    targetAddress: address,
  }
}

import { ByteReader, ByteWriter } from '../../kit/bytes.ts'
import { type Mac, macFromBytes, macToBytes } from '../../kit/mac.ts'

export const ETHERTYPE = { ipv4: 0x0800, arp: 0x0806, vlan: 0x8100, serviceVlan: 0x88a8, ipv6: 0x86dd } as const

export const BROADCAST_MAC = 'ff:ff:ff:ff:ff:ff' as Mac

/** An Ethernet II frame without its checksum. `vlan` is the outermost tag's identifier, `null` when untagged. */
export type EthernetFrame = Readonly<{
  destination: Mac
  source: Mac
  vlan: number | null
  etherType: number
  payload: Uint8Array
}>

/** Decodes a frame, passing over IEEE 802.1Q and 802.1ad tags; the payload is a window on the same memory. */
export function decodeFrame(bytes: Uint8Array): EthernetFrame {
  const reader = new ByteReader(bytes)
  const destination = macFromBytes(reader.view(6))
  const source = macFromBytes(reader.view(6))
  let etherType = reader.u16()
  let vlan: number | null = null
  while (etherType === ETHERTYPE.vlan || etherType === ETHERTYPE.serviceVlan) {
    const tag = reader.u16() & 0x0fff
    vlan ??= tag
    etherType = reader.u16()
  }
  return { destination, source, vlan, etherType, payload: reader.view(reader.remaining) }
}

/** Encodes an untagged frame. */
export function encodeFrame(frame: Omit<EthernetFrame, 'vlan'>): Uint8Array {
  return new ByteWriter(14 + frame.payload.length)
    .bytes(macToBytes(frame.destination))
    .bytes(macToBytes(frame.source))
    .u16(frame.etherType)
    .bytes(frame.payload)
    .finish()
}

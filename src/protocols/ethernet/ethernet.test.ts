import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromHex } from '../../kit/bytes.ts'
import { DecodeError } from '../../kit/errors.ts'
import { ipv4 } from '../../kit/ip.ts'
import type { Mac } from '../../kit/mac.ts'
import { ARP_REPLY, arpProbe, decodeArp, encodeArp } from './arp.ts'
import { BROADCAST_MAC, decodeFrame, ETHERTYPE, encodeFrame } from './frame.ts'
import { decodeIpv4, decodeUdp, encodeUdpPacket, internetChecksum } from './ip.ts'

const bytes = fc.uint8Array({ maxLength: 200 })
const port = fc.nat(0xffff)
const address = fc.nat(0xffffffff).map(ipv4)
const mac = '52:54:00:12:34:56' as Mac

describe('frames', () => {
  it('come back as they were', () => {
    fc.assert(
      fc.property(bytes, (payload) => {
        const frame = { destination: BROADCAST_MAC, source: mac, etherType: ETHERTYPE.ipv4, payload }
        expect(decodeFrame(encodeFrame(frame))).toEqual({ ...frame, vlan: null })
      }),
    )
  })

  it('are read through VLAN tags, the outermost being named', () => {
    const tagged = fromHex('ffffffffffff525400123456' + '88a80064' + '8100200a' + '0806' + '0102')
    expect(decodeFrame(tagged)).toMatchObject({ vlan: 100, etherType: ETHERTYPE.arp, payload: Uint8Array.of(1, 2) })
  })

  it('are refused when shorter than their header', () => {
    expect(() => decodeFrame(new Uint8Array(13))).toThrow(DecodeError)
    expect(() => decodeFrame(fromHex('ffffffffffff5254001234568100'))).toThrow(DecodeError)
  })
})

describe('UDP over IPv4', () => {
  const packet = fc.record(
    { source: address, destination: address, sourcePort: port, destinationPort: port, payload: bytes },
    { noNullPrototype: true },
  )

  it('comes back as it was, with both checksums right', () => {
    fc.assert(
      fc.property(packet, (original) => {
        const wire = encodeUdpPacket(original)
        const ip = decodeIpv4(wire)
        const udp = decodeUdp(ip.payload)
        expect({ source: ip.source, destination: ip.destination, ...udp }).toEqual(original)
        // A receiver adds up everything including the checksum and must get all ones.
        const pseudo =
          (ip.source >>> 16) + (ip.source & 0xffff) + (ip.destination >>> 16) + (ip.destination & 0xffff) + 17
        expect(internetChecksum(ip.payload, pseudo + ip.payload.length)).toBe(0)
        expect((ip.payload[6]! << 8) | ip.payload[7]!).not.toBe(0)
      }),
    )
  })

  it('has the checksum of RFC 1071 §3', () => {
    expect(internetChecksum(fromHex('0001f203f4f5f6f7'))).toBe(0xffff ^ 0xddf2)
  })

  it('is read without the padding of short frames', () => {
    const wire = encodeUdpPacket({
      source: ipv4(1),
      destination: ipv4(2),
      sourcePort: 67,
      destinationPort: 68,
      payload: Uint8Array.of(9),
    })
    expect(decodeUdp(decodeIpv4(Uint8Array.of(...wire, 0, 0, 0)).payload).payload).toEqual(Uint8Array.of(9))
  })

  it('refuses every cut and every damaged header byte', () => {
    const wire = encodeUdpPacket({
      source: ipv4(1),
      destination: ipv4(2),
      sourcePort: 67,
      destinationPort: 68,
      payload: new Uint8Array(20),
    })
    for (let length = 0; length < wire.length; length += 1)
      expect(() => decodeIpv4(wire.subarray(0, length)), `cut to ${length}`).toThrow(DecodeError)
    for (let at = 0; at < 20; at += 1) {
      const damaged = Uint8Array.from(wire)
      damaged[at] = damaged[at]! ^ 0x41
      expect(() => decodeIpv4(damaged), `byte ${at}`).toThrow(DecodeError)
    }
  })
})

describe('ARP', () => {
  it('comes back as it was', () => {
    const reply = {
      operation: ARP_REPLY,
      senderMac: mac,
      senderAddress: ipv4(5),
      targetMac: BROADCAST_MAC,
      targetAddress: ipv4(6),
    }
    expect(decodeArp(encodeArp(reply))).toEqual(reply)
    expect(encodeArp(reply).length).toBe(28)
  })

  it('probes without naming a sender address (RFC 5227)', () => {
    expect(decodeArp(encodeArp(arpProbe(mac, ipv4(7))))).toMatchObject({
      operation: 1,
      senderAddress: 0,
      senderMac: mac,
      targetAddress: 7,
    })
  })

  it('refuses other hardware and cuts', () => {
    const wire = encodeArp(arpProbe(mac, ipv4(7)))
    for (let length = 0; length < wire.length; length += 1)
      expect(() => decodeArp(wire.subarray(0, length))).toThrow(DecodeError)
    wire[1] = 6
    expect(() => decodeArp(wire)).toThrow(DecodeError)
  })
})

import { describe, expect, it } from 'vitest'
import { fromHex, hex } from '../../kit/bytes.ts'
import { DecodeError } from '../../kit/errors.ts'
import type { Mac } from '../../kit/mac.ts'
import { decodeFrame } from '../ethernet/frame.ts'
import { decodeRouterSolicitation, encodeEmptyRouterAdvertisement, encodeRouterSolicitation } from './router.ts'

const mac = '52:54:00:12:34:56' as Mac

describe('router solicitations', () => {
  it('are read as they were sent', () => {
    const frame = decodeFrame(encodeRouterSolicitation(mac))
    expect(frame.destination).toBe('33:33:00:00:00:02')
    expect(decodeRouterSolicitation(frame.payload)).toEqual({ source: new Uint8Array(16), sourceMac: undefined })
  })

  it('tell the sender when they carry its address', () => {
    // From fe80::5054:ff:fe12:3456 to ff02::2 with a source link-layer address option.
    const packet = fromHex(
      '6000000000103aff' +
        'fe80000000000000505400fffe123456' +
        'ff020000000000000000000000000002' +
        '8500' +
        '0000' +
        '00000000' +
        '0101525400123456',
    )
    let sum = 0x10 + 58
    for (let at = 8; at < 56; at += 2) sum += (packet[at]! << 8) | packet[at + 1]!
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
    packet[42] = (~sum >> 8) & 255
    packet[43] = ~sum & 255
    expect(decodeRouterSolicitation(packet).sourceMac).toBe(mac)
  })

  it('are refused when cut, damaged, or from beyond the link', () => {
    const packet = decodeFrame(encodeRouterSolicitation(mac)).payload
    for (let length = 0; length < packet.length; length += 1)
      expect(() => decodeRouterSolicitation(packet.subarray(0, length))).toThrow(DecodeError)
    for (const at of [0, 6, 7, 8, 24, 40, 41, 44]) {
      const damaged = Uint8Array.from(packet)
      damaged[at] = damaged[at]! ^ 0x11
      expect(() => decodeRouterSolicitation(damaged), `byte ${at}`).toThrow(DecodeError)
    }
  })
})

describe('the empty router advertisement', () => {
  it('has lifetime 0, hop limit 255 and a right checksum', () => {
    const frame = decodeFrame(encodeEmptyRouterAdvertisement(mac))
    expect(frame.destination).toBe('33:33:00:00:00:01')
    const packet = frame.payload
    expect(packet[7]).toBe(255)
    expect(hex(packet.subarray(8, 24))).toBe('fe80000000000000505400fffe123456')
    expect(packet[40]).toBe(134)
    expect(packet.subarray(46, 48)).toEqual(Uint8Array.of(0, 0))
    let sum = packet.length - 40 + 58
    for (let at = 8; at < packet.length; at += 2) sum += (packet[at]! << 8) | packet[at + 1]!
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
    expect(sum).toBe(0xffff)
  })
})

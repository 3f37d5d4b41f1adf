import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ByteWriter } from '../../kit/bytes.ts'
import { DecodeError } from '../../kit/errors.ts'
import { ipv4 } from '../../kit/ip.ts'
import type { Mac } from '../../kit/mac.ts'
import { encodeFrame } from '../ethernet/frame.ts'
import { encodeUdpPacket } from '../ethernet/ip.ts'
import { writeClassic } from './classic.ts'
import { udpOf } from './datagram.ts'
import { LINK_TYPE } from './packet.ts'
import { readCapture } from './read.ts'

type Order = 'big' | 'little'
const words = (order: Order, ...values: number[]) => {
  const writer = new ByteWriter()
  for (const value of values) order === 'big' ? writer.u32(value) : writer.u32le(value)
  return writer.finish()
}
const halves = (order: Order, ...values: number[]) => {
  const writer = new ByteWriter()
  for (const value of values) order === 'big' ? writer.u16(value) : writer.u16le(value)
  return writer.finish()
}
const join = (...parts: Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]))
const block = (order: Order, type: number, body: Uint8Array) => {
  const padded = join(body, new Uint8Array((4 - (body.length % 4)) % 4))
  return join(words(order, type, padded.length + 12), padded, words(order, padded.length + 12))
}
const section = (order: Order) =>
  block(order, 0x0a0d0d0a, join(words(order, 0x1a2b3c4d), halves(order, 1, 0), words(order, 0xffffffff, 0xffffffff)))
const described = (order: Order, linkType: number, options = new Uint8Array(), snapLength = 0) =>
  block(order, 1, join(halves(order, linkType, 0), words(order, snapLength), options))
const packetBlock = (order: Order, on: number, units: bigint, bytes: Uint8Array, length = bytes.length) =>
  block(
    order,
    6,
    join(words(order, on, Number(units >> 32n), Number(units & 0xffffffffn), bytes.length, length), bytes),
  )

const BYTES = Uint8Array.of(1, 2, 3, 4, 5)
const AT = 1_800_000_000_123.456

describe('classic pcap', () => {
  test.each<[string, Order, number, number]>([
    ['little endian, microseconds', 'little', 0xa1b2c3d4, 123_456],
    ['big endian, microseconds', 'big', 0xa1b2c3d4, 123_456],
    ['little endian, nanoseconds', 'little', 0xa1b23c4d, 123_456_000],
    ['big endian, nanoseconds', 'big', 0xa1b23c4d, 123_456_000],
  ])('%s', (_, order, magic, fraction) => {
    const file = join(
      words(order, magic),
      halves(order, 2, 4),
      words(order, 0, 0, 65_535, 1),
      words(order, 1_800_000_000, fraction, 5, 90),
      BYTES,
    )
    const { packets, note } = readCapture(file)
    expect(note).toBeNull()
    expect(packets).toEqual([{ at: expect.closeTo(AT, 3), linkType: 1, bytes: BYTES, length: 90 }])
  })

  test('what is written is read again', () =>
    fc.assert(
      fc.property(
        fc.array(fc.record({ at: fc.integer({ min: 0, max: 4e12 }), bytes: fc.uint8Array({ maxLength: 300 }) })),
        (packets) => {
          const read = readCapture(writeClassic(LINK_TYPE.rawIp, packets))
          expect(read.note).toBeNull()
          expect(read.packets.map((p) => ({ at: p.at, bytes: p.bytes }))).toEqual(packets)
        },
      ),
    ))

  test('cut anywhere it gives the whole packets before the cut', () => {
    const file = writeClassic(1, [
      { at: 1, bytes: BYTES },
      { at: 2, bytes: BYTES },
    ])
    for (let cut = 24; cut < file.length; cut++) {
      const { packets, note } = readCapture(file.subarray(0, cut))
      expect(packets).toHaveLength(cut < 45 ? 0 : 1)
      expect(note === null).toBe(cut === 24 || cut === 45)
    }
    for (let cut = 0; cut < 24; cut++) expect(() => readCapture(file.subarray(0, cut))).toThrow(DecodeError)
  })

  test('an impossible length ends the reading with a note', () => {
    const file = join(writeClassic(1, [{ at: 1, bytes: BYTES }]), words('little', 1, 0, 0x7fffffff, 5))
    expect(readCapture(file)).toMatchObject({ packets: [{}], note: expect.stringContaining('claims 2147483647 bytes') })
  })
})

describe('pcapng', () => {
  test.each<Order>(['little', 'big'])(
    '%s endian: interfaces, times in other units, unknown blocks, sections',
    (order) => {
      const nano = join(
        halves(order, 2, 3),
        Uint8Array.of(97, 98, 99, 0),
        halves(order, 9, 1),
        Uint8Array.of(9, 0, 0, 0),
        halves(order, 0, 0),
      )
      const binary = join(halves(order, 9, 1), Uint8Array.of(0x80 | 10, 0, 0, 0))
      const micros = BigInt(Math.round(AT * 1000))
      const file = join(
        section(order),
        described(order, 1),
        described(order, 276, nano),
        block(order, 0xbad, BYTES),
        packetBlock(order, 0, micros, BYTES, 1500),
        packetBlock(order, 1, micros * 1000n, BYTES),
        section(order),
        described(order, 101, binary),
        packetBlock(order, 0, 2048n, BYTES),
      )
      const { packets, note } = readCapture(file)
      expect(note).toBeNull()
      expect(packets).toEqual([
        { at: expect.closeTo(AT, 3), linkType: 1, bytes: BYTES, length: 1500 },
        { at: expect.closeTo(AT, 3), linkType: 276, bytes: BYTES, length: 5 },
        { at: 2000, linkType: 101, bytes: BYTES, length: 5 },
      ])
    },
  )

  test('sections of both byte orders in one file, a time offset, simple packets cut at the snap length', () => {
    const offset = join(halves('big', 14, 8), words('big', 0xffffffff, 0xfffffff6))
    const file = join(
      section('little'),
      described('little', 1, new Uint8Array(), 3),
      block('little', 3, join(words('little', 5), BYTES.subarray(0, 3))),
      section('big'),
      described('big', 1, offset),
      packetBlock('big', 0, 60_000_000n, BYTES),
    )
    expect(readCapture(file).packets).toEqual([
      { at: 0, linkType: 1, bytes: BYTES.subarray(0, 3), length: 5 },
      { at: 50_000, linkType: 1, bytes: BYTES, length: 5 },
    ])
  })

  test.each([
    [
      'a packet of an interface that is not described',
      join(section('little'), packetBlock('little', 3, 0n, BYTES)),
      /interface 3/,
    ],
    [
      'a block that claims too much',
      join(section('little'), words('little', 6, 0x7ffffffc, 0)),
      /claims 2147483644 bytes/,
    ],
    ['a block of no length', join(section('little'), words('little', 6, 0, 0)), /claims 0 bytes/],
    ['a cut', join(section('little'), described('little', 1).subarray(0, 14)), /cut off/],
    ['no byte order', block('little', 0x0a0d0d0a, words('little', 1, 1)), /byte order/],
    [
      'a packet that claims more than its block',
      join(section('little'), described('little', 1), block('little', 6, words('little', 0, 0, 0, 999, 999))),
      /damaged/,
    ],
  ])('%s ends the reading with a note', (_, file, note) => expect(readCapture(file).note).toMatch(note))
})

describe('any bytes', () => {
  const seeds = [
    writeClassic(1, [
      { at: 1, bytes: BYTES },
      { at: 2, bytes: BYTES },
    ]),
    join(section('little'), described('little', 1), packetBlock('little', 0, 1n, BYTES)),
    join(section('big'), described('big', 113), packetBlock('big', 0, 1n, BYTES)),
  ]
  test('damaged in some places are read or refused, nothing else, and claim no memory', () =>
    fc.assert(
      fc.property(
        fc.constantFrom(...seeds),
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 6 }),
        (seed, damage) => {
          const file = seed.slice()
          for (const [at, byte] of damage) file[at % file.length] = byte
          try {
            const { packets } = readCapture(file)
            for (const packet of packets) {
              expect(packet.bytes.length).toBeLessThanOrEqual(file.length)
              udpOf(packet)
            }
          } catch (error) {
            expect(error).toBeInstanceOf(DecodeError)
          }
        },
      ),
      { numRuns: 3000 },
    ))
  test('that are no capture are refused', () => {
    expect(() => readCapture(new TextEncoder().encode('#!/bin/sh\n'))).toThrow(/not a packet capture/)
    expect(() => readCapture(new Uint8Array())).toThrow(/too short/)
  })
})

describe('the UDP datagram in a packet', () => {
  const datagram = {
    source: ipv4(0x0a000001),
    destination: ipv4(0xffffffff),
    sourcePort: 67,
    destinationPort: 68,
    payload: BYTES,
  }
  const ip = encodeUdpPacket(datagram)
  const station = '52:54:00:00:00:01' as Mac
  const frame = encodeFrame({ destination: station, source: station, etherType: 0x0800, payload: ip })
  const tagged = join(frame.subarray(0, 12), Uint8Array.of(0x81, 0, 0, 5), frame.subarray(12))
  const packet = (linkType: number, bytes: Uint8Array) => ({ at: 0, linkType, bytes, length: bytes.length })
  test.each([
    ['Ethernet', LINK_TYPE.ethernet, frame],
    ['Ethernet with a VLAN tag', LINK_TYPE.ethernet, tagged],
    ['Linux cooked', LINK_TYPE.linuxCooked, join(new Uint8Array(14), Uint8Array.of(8, 0), ip)],
    ['Linux cooked v2', LINK_TYPE.linuxCooked2, join(Uint8Array.of(8, 0), new Uint8Array(18), ip)],
    ['raw IP', LINK_TYPE.rawIp, ip],
    ['raw IPv4', LINK_TYPE.ipv4, ip],
  ])('%s', (_, linkType, bytes) => expect(udpOf(packet(linkType, bytes))).toEqual(datagram))
  test('is not made up from other things', () => {
    expect(udpOf(packet(147, frame))).toBeUndefined()
    expect(udpOf(packet(LINK_TYPE.ethernet, frame.with(12, 0x86)))).toBeUndefined()
    expect(udpOf(packet(LINK_TYPE.ethernet, frame.subarray(0, 30)))).toBeUndefined()
    expect(udpOf(packet(LINK_TYPE.rawIp, new Uint8Array(40)))).toBeUndefined()
  })
})

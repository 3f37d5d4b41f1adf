import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DecodeError } from '../../kit/errors.ts'
import { ipv4 } from '../../kit/ip.ts'
import { type DhcpMessage, decodeDhcp, encodeDhcp, fitsDhcp } from './message.ts'

const u8 = fc.nat(0xff)
const u32 = fc.nat(0xffffffff)
const address = u32.map(ipv4)
/** Counting bytes of any length: fast-check's own arrays stay short by default. */
const octets = (max: number) =>
  fc.tuple(fc.nat(max), u8).map(([length, first]) => Uint8Array.from({ length }, (_, i) => first + i))
const text = (maxLength: number) => fc.string({ unit: 'grapheme-ascii', maxLength, size: 'max' })
const code = fc.integer({ min: 1, max: 254 }).filter((each) => each !== 52 && each !== 82)
const options = fc
  .uniqueArray(fc.tuple(code, octets(600)), { selector: ([each]) => each, maxLength: 6 })
  .map((pairs) => new Map(pairs))
const message: fc.Arbitrary<DhcpMessage> = fc.record(
  {
    op: fc.constantFrom(1, 2),
    htype: u8,
    hops: u8,
    xid: u32,
    secs: fc.nat(0xffff),
    flags: fc.nat(0xffff),
    ciaddr: address,
    yiaddr: address,
    siaddr: address,
    giaddr: address,
    chaddr: octets(16),
    sname: text(64),
    file: text(128),
    options,
  },
  { noNullPrototype: true },
)

function plain(over: Partial<DhcpMessage> = {}): DhcpMessage {
  return {
    op: 1,
    htype: 1,
    hops: 0,
    xid: 0x01020304,
    secs: 0,
    flags: 0,
    ciaddr: ipv4(0),
    yiaddr: ipv4(0),
    siaddr: ipv4(0),
    giaddr: ipv4(0),
    chaddr: Uint8Array.of(0x52, 0x54, 0, 1, 2, 3),
    sname: '',
    file: '',
    options: new Map([[53, Uint8Array.of(1)]]),
    ...over,
  }
}

const endOf = (wire: Uint8Array) => wire.lastIndexOf(255)

describe('the DHCP message codec', () => {
  it('gives back what it was given, in the same order', () => {
    fc.assert(
      fc.property(message, (original) => {
        const decoded = decodeDhcp(encodeDhcp(original, 65_000))
        expect(decoded).toEqual(original)
        expect([...decoded.options.keys()]).toEqual([...original.options.keys()])
      }),
    )
  })

  it('refuses every cut that takes away the end mark', () => {
    fc.assert(
      fc.property(message, fc.double({ min: 0, max: 0.9999, noNaN: true }), (original, share) => {
        const wire = encodeDhcp(original, 65_000)
        // Zeros behind the end mark are padding: what is cut of them was nothing.
        const cut = wire.subarray(0, Math.floor(share * (endOf(wire) + 1)))
        try {
          decodeDhcp(cut)
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError)
          return
        }
        // Only a cut right behind an inner 255 byte could look whole; nothing else may.
        expect(cut.at(-1) === 255 || cut.at(-1) === 0).toBe(true)
      }),
    )
  })

  it('refuses each cut of a plain message', () => {
    const wire = encodeDhcp(
      plain({
        options: new Map([
          [53, Uint8Array.of(1)],
          [60, new TextEncoder().encode('PXEClient')],
        ]),
      }),
    )
    for (let length = 0; length <= endOf(wire); length += 1)
      expect(() => decodeDhcp(wire.subarray(0, length)), `cut to ${length}`).toThrow(DecodeError)
    expect(decodeDhcp(wire.subarray(0, endOf(wire) + 1)).options.size).toBe(2)
  })

  it('never fails otherwise than by DecodeError when a byte is damaged', () => {
    fc.assert(
      fc.property(message, fc.nat(), u8, (original, at, value) => {
        const wire = encodeDhcp(original, 65_000)
        wire[at % wire.length] = value
        try {
          decodeDhcp(wire)
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError)
        }
      }),
    )
  })

  it('is at least 300 bytes long', () => {
    expect(encodeDhcp(plain()).length).toBe(300)
  })

  it('accepts options without an end mark only when padding shows that nothing is missing', () => {
    const wire = encodeDhcp(plain())
    wire[endOf(wire)] = 0
    expect(decodeDhcp(wire).options.get(53)).toEqual(Uint8Array.of(1))
    expect(() => decodeDhcp(wire.subarray(0, 243))).toThrow(/no end mark/)
  })

  it('splits values above 255 bytes and joins the parts (RFC 3396)', () => {
    const long = Uint8Array.from({ length: 700 }, (_, i) => i & 255)
    const wire = encodeDhcp(plain({ options: new Map([[43, long]]) }), 1472)
    expect([wire[240], wire[241], wire[240 + 257], wire[241 + 257], wire[240 + 514], wire[241 + 514]]).toEqual([
      43, 255, 43, 255, 43, 190,
    ])
    expect(decodeDhcp(wire).options.get(43)).toEqual(long)
  })

  it('puts what does not fit into file and sname, and reads it from there (option 52)', () => {
    const options = new Map([
      [53, Uint8Array.of(2)],
      [43, new Uint8Array(230).fill(1)],
      [15, new Uint8Array(100).fill(65)],
      [12, new Uint8Array(60).fill(66)],
      [82, new Uint8Array(50).fill(7)],
    ])
    const original = plain({ op: 2, options })
    const wire = encodeDhcp(original, 548)
    expect(wire.length).toBeLessThanOrEqual(548)
    expect(wire.subarray(240, 243)).toEqual(Uint8Array.of(52, 1, 3))
    // RFC 3046: where the relay can cut it off, right before the end mark.
    expect(wire.subarray(endOf(wire) - 52, endOf(wire) - 50)).toEqual(Uint8Array.of(82, 50))
    expect(Object.fromEntries(decodeDhcp(wire).options)).toEqual(Object.fromEntries(options))
  })

  it('keeps file and sname for what they are when they are in use, and says when there is no room', () => {
    const original = plain({ file: 'snponly.efi', sname: 'x', options: new Map([[43, new Uint8Array(400)]]) })
    expect(fitsDhcp(original, 548)).toBe(false)
    expect(() => encodeDhcp(original, 548)).toThrow(RangeError)
    expect(fitsDhcp(original, 1472)).toBe(true)
  })

  it('puts relay agent information last whatever the order', () => {
    const options = new Map([
      [82, Uint8Array.of(1, 1, 9)],
      [53, Uint8Array.of(5)],
    ])
    const wire = encodeDhcp(plain({ op: 2, options }))
    expect(wire.subarray(240, 249)).toEqual(Uint8Array.of(53, 1, 5, 82, 3, 1, 1, 9, 255))
  })

  it.each([
    [
      'an hlen above 16',
      (wire: Uint8Array) => {
        wire[2] = 17
      },
      /hlen 17/,
    ],
    [
      'an op that is none',
      (wire: Uint8Array) => {
        wire[0] = 3
      },
      /op 3/,
    ],
    [
      'a missing cookie',
      (wire: Uint8Array) => {
        wire[236] = 0
      },
      /magic cookie/,
    ],
    [
      'an overload that is none',
      (wire: Uint8Array) => {
        wire.set([52, 1, 4, 255], 243)
      },
      /option 52/,
    ],
    [
      'an option longer than its field',
      (wire: Uint8Array) => {
        wire.set([12, 200], 243)
      },
      /option 12 runs past/,
    ],
  ])('refuses %s', (_, damage, why) => {
    const wire = encodeDhcp(plain())
    damage(wire)
    expect(() => decodeDhcp(wire)).toThrow(why)
  })
})

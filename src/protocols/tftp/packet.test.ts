import fc from 'fast-check'
import { expect, test } from 'vitest'
import { hex } from '../../kit/bytes.ts'
import { DecodeError } from '../../kit/errors.ts'
import { decodeTftp, encodeTftp, type TftpPacket, writeDataHeader } from './packet.ts'

const u16 = fc.nat(0xffff)
/** Bytes of any length: `fc.uint8Array` alone stays near ten. */
const octets = (max: number) =>
  fc.tuple(fc.nat(max), fc.nat(255)).map(([length, first]) => Uint8Array.from({ length }, (_, i) => first + i))
const word = (minLength: number, maxLength: number) =>
  fc.string({ unit: fc.integer({ min: 1, max: 255 }).map((code) => String.fromCharCode(code)), minLength, maxLength })
const options = fc.uniqueArray(
  fc.tuple(
    word(1, 10).map((text) => text.toLowerCase()),
    word(0, 10),
  ),
  {
    selector: ([name]) => name,
    maxLength: 8,
  },
)
const packet: fc.Arbitrary<TftpPacket> = fc.oneof(
  fc.record({
    op: fc.constantFrom('read' as const, 'write' as const),
    filename: word(1, 100),
    mode: word(0, 10).map((text) => text.toLowerCase()),
    options,
  }),
  fc.record({ op: fc.constant('data' as const), block: u16, data: octets(1500) }),
  fc.record({ op: fc.constant('ack' as const), block: u16 }),
  fc.record({ op: fc.constant('error' as const), code: u16, message: word(0, 100) }),
  fc.record({ op: fc.constant('oack' as const), options }),
)

function refused(datagram: Uint8Array): boolean {
  try {
    decodeTftp(datagram)
    return false
  } catch (error) {
    if (error instanceof DecodeError) return true
    throw error
  }
}

const bytes = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0))

test('every packet survives encode then decode', () => {
  fc.assert(
    fc.property(packet, (given) => {
      expect(decodeTftp(encodeTftp(given))).toEqual(given)
    }),
  )
})

test('one damaged byte decodes or is refused, nothing else', () => {
  fc.assert(
    fc.property(packet, fc.nat(), fc.nat(255), (given, at, byte) => {
      const wire = encodeTftp(given)
      wire[at % wire.length] = byte
      refused(wire)
    }),
  )
})

test('a request that is cut inside a text is refused', () => {
  const wire = encodeTftp({ op: 'read', filename: 'a.efi', mode: 'octet', options: [['tsize', '0']] })
  const whole = [2 + 'a.efi\0octet\0'.length, wire.length]
  for (let length = 0; length < wire.length; length++)
    expect(refused(wire.subarray(0, length)), `${length} bytes`).toBe(!whole.includes(length))
})

test("the request of UEFI firmware (OVMF's size probe) is read as it is", () => {
  const wire = bytes('\0\x01debian/shimx64.efi\0OCTET\0TSIZE\x000\0blksize\x001468\0windowsize\x004\0')
  expect(decodeTftp(wire)).toEqual({
    op: 'read',
    filename: 'debian/shimx64.efi',
    mode: 'octet',
    options: [
      ['tsize', '0'],
      ['blksize', '1468'],
      ['windowsize', '4'],
    ],
  })
})

test('the bytes on the wire are those of RFC 1350 and 2347', () => {
  expect(hex(encodeTftp({ op: 'ack', block: 0x1234 }))).toBe('00041234')
  expect(hex(encodeTftp({ op: 'data', block: 1, data: Uint8Array.of(0xaa) }))).toBe('00030001aa')
  expect(hex(encodeTftp({ op: 'error', code: 1, message: 'no' }))).toBe('000500016e6f00')
  expect(hex(encodeTftp({ op: 'oack', options: [['blksize', '8']] }))).toBe('0006626c6b73697a65003800')
})

test('NULs behind the options are padding; a nameless option, an option said twice and a long request are refused', () => {
  expect(decodeTftp(bytes('\0\x01a\0octet\0\0\0\0'))).toMatchObject({ options: [] })
  expect(refused(bytes('\0\x01a\0octet\0\0x\0'))).toBe(true)
  expect(refused(bytes('\0\x01a\0octet\0blksize\x008\0BLKSIZE\x009\0'))).toBe(true)
  expect(refused(bytes(`\0\x01${'a'.repeat(520)}\0octet\0`))).toBe(true)
  expect(refused(bytes('\0\x01\0octet\0'))).toBe(true)
  expect(refused(bytes('\0\x07'))).toBe(true)
})

test('an error without message or NUL is still an error', () => {
  expect(decodeTftp(Uint8Array.of(0, 5, 0, 8))).toEqual({ op: 'error', code: 8, message: '' })
  expect(decodeTftp(bytes('\0\x05\0\x08User'))).toEqual({ op: 'error', code: 8, message: 'User' })
})

test('block numbers on the wire go on with 0 behind 65535', () => {
  const target = new Uint8Array(8)
  expect(writeDataHeader(target, 0, 65_535)).toBe(4)
  expect(writeDataHeader(target, 4, 65_536)).toBe(8)
  expect(hex(target)).toBe('0003ffff00030000')
})

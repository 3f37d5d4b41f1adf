import { describe, expect, test } from 'vitest'
import { fromHex, hex } from '../../kit/bytes.ts'
import { DecodeError } from '../../kit/errors.ts'
import type { Mac } from '../../kit/mac.ts'
import { decodeMagicPacket, encodeMagicPacket } from './magic-packet.ts'

const mac = '52:54:00:12:34:56' as Mac
const PLAIN = `ffffffffffff${'525400123456'.repeat(16)}`

describe('a magic packet', () => {
  test('is six bytes FFh and sixteen times the address', () => {
    expect(hex(encodeMagicPacket({ mac, secureOn: null }))).toBe(PLAIN)
    expect(decodeMagicPacket(fromHex(PLAIN))).toEqual({ mac, secureOn: null })
  })

  test.each(['01020304', '0a0b0c0d0e0f'])('ends with the password %s', (password) => {
    const packet = encodeMagicPacket({ mac, secureOn: fromHex(password) })
    expect(hex(packet)).toBe(PLAIN + password)
    expect(decodeMagicPacket(packet)).toEqual({ mac, secureOn: fromHex(password) })
  })

  test.each([
    ['nothing', ''],
    ['too short', PLAIN.slice(2)],
    ['one byte more', `${PLAIN}00`],
    ['another start', `fe${PLAIN.slice(2)}`],
    ['one address that differs', `${PLAIN.slice(0, -2)}57`],
  ])('is not %s', (_, text) => {
    expect(() => decodeMagicPacket(fromHex(text))).toThrow(DecodeError)
  })

  test('takes no password of five bytes', () => {
    expect(() => encodeMagicPacket({ mac, secureOn: new Uint8Array(5) })).toThrow(RangeError)
  })
})

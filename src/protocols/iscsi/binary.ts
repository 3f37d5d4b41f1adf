import { fromHex, hex } from '../../kit/bytes.ts'
import { DecodeError } from '../../kit/errors.ts'

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

/** A binary value of a text key: `0x` and hex, or `0b` and base64 (RFC 7143, 6.1); longer than `most` bytes is a `DecodeError`. */
export function decodeBinary(value: string, most: number): Uint8Array {
  const prefix = value.slice(0, 2).toLowerCase()
  const rest = value.slice(2)
  if (rest.length > 2 * most + 2) throw new DecodeError('a binary value is too long')
  if (prefix === '0x') return bounded(fromHex(rest.length % 2 === 0 ? rest : `0${rest}`), most)
  if (prefix === '0b') return bounded(fromBase64(rest), most)
  throw new DecodeError('a binary value begins with neither 0x nor 0b')
}

export function encodeBinary(bytes: Uint8Array): string {
  return `0x${hex(bytes)}`
}

function bounded(bytes: Uint8Array, most: number): Uint8Array {
  if (bytes.length > most) throw new DecodeError('a binary value is too long')
  return bytes
}

function fromBase64(text: string): Uint8Array {
  const digits = text.replace(/={0,2}$/, '')
  if (digits.length % 4 === 1) throw new DecodeError('a base64 value has an impossible length')
  const bytes = new Uint8Array(Math.floor((digits.length * 3) / 4))
  let bits = 0
  let have = 0
  let at = 0
  for (const digit of digits) {
    const value = ALPHABET.indexOf(digit)
    if (value < 0) throw new DecodeError('a base64 value has other characters')
    bits = ((bits << 6) | value) & 0xffffff
    have += 6
    if (have >= 8) {
      have -= 8
      bytes[at++] = bits >>> have
    }
  }
  return bytes
}

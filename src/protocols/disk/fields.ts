import { ByteReader } from '../../kit/bytes.ts'

/** Gives exactly `length` bytes from `offset`; both lie inside of what is described. */
export type Read = (offset: number, length: number) => Promise<Uint8Array>

/** Fields of superblocks at fixed places. Behind the end everything is zero: a signature that is cut off is none. */

export function has(bytes: Uint8Array, at: number, magic: string): boolean {
  if (at < 0 || at + magic.length > bytes.length) return false
  for (let i = 0; i < magic.length; i++) if (bytes[at + i] !== magic.charCodeAt(i)) return false
  return true
}

export function u16be(bytes: Uint8Array, at: number): number {
  return at >= 0 && at + 2 <= bytes.length ? (bytes[at]! << 8) | bytes[at + 1]! : 0
}

export function u16le(bytes: Uint8Array, at: number): number {
  return at >= 0 && at + 2 <= bytes.length ? bytes[at]! | (bytes[at + 1]! << 8) : 0
}

export function u32le(bytes: Uint8Array, at: number): number {
  return at >= 0 && at + 4 <= bytes.length ? new ByteReader(bytes.subarray(at, at + 4)).u32le() : 0
}

/** As a number: above 2^53 it is not exact. */
export function u64le(bytes: Uint8Array, at: number): number {
  return u32le(bytes, at) + u32le(bytes, at + 4) * 2 ** 32
}

/** A field of UTF-8 up to its first NUL, without spaces around; `null` if nothing is left. */
export function text(bytes: Uint8Array, at: number, size: number): string | null {
  if (at < 0 || at >= bytes.length) return null
  const field = bytes.subarray(at, Math.min(at + size, bytes.length))
  const end = field.indexOf(0)
  return utf8(end < 0 ? field : field.subarray(0, end)).trim() || null
}

/** UTF-16LE up to its first NUL. */
export function utf16(bytes: Uint8Array): string {
  let text = ''
  for (let i = 0; i + 1 < bytes.length; i += 2) {
    const unit = bytes[i]! | (bytes[i + 1]! << 8)
    if (unit === 0) break
    text += String.fromCharCode(unit)
  }
  return text
}

/** Lenient, since labels are what people typed: a byte that is not UTF-8 becomes U+FFFD. */
export function utf8(bytes: Uint8Array): string {
  let text = ''
  for (let i = 0; i < bytes.length; ) {
    const first = bytes[i]!
    const more = first < 0x80 ? 0 : first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1
    const rest = [...bytes.subarray(i + 1, i + 1 + more)]
    const lead = more === 0 ? first : first & (0x3f >> more)
    const code = rest.reduce((sum, byte) => sum * 64 + (byte & 0x3f), lead)
    const least = [0, 0x80, 0x800, 0x10000][more]!
    const well = rest.length === more && rest.every((byte) => byte >> 6 === 2) && (first < 0x80 || first >= 0xc2)
    if (!well || code < least || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) {
      text += '\ufffd'
      i += 1
      continue
    }
    text += String.fromCodePoint(code)
    i += 1 + more
  }
  return text
}

import { type ByteReader, latin1 } from '../../kit/bytes.ts'

/** IPMI 2.0 §43.15: how the characters of a name or a field are packed. The two upper bits of its type/length byte. */
const PACKING = { binary: 0, bcd: 1, sixBit: 2, latin1: 3 } as const

const BCD_CHARACTERS = '0123456789 -.???'

/** Printable Latin-1; what a field cannot hold becomes `?`. */
export function fieldText(text: string): string {
  let shown = ''
  for (const character of text) {
    const code = character.codePointAt(0)!
    shown += (code >= 0x20 && code < 0x7f) || (code >= 0xa0 && code <= 0xff) ? character : '?'
  }
  return shown
}

function sixBitText(bytes: Uint8Array): string {
  let text = ''
  let held = 0
  let count = 0
  for (const byte of bytes) {
    held |= byte << count
    count += 8
    while (count >= 6) {
      text += String.fromCharCode(0x20 + (held & 0x3f))
      held >>= 6
      count -= 6
    }
  }
  return text
}

/** The text behind a type/length byte; `isUnicode`: binary fields hold UTF-16, as for SDR names of type 0. */
export function readField(reader: ByteReader, typeLength: number, lengthBits: 5 | 6): string {
  const length = typeLength & (lengthBits === 5 ? 0x1f : 0x3f)
  const bytes = reader.view(length)
  const packing = typeLength >> 6
  if (packing === PACKING.bcd)
    return Array.from(bytes, (byte) => BCD_CHARACTERS[byte >> 4]! + BCD_CHARACTERS[byte & 0x0f]!).join('')
  if (packing === PACKING.sixBit) return sixBitText(bytes)
  const end = bytes.indexOf(0)
  return latin1(end < 0 ? bytes : bytes.subarray(0, end))
}

export const LATIN1_FIELD = PACKING.latin1 << 6

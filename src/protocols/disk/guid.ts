import { fromHex, hex } from '../../kit/bytes.ts'
import { DecodeError } from '../../kit/errors.ts'

/** A UUID in the order of its text (RFC 9562): `8-4-4-4-12`, lower case. */
export function uuidText(bytes: Uint8Array): string {
  const text = hex(bytes)
  return [text.slice(0, 8), text.slice(8, 12), text.slice(12, 16), text.slice(16, 20), text.slice(20, 32)].join('-')
}

/** An EFI_GUID: the first three fields are little-endian (UEFI 2.10, appendix A). Upper case, as partition tools show it. */
export function guidText(bytes: Uint8Array): string {
  return uuidText(swapped(bytes)).toUpperCase()
}

/** The sixteen bytes of an EFI_GUID; text of another shape is a `DecodeError`. */
export function guidBytes(text: string): Uint8Array {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)) throw new DecodeError(`${text} is not a GUID`)
  return swapped(fromHex(text.replaceAll('-', '')))
}

function swapped(bytes: Uint8Array): Uint8Array {
  return Uint8Array.of(...[3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15].map((at) => bytes[at] ?? 0))
}

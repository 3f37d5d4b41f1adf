import { fromHex, hex } from './bytes.ts'

declare const brand: unique symbol
/** An Ethernet address as text: lower case, colons, e.g. `52:54:00:12:34:56`. The one spelling used everywhere inside. */
export type Mac = string & { readonly [brand]: 'Mac' }

/** Reads the usual spellings (colons, hyphens, Cisco dots, bare hex); `undefined` when it is none or not a station's own address. */
export function parseMac(text: string): Mac | undefined {
  const trimmed = text.trim()
  if (!/^([0-9a-f]{2}([:-][0-9a-f]{2}){5}|[0-9a-f]{4}(\.[0-9a-f]{4}){2}|[0-9a-f]{12})$/i.test(trimmed)) return undefined
  const bytes = fromHex(trimmed.replace(/[:.-]/g, ''))
  if (bytes.every((byte) => byte === 0) || (bytes[0]! & 1) === 1) return undefined
  return hex(bytes, ':') as Mac
}

/** The text of a 6-byte address, whatever its bits: for packets, where odd addresses happen. */
export function macFromBytes(bytes: Uint8Array): Mac {
  if (bytes.length !== 6) throw new RangeError(`an Ethernet address has 6 bytes, not ${bytes.length}`)
  return hex(bytes, ':') as Mac
}

export function macToBytes(mac: Mac): Uint8Array {
  return fromHex(mac.replaceAll(':', ''))
}

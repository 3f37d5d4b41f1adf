import { ByteReader, ByteWriter, hex, latin1, latin1Bytes } from '../../kit/bytes.ts'
import { DecodeError } from '../../kit/errors.ts'
import type { DhcpMessage } from './message.ts'
import { getOption, OPTION } from './options.ts'

/** Tags inside option 43 when option 60 says PXEClient (PXE specification 2.1, table 2-1). */
export const PXE_TAG = { discoveryControl: 6, bootServers: 8, bootMenu: 9, menuPrompt: 10, bootItem: 71 } as const

/** Tags inside option 175 (iPXE): what it can do, from 16 on, and what it is told. */
export const IPXE_TAG = { firstCapability: 16, http: 19, noProxyDhcp: 176 } as const

/** Discovery control bit 3: "take the boot file of this offer; look for no boot server, show no menu". */
export const USE_BOOT_FILE_OF_OFFER = 8

/** Decodes options encapsulated in an option (RFC 2132 §8.4), such as 43 and 175; they may lack the end mark. */
export function decodeEncapsulated(bytes: Uint8Array): Map<number, Uint8Array> {
  const reader = new ByteReader(bytes)
  const options = new Map<number, Uint8Array>()
  while (reader.remaining > 0) {
    const tag = reader.u8()
    if (tag === 255) break
    if (tag !== 0) options.set(tag, reader.bytes(reader.u8()))
  }
  return options
}

/** Encodes encapsulated options with their end mark; each value has at most 255 bytes. */
export function encodeEncapsulated(options: ReadonlyMap<number, Uint8Array>): Uint8Array {
  const writer = new ByteWriter(64)
  for (const [tag, value] of options) {
    if (value.length > 255)
      throw new RangeError(`encapsulated option ${tag} has ${value.length} bytes, at most 255 fit`)
    writer.u8(tag).u8(value.length).bytes(value)
  }
  return writer.u8(255).finish()
}

/**
 * The user classes of option 77. RFC 3004 §4 puts a length before each; iPXE and others send the bare text. A value whose
 * lengths add up exactly is read the RFC's way.
 */
export function userClasses(message: DhcpMessage): string[] {
  const bytes = getOption(message, OPTION.userClass)
  if (!bytes || bytes.length === 0) return []
  const classes: string[] = []
  let at = 0
  while (at < bytes.length) {
    const length = bytes[at]!
    if (length === 0 || at + 1 + length > bytes.length) return [latin1(bytes)]
    classes.push(latin1(bytes.subarray(at + 1, at + 1 + length)))
    at += 1 + length
  }
  return classes
}

/** Encodes user classes as RFC 3004 §4 says. */
export function encodeUserClasses(classes: readonly string[]): Uint8Array {
  const writer = new ByteWriter(64)
  for (const each of classes) writer.u8(each.length).bytes(latin1Bytes(each))
  return writer.finish()
}

/**
 * The SMBIOS UUID of option 97 in its usual spelling. The first three groups are little-endian on the wire, as in SMBIOS 2.6
 * (PXE specification 2.1). `undefined` when the client omits it, says something else, or repeats one byte (boards whose maker
 * never set it).
 */
export function clientUuid(message: DhcpMessage): string | undefined {
  const bytes = message.options.get(OPTION.clientMachine.code)
  if (bytes?.length !== 17 || bytes[0] !== 0) return undefined
  const uuid = bytes.subarray(1)
  if (uuid.every((byte) => byte === uuid[0])) return undefined
  const little = (from: number, to: number) => hex(uuid.slice(from, to).reverse())
  return [little(0, 4), little(4, 6), little(6, 8), hex(uuid.subarray(8, 10)), hex(uuid.subarray(10))].join('-')
}

/** Encodes option 97 from a UUID's usual spelling, the opposite of `clientUuid`. */
export function encodeClientUuid(uuid: string): Uint8Array {
  const digits = uuid.replaceAll('-', '')
  if (!/^[0-9a-f]{32}$/i.test(digits)) throw new DecodeError(`${JSON.stringify(uuid)} is not a UUID`)
  const bytes = Uint8Array.from({ length: 16 }, (_, i) => Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16))
  const order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15]
  return Uint8Array.from([0, ...order.map((at) => bytes[at]!)])
}

export type VendorClass = 'PXEClient' | 'HTTPClient'

/** What a client that wants to boot says of itself. */
export type BootRequest = Readonly<{
  /** `null` for iPXE that sends no PXE vendor class. */
  vendorClass: VendorClass | null
  /** The types it can run, the preferred one first; from option 93, else from the vendor class text; empty when it tells none. */
  architectures: readonly number[]
  /** It is iPXE already: it wants a script, not a boot program. */
  ipxe: boolean
  uuid: string | undefined
}>

/** Reads what a message says about booting; `undefined` when it does not want to boot from the network. */
export function bootRequest(message: DhcpMessage): BootRequest | undefined {
  const text = getOption(message, OPTION.vendorClass) ?? ''
  const vendorClass = text.startsWith('PXEClient') ? 'PXEClient' : text.startsWith('HTTPClient') ? 'HTTPClient' : null
  const classes = userClasses(message)
  // gPXE, its forebear, uses option 175 too but does not understand iPXE scripts.
  const ipxe = classes.includes('iPXE') || (message.options.has(OPTION.ipxe.code) && !classes.includes('gPXE'))
  if (!vendorClass && !ipxe) return undefined
  return { vendorClass, architectures: architecturesOf(message, text), ipxe, uuid: clientUuid(message) }
}

function architecturesOf(message: DhcpMessage, vendorClass: string): readonly number[] {
  const told = getOption(message, OPTION.clientArchitecture)
  if (told) return told
  // PXE specification 2.1: `PXEClient:Arch:xxxxx:UNDI:yyyzzz`; some firmware gives its type only here.
  const match = /^(?:PXE|HTTP)Client:Arch:(\d{5})/.exec(vendorClass)
  return match ? [Number(match[1])] : []
}

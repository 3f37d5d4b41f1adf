import { ByteReader, ByteWriter, latin1, latin1Bytes } from '../../kit/bytes.ts'
import { DecodeError } from '../../kit/errors.ts'
import { type Ipv4, ipv4 } from '../../kit/ip.ts'
import type { DhcpMessage } from './message.ts'

/** How the bytes of one option become a value and back. `decode` throws `DecodeError` for a wrong size. */
export type OptionFormat<Value> = Readonly<{
  decode(bytes: Uint8Array): Value
  encode(value: Value): Uint8Array
}>

/** An option with its code, its name for people and its format. */
export type OptionType<Value> = Readonly<{ code: number; name: string; format: OptionFormat<Value> }>

function sized(bytes: Uint8Array, size: number): ByteReader {
  if (bytes.length !== size) throw new DecodeError(`an option of ${size} bytes has ${bytes.length}`)
  return new ByteReader(bytes)
}

function listOf(bytes: Uint8Array, size: number): ByteReader {
  if (bytes.length === 0 || bytes.length % size !== 0)
    throw new DecodeError(`an option of ${size}-byte entries has ${bytes.length} bytes`)
  return new ByteReader(bytes)
}

const address: OptionFormat<Ipv4> = {
  decode: (bytes) => ipv4(sized(bytes, 4).u32()),
  encode: (value) => new ByteWriter(4).u32(value).finish(),
}

const addresses: OptionFormat<readonly Ipv4[]> = {
  decode(bytes) {
    const reader = listOf(bytes, 4)
    return Array.from({ length: bytes.length / 4 }, () => ipv4(reader.u32()))
  },
  encode(values) {
    const writer = new ByteWriter(4 * values.length)
    for (const value of values) writer.u32(value)
    return writer.finish()
  },
}

const u8: OptionFormat<number> = {
  decode: (bytes) => sized(bytes, 1).u8(),
  encode: (value) => Uint8Array.of(value),
}

const u16: OptionFormat<number> = {
  decode: (bytes) => sized(bytes, 2).u16(),
  encode: (value) => new ByteWriter(2).u16(value).finish(),
}

/** Seconds and the like. */
const u32: OptionFormat<number> = {
  decode: (bytes) => sized(bytes, 4).u32(),
  encode: (value) => new ByteWriter(4).u32(value).finish(),
}

const u16List: OptionFormat<readonly number[]> = {
  decode(bytes) {
    const reader = listOf(bytes, 2)
    return Array.from({ length: bytes.length / 2 }, () => reader.u16())
  },
  encode(values) {
    const writer = new ByteWriter(2 * values.length)
    for (const value of values) writer.u16(value)
    return writer.finish()
  },
}

/** RFC 2132 §2: text may end in a NUL, which is not part of it. */
const text: OptionFormat<string> = {
  decode(bytes) {
    const end = bytes.indexOf(0)
    return latin1(end < 0 ? bytes : bytes.subarray(0, end))
  },
  encode: latin1Bytes,
}

const raw: OptionFormat<Uint8Array> = { decode: (bytes) => bytes, encode: (value) => value }

/** Every option that Reveille reads or writes (RFC 2132 unless noted). */
export const OPTION = {
  subnetMask: { code: 1, name: 'subnet mask', format: address },
  router: { code: 3, name: 'router', format: addresses },
  dns: { code: 6, name: 'DNS servers', format: addresses },
  hostname: { code: 12, name: 'host name', format: text },
  domain: { code: 15, name: 'domain name', format: text },
  broadcast: { code: 28, name: 'broadcast address', format: address },
  ntp: { code: 42, name: 'NTP servers', format: addresses },
  vendorSpecific: { code: 43, name: 'vendor-specific information', format: raw },
  requestedAddress: { code: 50, name: 'requested address', format: address },
  leaseTime: { code: 51, name: 'lease time', format: u32 },
  messageType: { code: 53, name: 'message type', format: u8 },
  serverIdentifier: { code: 54, name: 'server identifier', format: address },
  parameterRequestList: { code: 55, name: 'parameter request list', format: raw },
  message: { code: 56, name: 'message', format: text },
  maxMessageSize: { code: 57, name: 'maximum message size', format: u16 },
  renewalTime: { code: 58, name: 'renewal time', format: u32 },
  rebindingTime: { code: 59, name: 'rebinding time', format: u32 },
  vendorClass: { code: 60, name: 'vendor class', format: text },
  clientIdentifier: { code: 61, name: 'client identifier', format: raw },
  serverName: { code: 66, name: 'TFTP server name', format: text },
  bootFileName: { code: 67, name: 'boot file name', format: text },
  /** RFC 3004; see `userClasses` in pxe.ts for its two encodings. */
  userClass: { code: 77, name: 'user class', format: raw },
  /** RFC 3046. */
  relayAgentInformation: { code: 82, name: 'relay agent information', format: raw },
  /** RFC 4578 §2.1: types the client can run, the preferred one first. */
  clientArchitecture: { code: 93, name: 'client architecture', format: u16List },
  /** RFC 4578 §2.2: type, major, minor. */
  clientInterface: { code: 94, name: 'client network interface', format: raw },
  /** RFC 4578 §2.3; see `clientUuid` in pxe.ts. */
  clientMachine: { code: 97, name: 'client machine identifier', format: raw },
  /** RFC 3011. */
  subnetSelection: { code: 118, name: 'subnet selection', format: address },
  /** iPXE's encapsulated options. */
  ipxe: { code: 175, name: 'iPXE options', format: raw },
} as const satisfies Record<string, OptionType<never> | OptionType<unknown>>

/** DHCP message types (RFC 2132 §9.6). */
export const MESSAGE_TYPE = {
  discover: 1,
  offer: 2,
  request: 3,
  decline: 4,
  ack: 5,
  nak: 6,
  release: 7,
  inform: 8,
} as const
export type MessageTypeName = keyof typeof MESSAGE_TYPE

const TYPE_NAMES = new Map<number, MessageTypeName>(
  (Object.entries(MESSAGE_TYPE) as [MessageTypeName, number][]).map(([name, number]) => [number, name]),
)

/** The value of an option; `undefined` when it is absent, `DecodeError` when its size is wrong. */
export function getOption<Value>(message: DhcpMessage, type: OptionType<Value>): Value | undefined {
  const bytes = message.options.get(type.code)
  return bytes && type.format.decode(bytes)
}

/** The message type; `undefined` for plain BOOTP, `DecodeError` for a type that does not exist here. */
export function messageType(message: DhcpMessage): MessageTypeName | undefined {
  const number = getOption(message, OPTION.messageType)
  if (number === undefined) return undefined
  const name = TYPE_NAMES.get(number)
  if (!name) throw new DecodeError(`DHCP message type ${number} is not one of RFC 2132`)
  return name
}

/** Whether the client's parameter request list (option 55) names an option. */
export function asksFor(message: DhcpMessage, type: OptionType<unknown> | OptionType<never>): boolean {
  return message.options.get(OPTION.parameterRequestList.code)?.includes(type.code) ?? false
}

/** Collects options for a message, in the order in which they are set. */
export class OptionsBuilder {
  readonly #options = new Map<number, Uint8Array>()

  set<Value>(type: OptionType<Value>, value: Value): this {
    this.#options.set(type.code, type.format.encode(value))
    return this
  }

  /** Sets the option unless there is nothing to say: `null`, `undefined`, an empty text or list. */
  setIfAny<Value extends string | readonly unknown[] | Uint8Array | number>(
    type: OptionType<Value>,
    value: Value | null | undefined,
  ): this {
    if (value === null || value === undefined || (typeof value !== 'number' && value.length === 0)) return this
    return this.set(type, value)
  }

  build(): Map<number, Uint8Array> {
    return this.#options
  }
}

import thrift from 'thrift'
import { DecodeError } from '../kit/errors.ts'
import { isOneStruct } from '../protocols/thrift/measure.ts'

/**
 * Structs of the service (docs/preset.thrift) in the binary protocol, read and written with the `thrift` package. It is given only bytes
 * whose shape was measured before: by itself it believes lengths and counts. Strings that hold other structs are bytes, whatever their value.
 */

const { Type } = thrift.Thrift

/** Field id, Thrift type and whether it must be there. */
type Shape = Readonly<Record<string, readonly [id: number, type: Kind, required: boolean]>>
type Kind = 'i32' | 'bool' | 'string' | 'bytes' | 'strings'
type ValueOf<K> = K extends 'i32'
  ? number
  : K extends 'bool'
    ? boolean
    : K extends 'string'
      ? string
      : K extends 'bytes'
        ? Uint8Array
        : readonly string[]
export type StructOf<S extends Shape> = {
  readonly [F in keyof S]: ValueOf<S[F][1]> | (S[F][2] extends true ? never : undefined)
}

export const MESSAGE = {
  version: [1, 'i32', true],
  type: [2, 'i32', true],
  body: [3, 'bytes', true],
  host: [4, 'string', false],
} as const
export const RESULT = { code: [1, 'i32', true], message: [2, 'bytes', true] } as const
export const HOST_INFO = { hostName: [1, 'string', true], ipAddress: [2, 'string', true] } as const
export const USER_LIST = { users: [1, 'strings', true] } as const
export const USER_PASSWORD = { userName: [1, 'string', true], password: [2, 'string', true] } as const
export const BOOT_MENU_LIST = { menus: [1, 'strings', true] } as const
export const BOOT_MENU = { menu: [1, 'string', true], superTube: [2, 'bool', true] } as const
export const DEVICE_INFO = {
  mcuname: [1, 'string', true],
  note: [2, 'string', true],
  isonline: [3, 'i32', true],
  power: [4, 'i32', true],
  mcuid: [5, 'string', true],
} as const
export const DEVICE_POWER = {
  status: [1, 'i32', true],
  mcuid: [2, 'string', false],
  mcuname: [3, 'string', false],
} as const
/** Of an exception that a call throws, and of one that the protocol itself throws. */
export const INVALID_MESSAGE_TYPE = { whatType: [1, 'i32', false], why: [2, 'string', false] } as const
export const APPLICATION_EXCEPTION = { message: [1, 'string', false], type: [2, 'i32', false] } as const

export type Message = StructOf<typeof MESSAGE>
export type Result = StructOf<typeof RESULT>

const TYPES: Record<Kind, number> = {
  i32: Type.I32,
  bool: Type.BOOL,
  string: Type.STRING,
  bytes: Type.STRING,
  strings: Type.LIST,
}

export type Protocol = InstanceType<typeof thrift.TBinaryProtocol>

/** A protocol over bytes that are all there and were measured. */
export function readerOf(bytes: Uint8Array): Protocol {
  let transport: InstanceType<typeof thrift.TBufferedTransport> | undefined
  const receive = thrift.TBufferedTransport.receiver((filled) => {
    transport = filled
  }, 0)
  receive(Buffer.from(bytes))
  return new thrift.TBinaryProtocol(transport!, true, true)
}

/** What `write` writes to a protocol. */
export function written(write: (output: Protocol) => void): Buffer {
  let bytes: Buffer = Buffer.alloc(0)
  const transport = new thrift.TBufferedTransport(undefined, (flushed) => {
    bytes = flushed ?? bytes
  })
  const output = new thrift.TBinaryProtocol(transport, true, true)
  write(output)
  output.flush()
  return bytes
}

/** Throws a `DecodeError` for a struct without a field that must be there, or with one of another type. */
export function readStruct<S extends Shape>(input: Protocol, shape: S): StructOf<S> {
  const found: Record<string, unknown> = {}
  input.readStructBegin()
  for (;;) {
    const { ftype, fid } = input.readFieldBegin()
    if (ftype === Type.STOP) break
    const [name, field] = Object.entries(shape).find(([, [id]]) => id === fid) ?? []
    if (name === undefined || field === undefined) input.skip(ftype)
    else if (TYPES[field[1]] !== ftype) throw new DecodeError(`field ${name} has another type`)
    else found[name] = readValue(input, field[1])
  }
  for (const [name, [, , required]] of Object.entries(shape))
    if (required && !(name in found)) throw new DecodeError(`field ${name} is missing`)
  return found as StructOf<S>
}

function readValue(input: Protocol, kind: Kind): unknown {
  if (kind === 'i32') return input.readI32()
  if (kind === 'bool') return input.readBool()
  // Copies: what is read outlives the buffer that it came in.
  if (kind === 'bytes') return new Uint8Array(input.readBinary() as unknown as Uint8Array)
  if (kind === 'string') return input.readString()
  const { etype, size } = input.readListBegin()
  if (etype !== Type.STRING) throw new DecodeError('a list has elements of another type')
  return Array.from({ length: size }, () => input.readString())
}

export function writeStruct<S extends Shape>(output: Protocol, shape: S, value: StructOf<S>): void {
  output.writeStructBegin('')
  for (const [name, [id, kind]] of Object.entries(shape)) {
    const field = (value as Record<string, unknown>)[name]
    if (field === undefined) continue
    output.writeFieldBegin(name, TYPES[kind], id)
    if (kind === 'i32') output.writeI32(field as number)
    else if (kind === 'bool') output.writeBool(field as boolean)
    else if (kind === 'bytes') output.writeBinary(Buffer.from(field as Uint8Array) as unknown as string)
    else if (kind === 'string') output.writeString(field as string)
    else {
      const list = field as readonly string[]
      output.writeListBegin(Type.STRING, list.length)
      for (const each of list) output.writeString(each)
    }
    output.writeFieldEnd()
  }
  output.writeFieldStop()
  output.writeStructEnd()
}

/** A struct alone, as it is put into the strings of other structs. */
export function encodeStruct<S extends Shape>(shape: S, value: StructOf<S>): Buffer {
  return written((output) => writeStruct(output, shape, value))
}

/** Throws a `DecodeError` for anything but this one struct. */
export function decodeStruct<S extends Shape>(shape: S, bytes: Uint8Array): StructOf<S> {
  if (!isOneStruct(bytes)) throw new DecodeError('these bytes are not one struct')
  return readStruct(readerOf(bytes), shape)
}

import { DecodeError } from '../../kit/errors.ts'

/**
 * Where a message of the Thrift binary protocol ends, and whether its shape is one that a decoder may be trusted with. Source: "Thrift
 * Binary protocol encoding" of Apache Thrift (doc/specs/thrift-binary-protocol.md): strict messages, big-endian lengths. The library
 * that decodes afterwards allocates what lengths say and goes on as long as counts say; here nothing is allocated, and all is bounded.
 */

/** The largest message, in bytes. */
export const MOST_MESSAGE_BYTES = 65_536
/** Structs and containers within each other. */
const MOST_DEPTH = 8
/** Fields and elements of one message. */
export const MOST_VALUES = 4096
const MOST_NAME_BYTES = 64
/** VERSION_1 in the upper half of the first word. */
const STRICT = 0x8001

const T = {
  stop: 0,
  bool: 2,
  byte: 3,
  double: 4,
  i16: 6,
  i32: 8,
  i64: 10,
  string: 11,
  struct: 12,
  map: 13,
  set: 14,
  list: 15,
}
const WIDTHS = new Map([
  [T.bool, 1],
  [T.byte, 1],
  [T.double, 8],
  [T.i16, 2],
  [T.i32, 4],
  [T.i64, 8],
])

/** The bytes that the message at the start takes; `undefined` while it is not whole. Throws a `DecodeError` for what can never become one. */
export function messageLength(bytes: Uint8Array): number | undefined {
  return measured(bytes, (walk) => {
    if (walk.u16() !== STRICT) throw new DecodeError('it does not speak the strict binary protocol of Thrift')
    walk.skip(1)
    const type = walk.u8()
    if (type < 1 || type > 4) throw new DecodeError(`there are no messages of type ${type}`)
    const name = walk.length(MOST_NAME_BYTES)
    walk.skip(name)
    walk.skip(4)
    walk.struct(1)
  })
}

/** Whether these bytes are exactly one struct. */
export function isOneStruct(bytes: Uint8Array): boolean {
  try {
    return measured(bytes, (walk) => walk.struct(1)) === bytes.length
  } catch (error) {
    if (error instanceof DecodeError) return false
    throw error
  }
}

function measured(bytes: Uint8Array, over: (walk: Walk) => void): number | undefined {
  const walk = new Walk(bytes)
  try {
    over(walk)
  } catch (error) {
    if (error === MORE) {
      if (bytes.length >= MOST_MESSAGE_BYTES) throw tooLong()
      return undefined
    }
    throw error
  }
  if (walk.at > MOST_MESSAGE_BYTES) throw tooLong()
  return walk.at
}

function tooLong(): DecodeError {
  return new DecodeError(`a message has at most ${MOST_MESSAGE_BYTES} bytes`)
}

/** Thrown when the bytes end too early; not an error. */
const MORE = Symbol('more bytes are needed')

class Walk {
  at = 0
  #values = 0
  readonly #view: DataView

  constructor(bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  skip(bytes: number): number {
    const from = this.at
    if (from + bytes > this.#view.byteLength) throw MORE
    this.at += bytes
    return from
  }

  u8(): number {
    return this.#view.getUint8(this.skip(1))
  }

  u16(): number {
    return this.#view.getUint16(this.skip(2))
  }

  length(most: number): number {
    const length = this.#view.getInt32(this.skip(4))
    if (length < 0 || length > most) throw new DecodeError(`a length of ${length} is not allowed here`)
    return length
  }

  struct(depth: number): void {
    if (depth > MOST_DEPTH) throw new DecodeError(`structs lie at most ${MOST_DEPTH} within each other`)
    for (;;) {
      const type = this.u8()
      if (type === T.stop) return
      this.skip(2)
      this.#value(type, depth)
    }
  }

  #value(type: number, depth: number): void {
    if (++this.#values > MOST_VALUES) throw new DecodeError(`a message has at most ${MOST_VALUES} values`)
    const width = WIDTHS.get(type)
    if (width !== undefined) this.skip(width)
    else if (type === T.string) this.skip(this.length(MOST_MESSAGE_BYTES))
    else if (type === T.struct) this.struct(depth + 1)
    else if (type === T.map) this.#elements([this.u8(), this.u8()], depth + 1)
    else if (type === T.set || type === T.list) this.#elements([this.u8()], depth + 1)
    else throw new DecodeError(`there are no values of type ${type}`)
  }

  #elements(types: readonly number[], depth: number): void {
    if (depth > MOST_DEPTH) throw new DecodeError(`containers lie at most ${MOST_DEPTH} within each other`)
    const count = this.length(MOST_VALUES)
    for (let i = 0; i < count; i++) for (const type of types) this.#value(type, depth)
  }
}

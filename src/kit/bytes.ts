import { DecodeError } from './errors.ts'

/** Reads a byte string from front to back. A read past the end throws `DecodeError`; nothing is ever cut short silently. */
export class ByteReader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get offset(): number {
    return this.#at
  }

  get remaining(): number {
    return this.#bytes.length - this.#at
  }

  #take(count: number): number {
    if (count < 0 || count > this.remaining)
      throw new DecodeError(`needs ${count} bytes at offset ${this.#at}, ${this.remaining} are left`)
    const at = this.#at
    this.#at += count
    return at
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1))
  }

  /** Network order, like all plain names here; the other order is spelled out. */
  u16(): number {
    return this.#view.getUint16(this.#take(2))
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4))
  }

  u16le(): number {
    return this.#view.getUint16(this.#take(2), true)
  }

  u32le(): number {
    return this.#view.getUint32(this.#take(4), true)
  }

  /** A copy: it stays valid when the receive buffer is used again. */
  bytes(count: number): Uint8Array {
    const at = this.#take(count)
    return this.#bytes.slice(at, at + count)
  }

  /** A window on the same memory, for bulk data that is used before the next receive. */
  view(count: number): Uint8Array {
    const at = this.#take(count)
    return this.#bytes.subarray(at, at + count)
  }

  skip(count: number): void {
    this.#take(count)
  }

  /** A fixed-size text field: Latin-1 up to the first NUL. */
  text(size: number): string {
    const field = this.view(size)
    const end = field.indexOf(0)
    return latin1(end < 0 ? field : field.subarray(0, end))
  }

  /** Text up to and without its NUL; a missing NUL is an error. */
  cstring(): string {
    const end = this.#bytes.indexOf(0, this.#at)
    if (end < 0) throw new DecodeError(`the text at offset ${this.#at} has no terminating NUL`)
    const text = latin1(this.#bytes.subarray(this.#at, end))
    this.#at = end + 1
    return text
  }

  rest(): Uint8Array {
    return this.bytes(this.remaining)
  }
}

/** Builds a byte string from front to back; grows as needed. */
export class ByteWriter {
  #bytes: Uint8Array
  #view: DataView
  #length = 0

  constructor(capacity = 512) {
    this.#bytes = new Uint8Array(capacity)
    this.#view = new DataView(this.#bytes.buffer)
  }

  get length(): number {
    return this.#length
  }

  #reserve(count: number): number {
    const at = this.#length
    this.#length += count
    if (this.#length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#length, this.#bytes.length * 2))
      grown.set(this.#bytes)
      this.#bytes = grown
      this.#view = new DataView(grown.buffer)
    }
    return at
  }

  u8(value: number): this {
    const at = this.#reserve(1)
    this.#view.setUint8(at, value)
    return this
  }

  u16(value: number): this {
    const at = this.#reserve(2)
    this.#view.setUint16(at, value)
    return this
  }

  u32(value: number): this {
    const at = this.#reserve(4)
    this.#view.setUint32(at, value)
    return this
  }

  u16le(value: number): this {
    const at = this.#reserve(2)
    this.#view.setUint16(at, value, true)
    return this
  }

  u32le(value: number): this {
    const at = this.#reserve(4)
    this.#view.setUint32(at, value, true)
    return this
  }

  /** The bytes, padded with zeros to `size` if given; longer than `size` is a `RangeError`. */
  bytes(value: Uint8Array, size = value.length): this {
    if (value.length > size) throw new RangeError(`${value.length} bytes do not fit a field of ${size}`)
    const at = this.#reserve(size)
    this.#bytes.set(value, at)
    return this
  }

  /** Latin-1 text in a zero-padded field of `size` bytes. */
  text(value: string, size: number): this {
    return this.bytes(latin1Bytes(value), size)
  }

  cstring(value: string): this {
    return this.bytes(latin1Bytes(value)).u8(0)
  }

  padTo(length: number): this {
    if (this.#length < length) this.#reserve(length - this.#length)
    return this
  }

  /** What was written. The memory is handed over: write nothing afterwards. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }
}

export function latin1(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return text
}

/** Text as Latin-1 bytes; a character above U+00FF is a `RangeError`. */
export function latin1Bytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length)
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code > 0xff) throw new RangeError(`the character ${JSON.stringify(text[i])} has no place in a Latin-1 field`)
    bytes[i] = code
  }
  return bytes
}

export function hex(bytes: Uint8Array, separator = ''): string {
  let text = ''
  for (let i = 0; i < bytes.length; i++) text += (i > 0 ? separator : '') + (bytes[i]! + 0x100).toString(16).slice(1)
  return text
}

/** The bytes of an even run of hex digits; anything else is a `DecodeError`. */
export function fromHex(text: string): Uint8Array {
  if (text.length % 2 !== 0 || /[^0-9a-fA-F]/.test(text))
    throw new DecodeError(`${JSON.stringify(text)} is not a run of hex bytes`)
  return Uint8Array.from({ length: text.length / 2 }, (_, i) => Number.parseInt(text.slice(2 * i, 2 * i + 2), 16))
}

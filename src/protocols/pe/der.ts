import { DecodeError } from '../../kit/errors.ts'

/** One value of DER (X.690): its tag, and where its content is. `end` is where the next value begins. */
export type DerValue = Readonly<{ tag: number; start: number; end: number }>

export const DER = { integer: 0x02, oid: 0x06, sequence: 0x30, set: 0x31, context0: 0xa0, context1: 0xa1 } as const

/** Most values that are looked at in one signature. */
const MOST_VALUES = 4096

/** Walks DER without trust: everything lies inside `bytes`, and the walk ends after a fixed number of values. */
export class DerReader {
  readonly bytes: Uint8Array
  #left = MOST_VALUES

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  /** The value at `at`, which ends at `end` at the latest. Long tags and indefinite lengths, which DER forbids here, are refused. */
  read(at: number, end: number): DerValue {
    if (--this.#left < 0) throw new DecodeError('the signature has too many parts')
    const tag = this.bytes[at]
    const first = this.bytes[at + 1]
    if (tag === undefined || first === undefined || at + 2 > end) throw new DecodeError('the signature ends too early')
    if ((tag & 0x1f) === 0x1f) throw new DecodeError('the signature has a tag of more than one byte')
    const octets = first < 0x80 ? 0 : first & 0x7f
    if (first === 0x80 || octets > 4) throw new DecodeError('the signature has a length that DER does not allow')
    let length = octets === 0 ? first : 0
    for (let i = 0; i < octets; i++) length = length * 256 + (this.bytes[at + 2 + i] ?? 0)
    const start = at + 2 + octets
    if (start + length > end) throw new DecodeError('a part of the signature is longer than the signature')
    return { tag, start, end: start + length }
  }

  /** The values inside another, in their order. */
  *inside(outer: DerValue): Generator<DerValue> {
    for (let at = outer.start; at < outer.end; ) {
      const value = this.read(at, outer.end)
      yield value
      at = value.end
    }
  }

  /** The values inside, of which the first must have this tag at least. */
  list(outer: DerValue): DerValue[] {
    return [...this.inside(outer)]
  }

  equal(a: DerValue, b: DerValue): boolean {
    const length = a.end - a.start
    if (length !== b.end - b.start) return false
    for (let i = 0; i < length; i++) if (this.bytes[a.start + i] !== this.bytes[b.start + i]) return false
    return true
  }

  hex({ start, end }: DerValue): string {
    return [...this.bytes.subarray(start, Math.min(end, start + 32))]
      .map((b) => b.toString(16).padStart(2, '0'))
      .join('')
  }

  /** Printable ASCII of a string type, anything else as a dot. */
  text({ start, end }: DerValue): string {
    return String.fromCharCode(...this.bytes.subarray(start, Math.min(end, start + 128))).replace(/[^\x20-\x7e]/g, '.')
  }
}

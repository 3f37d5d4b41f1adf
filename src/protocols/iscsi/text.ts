import { latin1, latin1Bytes } from '../../kit/bytes.ts'
import { DecodeError } from '../../kit/errors.ts'

/** Most bytes of a whole negotiation text, over all PDUs that continue it. */
export const MOST_TEXT_BYTES = 64 * 1024
const MOST_PAIRS = 256

/** A KEY=VALUE pair as it was sent. Keys may repeat in what peers send; what comes of it is for the negotiation to say. */
export type TextPair = readonly [key: string, value: string]

/** Pairs of a data segment (RFC 7143, 6.1): each ends with NUL; keys have 1 to 63 characters of a small set. */
export function decodeText(bytes: Uint8Array): TextPair[] {
  if (bytes.length > MOST_TEXT_BYTES) throw new DecodeError('the text is too long')
  const pairs: TextPair[] = []
  let at = 0
  while (at < bytes.length) {
    let end = bytes.indexOf(0, at)
    // Some initiators leave the last NUL out; the length of the segment says where it ends.
    if (end < 0) end = bytes.length
    if (end > at) {
      const pair = latin1(bytes.subarray(at, end))
      const equals = pair.indexOf('=')
      if (equals < 1 || equals > 63) throw new DecodeError('a text pair has no key')
      const key = pair.slice(0, equals)
      if (!/^[A-Za-z0-9.+@_#-]+$/.test(key)) throw new DecodeError('a text key has characters that keys do not have')
      if (pairs.length === MOST_PAIRS) throw new DecodeError('there are too many text pairs')
      pairs.push([key, pair.slice(equals + 1)])
    }
    at = end + 1
  }
  return pairs
}

export function encodeText(pairs: readonly TextPair[]): Uint8Array {
  return latin1Bytes(pairs.map(([key, value]) => `${key}=${value}\0`).join(''))
}

/**
 * Gathers text that continues over PDUs (the C bit, RFC 7143, 6.2); `undefined` until it is whole. More than `MOST_TEXT_BYTES` is a
 * `DecodeError`.
 */
export class TextGatherer {
  #parts: Uint8Array[] = []
  #bytes = 0

  add(part: Uint8Array, continues: boolean): TextPair[] | undefined {
    this.#bytes += part.length
    if (this.#bytes > MOST_TEXT_BYTES) throw new DecodeError('the text is too long')
    this.#parts.push(part.slice())
    if (continues) return undefined
    const whole = new Uint8Array(this.#bytes)
    let at = 0
    for (const part of this.#parts) {
      whole.set(part, at)
      at += part.length
    }
    this.#parts = []
    this.#bytes = 0
    return decodeText(whole)
  }
}

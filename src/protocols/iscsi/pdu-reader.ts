import { DecodeError } from '../../kit/errors.ts'
import { crc32c } from './crc32c.ts'
import { BHS_BYTES } from './opcodes.ts'

const NO_PARTS: readonly Uint8Array[] = []

/** Receives PDUs. Everything handed in is a window on what was received, valid until it returns; `parts` may be kept. */
export interface PduReceiver {
  /**
   * `head[at...]` holds the 48 bytes of the header and behind them `ahsBytes` of additional headers; `parts` are the data segment, one
   * behind the other, without padding.
   */
  onPdu(head: Uint8Array, at: number, ahsBytes: number, parts: readonly Uint8Array[], dataBytes: number): void
  /** A data segment whose digest is wrong; its header is fine (RFC 7143, 7.9). */
  onDamagedData(head: Uint8Array, at: number): void
}

/**
 * Cuts a stream into PDUs (RFC 7143, 11.2). What arrives in one piece is not copied. A length beyond the limits or a wrong header
 * digest is a `DecodeError`: the connection cannot go on.
 */
export class PduReader {
  /** Most bytes of a data segment; set it when the login is done. */
  mostDataBytes: number
  /** Most bytes of additional headers. */
  mostAhsBytes = 256
  headerDigest = false
  dataDigest = false
  readonly #receiver: PduReceiver
  /** A head that came in pieces. */
  readonly #head = new Uint8Array(BHS_BYTES + 1020 + 4)
  #headHave = 0
  /** The PDU whose data is awaited: its header, which outlives the chunk it came in. */
  #waiting = false
  #ahsBytes = 0
  #dataBytes = 0
  #parts: Uint8Array[] = []
  #have = 0
  #tailBytes = 0
  #tail = new Uint8Array(8)
  #stopped = false

  constructor(receiver: PduReceiver, mostDataBytes: number) {
    this.#receiver = receiver
    this.mostDataBytes = mostDataBytes
  }

  /** Reads no more; what is left of the present chunk is dropped. */
  stop(): void {
    this.#stopped = true
    this.#parts = []
  }

  push(chunk: Uint8Array): void {
    let at = 0
    while (at < chunk.length && !this.#stopped)
      at = this.#waiting ? this.#takeData(chunk, at) : this.#takeHead(chunk, at)
  }

  /** @returns where the next thing begins. */
  #takeHead(chunk: Uint8Array, at: number): number {
    const left = chunk.length - at
    if (this.#headHave === 0 && left >= BHS_BYTES) {
      const size = this.#headSize(chunk, at)
      if (left >= size) return this.#onHead(chunk, at, chunk, at + size)
    }
    // In pieces: gather the 48 bytes first, which tell how long the whole head is.
    const size = this.#headHave < BHS_BYTES ? BHS_BYTES : this.#headSize(this.#head, 0)
    const taken = Math.min(left, size - this.#headHave)
    this.#head.set(chunk.subarray(at, at + taken), this.#headHave)
    this.#headHave += taken
    if (this.#headHave < BHS_BYTES || this.#headHave < this.#headSize(this.#head, 0)) return at + taken
    this.#headHave = 0
    return this.#onHead(this.#head, 0, chunk, at + taken)
  }

  #headSize(head: Uint8Array, at: number): number {
    const ahsBytes = head[at + 4]! * 4
    if (ahsBytes > this.mostAhsBytes) throw new DecodeError(`${ahsBytes} bytes of additional headers are too many`)
    return BHS_BYTES + ahsBytes + (this.headerDigest ? 4 : 0)
  }

  #onHead(head: Uint8Array, at: number, chunk: Uint8Array, next: number): number {
    const ahsBytes = head[at + 4]! * 4
    const dataBytes = (head[at + 5]! << 16) | (head[at + 6]! << 8) | head[at + 7]!
    if (this.headerDigest) {
      const end = at + BHS_BYTES + ahsBytes
      if (crc32c(head, at, end) !== littleEndian(head, end)) throw new DecodeError('the digest of a header is wrong')
    }
    if (dataBytes > this.mostDataBytes)
      throw new DecodeError(`a data segment of ${dataBytes} bytes is longer than the ${this.mostDataBytes} declared`)
    if (dataBytes === 0) {
      this.#receiver.onPdu(head, at, ahsBytes, NO_PARTS, 0)
      return next
    }
    const padding = -dataBytes & 3
    const tailBytes = padding + (this.dataDigest ? 4 : 0)
    if (chunk.length - next >= dataBytes + tailBytes) {
      const data = chunk.subarray(next, next + dataBytes)
      const end = next + dataBytes
      if (this.dataDigest && crc32c(chunk, next, end + padding) !== littleEndian(chunk, end + padding))
        this.#receiver.onDamagedData(head, at)
      else this.#receiver.onPdu(head, at, ahsBytes, [data], dataBytes)
      return end + tailBytes
    }
    if (head !== this.#head) this.#head.set(head.subarray(at, at + BHS_BYTES + ahsBytes))
    this.#waiting = true
    this.#ahsBytes = ahsBytes
    this.#dataBytes = dataBytes
    this.#tailBytes = tailBytes
    this.#have = 0
    this.#parts = []
    return next
  }

  #takeData(chunk: Uint8Array, at: number): number {
    let next = at
    if (this.#have < this.#dataBytes) {
      const taken = Math.min(chunk.length - next, this.#dataBytes - this.#have)
      this.#parts.push(chunk.subarray(next, next + taken))
      this.#have += taken
      next += taken
    }
    const whole = this.#dataBytes + this.#tailBytes
    while (this.#have >= this.#dataBytes && this.#have < whole && next < chunk.length)
      this.#tail[this.#have++ - this.#dataBytes] = chunk[next++]!
    if (this.#have < whole) return next
    this.#waiting = false
    const parts = this.#parts
    this.#parts = []
    if (this.dataDigest) {
      let sum = 0
      for (const part of parts) sum = crc32c(part, 0, part.length, sum)
      const padding = this.#tailBytes - 4
      if (crc32c(this.#tail, 0, padding, sum) !== littleEndian(this.#tail, padding)) {
        this.#receiver.onDamagedData(this.#head, 0)
        return next
      }
    }
    this.#receiver.onPdu(this.#head, 0, this.#ahsBytes, parts, this.#dataBytes)
    return next
  }
}

function littleEndian(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
}

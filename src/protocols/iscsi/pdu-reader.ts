import { DecodeError } from '../../kit/errors.ts'
import { crc32c } from './crc32c.ts'
import { BHS_BYTES } from './opcodes.ts'

const NO_DATA = new Uint8Array(0)

/** Receives PDUs. Everything handed in is a window on memory that is used again as soon as it returns: what is kept must be copied. */
export interface PduReceiver {
  /** `head[at...]` holds the 48 bytes of the header and behind them `ahsBytes` of additional headers; `data` is the data segment, without padding. */
  onPdu(head: Uint8Array, at: number, ahsBytes: number, data: Uint8Array): void
  /** A data segment whose digest is wrong; its header is fine (RFC 7143, 7.9). */
  onDamagedData(head: Uint8Array, at: number): void
}

/** Where data segments are gathered that come in pieces. */
export interface SegmentMemory {
  /** At least so many bytes. */
  take(bytes: number): Uint8Array
  /** What was taken is not used any more. */
  give(memory: Uint8Array): void
}

const FRESH: SegmentMemory = { take: (bytes) => new Uint8Array(bytes), give() {} }

/**
 * Cuts a stream into PDUs (RFC 7143, 11.2). What arrives in one piece is not copied, and the rest of a data segment can be received right where
 * it is gathered: see `rest`. A length beyond the limits or a wrong header digest is a `DecodeError`: the connection cannot go on.
 */
export class PduReader {
  /** Most bytes of a data segment; set it when the login is done. */
  mostDataBytes: number
  /** Most bytes of additional headers. */
  mostAhsBytes = 256
  headerDigest = false
  dataDigest = false
  readonly #receiver: PduReceiver
  readonly #memory: SegmentMemory
  /** A head that came in pieces, or whose data does. It outlives what it came in. */
  readonly #head = new Uint8Array(BHS_BYTES + 1020 + 4)
  #headHave = 0
  /** The data segment that is awaited, with padding and digest: `#want` bytes of `#segment`, of which `#have` are there. */
  #segment: Uint8Array | undefined
  #ahsBytes = 0
  #dataBytes = 0
  #want = 0
  #have = 0
  #stopped = false

  constructor(receiver: PduReceiver, mostDataBytes: number, memory: SegmentMemory = FRESH) {
    this.#receiver = receiver
    this.mostDataBytes = mostDataBytes
    this.#memory = memory
  }

  /** Reads no more; what is left of the present chunk is dropped. Who receives into `rest` says when nothing is received there any more: `close`. */
  stop(): void {
    this.#stopped = true
  }

  /** Gives back what was gathered. */
  close(): void {
    this.#stopped = true
    const segment = this.#segment
    this.#segment = undefined
    if (segment) this.#memory.give(segment)
  }

  /** Bytes that the data segment under way lacks. */
  get lacks(): number {
    return this.#segment && !this.#stopped ? this.#want - this.#have : 0
  }

  /** Where they may be received, to be told by `filled`. `lacks` must not be 0. */
  get rest(): Uint8Array {
    return this.#segment!.subarray(this.#have, this.#want)
  }

  /** So many bytes were received at the beginning of `rest`. */
  filled(bytes: number): void {
    if (this.#stopped) return
    this.#have += bytes
    if (this.#have === this.#want) this.#onSegment()
  }

  /** The first `end` bytes of a chunk came. */
  push(chunk: Uint8Array, end = chunk.length): void {
    let at = 0
    while (at < end && !this.#stopped)
      at = this.#segment ? this.#takeData(this.#segment, chunk, at, end) : this.#takeHead(chunk, at, end)
  }

  /** @returns where the next thing begins. */
  #takeHead(chunk: Uint8Array, at: number, end: number): number {
    const left = end - at
    if (this.#headHave === 0 && left >= BHS_BYTES) {
      const size = this.#headSize(chunk, at)
      if (left >= size) return this.#onHead(chunk, at, chunk, at + size, end)
    }
    // In pieces: gather the 48 bytes first, which tell how long the whole head is.
    const size = this.#headHave < BHS_BYTES ? BHS_BYTES : this.#headSize(this.#head, 0)
    const taken = Math.min(left, size - this.#headHave)
    this.#head.set(chunk.subarray(at, at + taken), this.#headHave)
    this.#headHave += taken
    if (this.#headHave < BHS_BYTES || this.#headHave < this.#headSize(this.#head, 0)) return at + taken
    this.#headHave = 0
    return this.#onHead(this.#head, 0, chunk, at + taken, end)
  }

  #headSize(head: Uint8Array, at: number): number {
    const ahsBytes = head[at + 4]! * 4
    if (ahsBytes > this.mostAhsBytes) throw new DecodeError(`${ahsBytes} bytes of additional headers are too many`)
    return BHS_BYTES + ahsBytes + (this.headerDigest ? 4 : 0)
  }

  #onHead(head: Uint8Array, at: number, chunk: Uint8Array, next: number, end: number): number {
    const ahsBytes = head[at + 4]! * 4
    const dataBytes = (head[at + 5]! << 16) | (head[at + 6]! << 8) | head[at + 7]!
    if (this.headerDigest) {
      const digest = at + BHS_BYTES + ahsBytes
      if (crc32c(head, at, digest) !== littleEndian(head, digest))
        throw new DecodeError('the digest of a header is wrong')
    }
    if (dataBytes > this.mostDataBytes)
      throw new DecodeError(`a data segment of ${dataBytes} bytes is longer than the ${this.mostDataBytes} declared`)
    if (dataBytes === 0) {
      this.#receiver.onPdu(head, at, ahsBytes, NO_DATA)
      return next
    }
    const whole = dataBytes + (-dataBytes & 3) + (this.dataDigest ? 4 : 0)
    if (end - next >= whole) {
      this.#deliver(head, at, ahsBytes, chunk, next, dataBytes)
      return next + whole
    }
    if (head !== this.#head) this.#head.set(head.subarray(at, at + BHS_BYTES + ahsBytes))
    this.#segment = this.#memory.take(whole)
    this.#ahsBytes = ahsBytes
    this.#dataBytes = dataBytes
    this.#want = whole
    this.#have = 0
    return next
  }

  #takeData(segment: Uint8Array, chunk: Uint8Array, at: number, end: number): number {
    const next = Math.min(end, at + this.#want - this.#have)
    segment.set(chunk.subarray(at, next), this.#have)
    this.#have += next - at
    if (this.#have === this.#want) this.#onSegment()
    return next
  }

  #onSegment(): void {
    const segment = this.#segment!
    this.#segment = undefined
    try {
      this.#deliver(this.#head, 0, this.#ahsBytes, segment, 0, this.#dataBytes)
    } finally {
      this.#memory.give(segment)
    }
  }

  #deliver(head: Uint8Array, at: number, ahsBytes: number, from: Uint8Array, start: number, dataBytes: number): void {
    const end = start + dataBytes
    const digest = end + (-dataBytes & 3)
    if (this.dataDigest && crc32c(from, start, digest) !== littleEndian(from, digest))
      this.#receiver.onDamagedData(head, at)
    else this.#receiver.onPdu(head, at, ahsBytes, from.subarray(start, end))
  }
}

function littleEndian(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
}

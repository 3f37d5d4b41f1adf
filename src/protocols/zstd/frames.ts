import { DecodeError } from '../../kit/errors.ts'

const MAGIC = 0xfd2fb528
const MAGIC_LE = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd)
/** 16 magic numbers begin frames that hold nothing to unpack (RFC 8878 §3.1.2). */
const SKIPPABLE = 0x184d2a50
const MAGIC_BYTES = 4
const BLOCK_HEADER_BYTES = 3

/** A part of one frame as it came; `last`: the frame ends with it. */
type FramePart = Readonly<{ bytes: Uint8Array; last: boolean }>

/**
 * Takes a stream of zstd frames apart (RFC 8878 §3.1), however its bytes are cut: several of them may follow each other, as parallel
 * compressors write them, while decompressors know of one. Skippable frames are left out. Nothing is unpacked here.
 */
export class ZstdFrames {
  /** Bytes of a header that is not whole yet. */
  #header: number[] = []
  #wanted = MAGIC_BYTES
  /** Bytes to pass over until the next header. */
  #passing = 0
  #place: 'magic' | 'skippable' | 'descriptor' | 'block' | 'end' = 'magic'
  #checksum = false
  #skipping = false

  /** To be called behind the last piece: a `DecodeError` when it ends within a frame. */
  end(): void {
    if (this.#place !== 'magic' || this.#header.length > 0) throw new DecodeError('the zstd data is cut off')
  }

  /** The parts of frames in this piece. A `DecodeError` for what is no zstd. */
  *feed(piece: Uint8Array): Generator<FramePart> {
    let start = 0
    for (let at = 0; at < piece.length; ) {
      if (this.#passing > 0) {
        const count = Math.min(this.#passing, piece.length - at)
        this.#passing -= count
        at += count
      } else {
        const inMagic = this.#place === 'magic'
        this.#header.push(piece[at++]!)
        if (this.#header.length === this.#wanted) this.#understand()
        if (inMagic) {
          // Whether it begins a frame is known only when it is whole: until then nothing of it is given out.
          start = at
          if (this.#place === 'descriptor') yield { bytes: MAGIC_LE, last: false }
        }
      }
      if (this.#place !== 'end' || this.#passing > 0) continue
      if (!this.#skipping) yield { bytes: piece.subarray(start, at), last: true }
      start = at
      this.#expect('magic', MAGIC_BYTES)
      this.#skipping = false
    }
    if (start < piece.length && !this.#skipping) yield { bytes: piece.subarray(start), last: false }
  }

  #expect(place: 'magic' | 'skippable' | 'descriptor' | 'block', bytes: number): void {
    this.#place = place
    this.#header = []
    this.#wanted = bytes
  }

  /** A header is whole: what comes behind it? */
  #understand(): void {
    const [a = 0, b = 0, c = 0, d = 0] = this.#header
    const value = (a | (b << 8) | (c << 16) | (d << 24)) >>> 0
    switch (this.#place) {
      case 'magic':
        this.#skipping = (value & 0xfffffff0) >>> 0 === SKIPPABLE
        if (!this.#skipping && value !== MAGIC) throw new DecodeError('this is not zstd')
        if (this.#skipping) this.#expect('skippable', 4)
        else this.#expect('descriptor', 1)
        return
      case 'skippable':
        this.#passing = value
        this.#place = 'end'
        return
      case 'descriptor': {
        const single = (a & 0x20) !== 0
        const sizeField = [single ? 1 : 0, 2, 4, 8][a >> 6]!
        const dictionary = [0, 1, 2, 4][a & 3]!
        this.#checksum = (a & 4) !== 0
        this.#passing = (single ? 0 : 1) + dictionary + sizeField
        this.#expect('block', BLOCK_HEADER_BYTES)
        return
      }
      default: {
        const type = (a >> 1) & 3
        if (type === 3) throw new DecodeError('a zstd frame has a block of an unknown type')
        // A run of one byte (type 1) is kept as that byte, whatever its length.
        const content = type === 1 ? 1 : value >> 3
        const last = (a & 1) !== 0
        this.#passing = content + (last && this.#checksum ? 4 : 0)
        this.#expect('block', BLOCK_HEADER_BYTES)
        if (last) this.#place = 'end'
      }
    }
  }
}

/** How many bytes the frame at the start of these takes, which is no skippable one; a `DecodeError` when it is not whole. */
export function zstdFrameLength(bytes: Uint8Array): number {
  let length = 0
  for (const part of new ZstdFrames().feed(bytes)) {
    length += part.bytes.length
    if (part.last) return length
  }
  throw new DecodeError('a zstd frame is cut off')
}

/**
 * The frames of a stream one after another, each as a stream for a decompressor of its own. Each must be read to its end before the next.
 * Throws a `DecodeError` for what is no zstd, or is cut off: in the frame where it is met.
 */
export async function* eachZstdFrame(stream: AsyncIterable<Uint8Array>): AsyncGenerator<AsyncIterable<Uint8Array>> {
  const frames = new ZstdFrames()
  async function* split() {
    for await (const piece of stream) yield* frames.feed(piece)
    frames.end()
  }
  const parts = split()
  async function* frame(first: FramePart) {
    yield first.bytes
    for (let last = first.last; !last; ) {
      const { value, done } = await parts.next()
      if (done) return
      yield value.bytes
      last = value.last
    }
  }
  try {
    for (let first = await parts.next(); !first.done; first = await parts.next()) yield frame(first.value)
  } finally {
    await parts.return(undefined)
  }
}

import { ByteReader } from '../../kit/bytes.ts'

/** A cursor for a file that tells its byte order itself. */
export class OrderedReader {
  readonly #reader: ByteReader
  readonly #littleEndian: boolean

  constructor(bytes: Uint8Array, littleEndian: boolean) {
    this.#reader = new ByteReader(bytes)
    this.#littleEndian = littleEndian
  }

  get offset(): number {
    return this.#reader.offset
  }

  get remaining(): number {
    return this.#reader.remaining
  }

  u16(): number {
    return this.#littleEndian ? this.#reader.u16le() : this.#reader.u16()
  }

  u32(): number {
    return this.#littleEndian ? this.#reader.u32le() : this.#reader.u32()
  }

  view(count: number): Uint8Array {
    return this.#reader.view(count)
  }

  skip(count: number): void {
    this.#reader.skip(count)
  }
}

import { CHUNK_BYTES } from '../../protocols/chunks/list.ts'

const HEADER_BYTES = 32
const HASH_BYTES = 32
const EMPTY = -1

/** Which chunks an encoded list names, asked a thousand times a second: a hash table over the list's own bytes. */
export class ChunkIndex {
  readonly #list: Buffer
  readonly #table: Int32Array
  readonly #mask: number
  readonly #wanted = Buffer.alloc(HASH_BYTES)

  /** Takes an encoded list that was checked before; it must not be changed afterwards. */
  constructor(encoded: Uint8Array) {
    this.#list = Buffer.from(encoded.buffer, encoded.byteOffset, encoded.byteLength)
    const count = Math.floor((encoded.length - HEADER_BYTES) / HASH_BYTES)
    const slots = 2 ** Math.ceil(Math.log2(Math.max(2, count * 2)))
    this.#mask = slots - 1
    this.#table = new Int32Array(slots).fill(EMPTY)
    for (let i = 0; i < count; i++) {
      const at = HEADER_BYTES + i * HASH_BYTES
      // A whole disk of one repeated chunk must not make one endless chain.
      if (this.#find(this.#list, at) === EMPTY) this.#insert(at)
    }
  }

  get bytes(): number {
    return this.#list.length + this.#table.byteLength
  }

  /** `sha256`: 64 hex digits. */
  has(sha256: string): boolean {
    if (this.#wanted.write(sha256, 'hex') !== HASH_BYTES) return false
    return this.#find(this.#wanted, 0) !== EMPTY
  }

  #slot(bytes: Buffer, at: number): number {
    return bytes.readUInt32BE(at) & this.#mask
  }

  #insert(at: number): void {
    let slot = this.#slot(this.#list, at)
    while (this.#table[slot] !== EMPTY) slot = (slot + 1) & this.#mask
    this.#table[slot] = at
  }

  #find(bytes: Buffer, at: number): number {
    for (let slot = this.#slot(bytes, at); ; slot = (slot + 1) & this.#mask) {
      const found = this.#table[slot]!
      if (found === EMPTY) return EMPTY
      if (this.#list.compare(bytes, at, at + HASH_BYTES, found, found + HASH_BYTES) === 0) return found
    }
  }
}

/** The largest body that a chunk can be sent in: its bytes as they are, or a frame that did not get smaller. */
export const MOST_CHUNK_BODY = CHUNK_BYTES + 64 * 1024

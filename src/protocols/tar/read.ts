import { DecodeError } from '../../kit/errors.ts'
import { BLOCK_BYTES, decodeTarHeader, paddingOf, type TarEntry } from './header.ts'

/** What is in an archive, one after the other. The content of an entry is read to its end before the next one comes, by us if need be. */
export type TarItem = Readonly<{ entry: TarEntry; content: AsyncGenerator<Uint8Array> }>

/**
 * Takes an archive apart as its bytes come, in memory that does not depend on it. Throws `DecodeError` when it ends too early or is no
 * archive. What follows the end of the archive is not read.
 */
export async function* readTar(source: AsyncIterable<Uint8Array>): AsyncGenerator<TarItem> {
  const bytes = new Bytes(source)
  try {
    for (;;) {
      const entry = decodeTarHeader(await bytes.exactly(BLOCK_BYTES))
      if (!entry) return
      let left = entry.bytes
      const content = (async function* () {
        while (left > 0) {
          const piece = await bytes.some(left)
          left -= piece.length
          yield piece
        }
      })()
      yield { entry, content }
      while (left > 0) left -= (await bytes.some(left)).length
      await bytes.exactly(paddingOf(entry.bytes))
    }
  } finally {
    await bytes.close()
  }
}

/** Bytes of a stream by number, however they come. */
class Bytes {
  readonly #source: AsyncIterator<Uint8Array>
  #rest: Uint8Array = new Uint8Array()

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]()
  }

  /** At least one byte and at most so many. */
  async some(most: number): Promise<Uint8Array> {
    while (this.#rest.length === 0) {
      const { done, value } = await this.#source.next()
      if (done === true) throw new DecodeError('the archive ends too early')
      this.#rest = value
    }
    const piece = this.#rest.subarray(0, most)
    this.#rest = this.#rest.subarray(piece.length)
    return piece
  }

  async exactly(count: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(count)
    for (let at = 0; at < count; ) {
      const piece = await this.some(count - at)
      bytes.set(piece, at)
      at += piece.length
    }
    return bytes
  }

  async close(): Promise<void> {
    await this.#source.return?.()
  }
}

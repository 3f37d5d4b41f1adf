import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DecodeError } from '../../kit/errors.ts'
import { CHUNK_BYTES, type ChunkList, chunkCount, chunkLength, decodeChunkList, encodeChunkList } from './list.ts'

const hash = fc.stringMatching(/^[0-9a-f]{64}$/).filter((text) => !/^0+$/.test(text))
const lists = fc
  .array(fc.option(hash), { minLength: 1, maxLength: 8 })
  .chain((chunks) =>
    fc
      .integer({ min: (chunks.length - 1) * CHUNK_BYTES + 1, max: chunks.length * CHUNK_BYTES })
      .map((bytes): ChunkList => ({ bytes, chunks })),
  )

describe('a chunk list', () => {
  test('comes back as it was written', () => {
    fc.assert(
      fc.property(lists, (list) => {
        expect(decodeChunkList(encodeChunkList(list))).toEqual(list)
      }),
    )
  })

  test('knows sizes beyond 4 GiB', () => {
    const bytes = 5 * 2 ** 30 + 512
    const list = { bytes, chunks: Array.from({ length: chunkCount(bytes) }, () => null) }
    expect(decodeChunkList(encodeChunkList(list)).bytes).toBe(bytes)
    expect(chunkLength(list, list.chunks.length - 1)).toBe(512)
  })

  test('whatever else is read is refused with words, never with a fault', () => {
    fc.assert(
      fc.property(lists, fc.nat(200), fc.nat(255), (list, at, value) => {
        const bytes = encodeChunkList(list)
        bytes[at % bytes.length] = value
        try {
          decodeChunkList(bytes.subarray(0, value % 2 ? bytes.length : at))
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError)
        }
      }),
    )
  })
})

import { expect, test } from 'vitest'
import { DecodeError } from '../../src/kit/errors.ts'
import {
  CHUNK_HEADER_BYTES,
  type ChunkHeader,
  decodeChunkHeader,
  encodeChunkHeader,
} from '../../src/protocols/chunks/chunk-file.ts'
import { CHUNK_BYTES, type ChunkList, decodeChunkList, encodeChunkList } from '../../src/protocols/chunks/list.ts'
import { fuzzCount, fuzzSeed, Mutator } from './mutator.ts'

const hash = (digit: string) => digit.repeat(64)
const HEADERS: readonly ChunkHeader[] = [
  { encoding: 'identity', rawBytes: 1, payloadBytes: 1, crc: 0 },
  { encoding: 'identity', rawBytes: CHUNK_BYTES, payloadBytes: CHUNK_BYTES, crc: 0xffffffff },
  { encoding: 'zstd', rawBytes: CHUNK_BYTES, payloadBytes: 200, crc: 0x12345678 },
]
const LISTS: readonly ChunkList[] = [
  { bytes: 1, chunks: [hash('a')] },
  { bytes: 3 * CHUNK_BYTES, chunks: [hash('1'), null, hash('f')] },
  { bytes: 9 * CHUNK_BYTES + 512, chunks: Array.from({ length: 10 }, () => null) },
]

function decoded<T>(decode: () => T): T | undefined {
  try {
    return decode()
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}

test('the header of a chunk file: what is understood is within bounds and is just what would be written', () => {
  const mutator = new Mutator(fuzzSeed('chunk header'))
  const seeds = HEADERS.map((header) => encodeChunkHeader(header))
  for (const [i, seed] of seeds.entries())
    expect(decodeChunkHeader(seed, CHUNK_HEADER_BYTES + HEADERS[i]!.payloadBytes)).toEqual(HEADERS[i])
  for (let i = 0; i < fuzzCount(); i++) {
    const which = i % seeds.length
    const bytes = mutator.mutate(seeds[which]!)
    const fileBytes = CHUNK_HEADER_BYTES + HEADERS[which]!.payloadBytes
    const header = decoded(() => decodeChunkHeader(bytes, fileBytes))
    if (!header) continue
    expect(header.rawBytes).toBeLessThanOrEqual(CHUNK_BYTES)
    expect(CHUNK_HEADER_BYTES + header.payloadBytes).toBe(fileBytes)
    expect(Buffer.from(encodeChunkHeader(header)).equals(bytes.subarray(0, CHUNK_HEADER_BYTES))).toBe(true)
  }
})

test('chunk lists: what is understood is just what would be written, and takes no more memory than it has', () => {
  const mutator = new Mutator(fuzzSeed('chunk list'))
  const seeds = LISTS.map((list) => encodeChunkList(list))
  for (const [i, seed] of seeds.entries()) expect(decodeChunkList(seed)).toEqual(LISTS[i])
  for (let i = 0; i < fuzzCount(); i++) {
    const bytes = mutator.mutate(mutator.pick(seeds))
    const list = decoded(() => decodeChunkList(bytes))
    if (!list) continue
    expect(list.chunks.length * 32).toBeLessThan(bytes.length)
    expect(Buffer.from(encodeChunkList(list)).equals(bytes)).toBe(true)
  }
})

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CHUNK_BYTES, type ChunkList } from '../../protocols/chunks/list.ts'
import type { Found } from './compare.ts'
import { planFlash, TAIL_BYTES, toVerify } from './plan.ts'

const MIB = 1024 * 1024
const chunk = fc.constantFrom(null, 'a', 'b', 'c', 'd')
const situation = fc
  .array(fc.record({ wanted: chunk, found: fc.oneof(chunk, fc.constant(undefined)) }), { minLength: 1, maxLength: 200 })
  .chain((chunks) =>
    fc.record({
      chunks: fc.constant(chunks),
      short: fc.integer({ min: 0, max: CHUNK_BYTES / 512 - 1 }),
      more: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 40_000 })),
      holes: fc.constantFrom('zero' as const, 'discard' as const),
    }),
  )
  .map(({ chunks, short, more, holes }) => {
    const list: ChunkList = {
      bytes: chunks.length * CHUNK_BYTES - short * 512,
      chunks: chunks.map(({ wanted }) => wanted),
    }
    const found: Found[] = chunks.map((each) => each.found)
    return { list, found, holes, diskBytes: list.bytes + more * 512 }
  })

describe('the plan of a flash', () => {
  test('leads to the image, whatever was there, and touches only what differs and the edges', () => {
    fc.assert(
      fc.property(situation, ({ list, found, holes, diskBytes }) => {
        const plan = planFlash(list, found, { diskBytes, holes })
        const disk = [...found]
        const changed = new Set<number>()
        for (const { hash, indexes } of plan.writes)
          for (const index of indexes) {
            expect(changed.has(index)).toBe(false)
            changed.add(index)
            disk[index] = hash
          }
        for (const { offset, length } of [...plan.zeros, ...plan.discards])
          for (let at = offset; at < offset + length; at += CHUNK_BYTES) {
            expect(changed.has(at / CHUNK_BYTES)).toBe(false)
            changed.add(at / CHUNK_BYTES)
            disk[at / CHUNK_BYTES] = null
          }
        for (const index of changed) expect(found[index]).not.toBe(list.chunks[index])
        for (const index of plan.edges) {
          expect(changed.has(index)).toBe(false)
          disk[index] = list.chunks[index]
        }
        if (!plan.nothing) expect(disk).toEqual(list.chunks)
        const differ = list.chunks.some((hash, i) => found[i] !== hash && (hash !== null || holes === 'zero'))
        expect(plan.nothing).toBe(!differ)
      }),
    )
  })

  test('ends with whatever lies in the last MiB of the disk, then the first chunk', () => {
    fc.assert(
      fc.property(situation, ({ list, found, holes, diskBytes }) => {
        const { edges, tail } = planFlash(list, found, { diskBytes, holes })
        expect(edges.at(-1)).toBe(0)
        expect(tail.offset + tail.length).toBe(diskBytes)
        expect(tail.length).toBe(Math.min(diskBytes, TAIL_BYTES))
        for (let index = 1; index < list.chunks.length; index++) {
          const end = Math.min(list.bytes, (index + 1) * CHUNK_BYTES)
          expect(edges.includes(index)).toBe(end > tail.offset)
        }
      }),
    )
  })

  test('puts neighbouring holes together, within bounds', () => {
    const chunks: (string | null)[] = ['a', ...Array.from({ length: 100 }, () => null), 'b', 'c']
    const list = { bytes: chunks.length * CHUNK_BYTES - MIB, chunks }
    const plan = planFlash(list, [], { diskBytes: list.bytes + 2 * MIB, holes: 'zero' })
    expect(plan.zeros).toEqual([
      { offset: CHUNK_BYTES, length: 64 * CHUNK_BYTES },
      { offset: 65 * CHUNK_BYTES, length: 36 * CHUNK_BYTES },
    ])
  })

  test('refuses a disk that is too small', () => {
    expect(() => planFlash({ bytes: 1024, chunks: ['a'] }, [], { diskBytes: 512, holes: 'zero' })).toThrow(RangeError)
  })
})

describe('what is read back', () => {
  test('is everything of a few, or when all was asked for', () => {
    const many = Array.from({ length: 1000 }, (_, i) => i)
    expect(toVerify([5, 3, 1], 'sampled')).toEqual([1, 3, 5])
    expect(toVerify(many, 'full')).toEqual(many)
  })

  test('is spread over the disk and has both ends of it', () => {
    const sample = toVerify(
      Array.from({ length: 1000 }, (_, i) => i),
      'sampled',
    )
    expect(sample.length).toBeLessThan(75)
    expect([...sample.slice(0, 4), ...sample.slice(-4)]).toEqual([0, 1, 2, 3, 996, 997, 998, 999])
    for (let i = 1; i < sample.length; i++) expect(sample[i]! - sample[i - 1]!).toBeLessThanOrEqual(16)
  })
})

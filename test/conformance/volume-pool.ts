import { readFile } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { CHUNK_BYTES } from '../../src/protocols/chunks/list.ts'
import type { VolumePool } from '../../src/volumes/pool.ts'
import type { VolumeBase } from '../../src/volumes/volume.ts'
import { contentOf, MIB, noise, type PoolBed, readAll, TestImages } from './pool-bed.ts'

function same(found: Uint8Array, expected: Uint8Array): void {
  expect(Buffer.compare(found, expected)).toBe(0)
}

/** What every pool does. */
export function describeVolumePool(name: string, makeBed: () => Promise<PoolBed>): void {
  describe(`volumes in ${name}`, () => {
    let bed: PoolBed
    let pool: VolumePool
    let images: TestImages
    let base: VolumeBase
    const content = noise(10 * MIB + 512, 1)
    content.fill(0, 4 * MIB, 8 * MIB)

    beforeEach(async () => {
      images = new TestImages()
      base = await images.add(content)
      bed = await makeBed()
      pool = await bed.open(images)
    })
    afterEach(async () => {
      await pool.close()
      await bed.remove()
    })

    const make = (id: string, bytes = 16 * MIB, limitBytes: number | null = null) =>
      pool.create(id, { bytes, base, limitBytes })
    const write = async (id: string, at: number, bytes: Uint8Array) => {
      const device = await pool.open(id, { readOnly: false })
      await device.write([bytes], at)
      await device.close()
    }
    const extended = (bytes: number) => {
      const whole = Buffer.alloc(bytes)
      whole.set(content.subarray(0, Math.min(bytes, content.length)))
      return whole
    }

    test('a volume reads as its base, and as zeros behind it', async () => {
      await make('v_one')
      same(await contentOf(pool, 'v_one'), extended(16 * MIB))
      expect(await pool.list()).toEqual(['v_one'])
    })

    test('one without a base reads as zeros', async () => {
      await pool.create('v_empty', { bytes: MIB + 512, base: null, limitBytes: null })
      same(await contentOf(pool, 'v_empty'), Buffer.alloc(MIB + 512))
    })

    test('making the same one again changes nothing, another one of that name is refused', async () => {
      await make('v_one')
      await write('v_one', 0, noise(512, 7))
      await make('v_one')
      same((await contentOf(pool, 'v_one')).subarray(0, 512), noise(512, 7))
      await expect(make('v_one', 17 * MIB)).rejects.toMatchObject({ code: 'conflict' })
    })

    test('what is written is read, in parts and over the borders of blocks and chunks; others over the base do not see it', async () => {
      await make('v_one')
      await make('v_two')
      const expected = extended(16 * MIB)
      const device = await pool.open('v_one', { readOnly: false })
      expect(device).toMatchObject({ bytes: 16 * MIB, readOnly: false })
      let seed = 10
      for (const [at, bytes] of [
        [512, 512],
        [4096 * 3 - 512, 1024],
        [4 * MIB - 512, 1024],
        [8 * MIB - 8192, 70_144],
        [16 * MIB - 512, 512],
        [10 * MIB, 4096],
      ] as const) {
        const data = noise(bytes, seed++)
        const half = Math.floor(bytes / 2)
        await device.write([data.subarray(0, half), data.subarray(half)], at)
        expected.set(data, at)
      }
      same(await readAll(device), expected)
      await device.close()
      same(await contentOf(pool, 'v_one'), expected)
      same(await contentOf(pool, 'v_two'), extended(16 * MIB))
    })

    test('a range that is zeroed reads as zeros, not as what is below', async () => {
      await make('v_one')
      const expected = extended(16 * MIB)
      const device = await pool.open('v_one', { readOnly: false })
      await device.write([noise(MIB, 2)], MIB)
      expected.set(noise(MIB, 2), MIB)
      for (const [at, bytes] of [
        [MIB + 512, 100 * 512],
        [0, 4096],
        [3 * MIB, 6 * MIB],
        [15 * MIB + 512, MIB - 512],
      ] as const) {
        await device.zero(at, bytes)
        expected.fill(0, at, at + bytes)
      }
      same(await readAll(device), expected)
      await device.write([noise(512, 3)], 3 * MIB + 1024)
      expected.set(noise(512, 3), 3 * MIB + 1024)
      await device.close()
      same(await contentOf(pool, 'v_one'), expected)
    })

    test('zeros at the very end, within the last block, leave what is before them', async () => {
      await make('v_one', 2 * MIB + 3584)
      const device = await pool.open('v_one', { readOnly: false })
      await device.write([noise(3584, 2)], 2 * MIB)
      await device.zero(2 * MIB + 2560, 1024)
      const expected = Buffer.alloc(3584)
      expected.set(noise(2560, 2))
      const found = Buffer.alloc(3584)
      await device.read(found, 2 * MIB)
      same(found, expected)
      await device.close()
    })

    test('writes that overlap in time end as if one came after the other', async () => {
      await make('v_one')
      const device = await pool.open('v_one', { readOnly: false })
      await Promise.all(
        Array.from({ length: 64 }, async (_, i) => device.write([new Uint8Array(512).fill(i + 1)], i * 512 + 9 * MIB)),
      )
      const found = new Uint8Array(64 * 512)
      await device.read(found, 9 * MIB)
      for (let i = 0; i < 64; i++) expect(found[i * 512 + 7]).toBe(i + 1)
      await device.close()
    })

    test('one writer or many readers have it open', async () => {
      await make('v_one')
      await pool.snapshot('v_one', 's')
      const writer = await pool.open('v_one', { readOnly: false })
      await expect(pool.open('v_one', { readOnly: false })).rejects.toMatchObject({ code: 'in-use' })
      await expect(pool.open('v_one', { readOnly: true })).rejects.toMatchObject({ code: 'in-use' })
      const frozen = await pool.open('v_one', { readOnly: true, snapshot: 's' })
      await writer.close()
      const readers = [await pool.open('v_one', { readOnly: true }), await pool.open('v_one', { readOnly: true })]
      expect(readers[0]!.readOnly).toBe(true)
      await expect(pool.open('v_one', { readOnly: false })).rejects.toMatchObject({ code: 'in-use' })
      for (const device of readers) await device.close()
      await expect(pool.remove('v_one')).rejects.toMatchObject({ code: 'in-use' })
      await frozen.close()
      await pool.remove('v_one')
    })

    test('a snapshot holds what was answered before it, also while the volume is open', async () => {
      await make('v_one')
      const device = await pool.open('v_one', { readOnly: false })
      const before = extended(16 * MIB)
      await device.write([noise(8192, 4)], 4096)
      before.set(noise(8192, 4), 4096)
      await pool.snapshot('v_one', 'first')
      await device.write([noise(512, 5)], 4096 + 512)
      await device.zero(8 * MIB, MIB)
      same(await contentOf(pool, 'v_one', 'first'), before)
      const after = Buffer.from(before)
      after.set(noise(512, 5), 4096 + 512)
      after.fill(0, 8 * MIB, 9 * MIB)
      same(await readAll(device), after)
      await expect(pool.snapshot('v_one', 'first')).rejects.toMatchObject({ code: 'conflict' })
      await expect(pool.revert('v_one', 'first')).rejects.toMatchObject({ code: 'in-use' })
      await device.close()
      same(await contentOf(pool, 'v_one'), after)
      await expect(pool.open('v_one', { readOnly: true, snapshot: 'none' })).rejects.toMatchObject({
        code: 'not-found',
      })
    })

    test('where there is a path it leads to the content, now or at a snapshot', async () => {
      await make('v_one')
      await pool.snapshot('v_one', 's')
      await write('v_one', 0, noise(4096, 6))
      if (!pool.path) return
      const [now, then] = [await pool.path('v_one'), await pool.path('v_one', 's')]
      // A block device may be longer than the volume.
      same((await readFile(now)).subarray(0, 16 * MIB), await contentOf(pool, 'v_one'))
      same((await readFile(then)).subarray(0, 16 * MIB), extended(16 * MIB))
      await expect(pool.path('v_one', 'none')).rejects.toMatchObject({ code: 'not-found' })
    })

    test('going back to a snapshot and to the base keeps the snapshots', async () => {
      await make('v_one')
      await write('v_one', 0, noise(4096, 1))
      await pool.snapshot('v_one', 'a')
      const a = await contentOf(pool, 'v_one')
      await write('v_one', 2 * MIB, noise(MIB, 2))
      await pool.snapshot('v_one', 'b')
      const b = await contentOf(pool, 'v_one')
      await write('v_one', 512, noise(512, 3))
      await pool.revert('v_one', 'a')
      same(await contentOf(pool, 'v_one'), a)
      await write('v_one', 9 * MIB, noise(4096, 4))
      await pool.revert('v_one', 'b')
      same(await contentOf(pool, 'v_one'), b)
      await pool.revert('v_one', null)
      same(await contentOf(pool, 'v_one'), extended(16 * MIB))
      same(await contentOf(pool, 'v_one', 'a'), a)
      await pool.removeSnapshot('v_one', 'a')
      same(await contentOf(pool, 'v_one', 'b'), b)
      await expect(pool.revert('v_one', 'a')).rejects.toMatchObject({ code: 'not-found' })
      await expect(pool.removeSnapshot('v_one', 'a')).rejects.toMatchObject({ code: 'not-found' })
    })

    test('a clone has what the other had, and each goes on alone', async () => {
      await make('v_one')
      await write('v_one', 0, noise(4096, 1))
      await pool.snapshot('v_one', 's')
      const s = await contentOf(pool, 'v_one')
      const device = await pool.open('v_one', { readOnly: false })
      await device.write([noise(4096, 2)], MIB)
      const now = await readAll(device)
      await pool.clone('v_then', { id: 'v_one', snapshot: 's' })
      await pool.clone('v_now', { id: 'v_one', snapshot: null })
      await device.write([noise(4096, 3)], 0)
      await device.close()
      await write('v_now', 5 * MIB, noise(512, 4))
      now.set(noise(512, 4), 5 * MIB)
      same(await contentOf(pool, 'v_then'), s)
      same(await contentOf(pool, 'v_now'), now)
      await pool.remove('v_one')
      same(await contentOf(pool, 'v_then'), s)
      same(await contentOf(pool, 'v_now'), now)
      await expect(pool.clone('v_x', { id: 'v_one', snapshot: null })).rejects.toMatchObject({ code: 'not-found' })
      await expect(pool.clone('v_now', { id: 'v_then', snapshot: null })).rejects.toMatchObject({ code: 'conflict' })
    })

    test('growing reads as zeros, also after it was shrunk', async () => {
      await make('v_one', 12 * MIB)
      await write('v_one', 11 * MIB, noise(MIB, 1))
      const expected = await contentOf(pool, 'v_one')
      await pool.resize('v_one', 20 * MIB)
      same(await contentOf(pool, 'v_one'), Buffer.concat([expected, Buffer.alloc(8 * MIB)]))
      await pool.resize('v_one', 9 * MIB + 512)
      same(await contentOf(pool, 'v_one'), expected.subarray(0, 9 * MIB + 512))
      await pool.resize('v_one', 14 * MIB)
      same(
        await contentOf(pool, 'v_one'),
        Buffer.concat([expected.subarray(0, 9 * MIB + 512), Buffer.alloc(5 * MIB - 512)]),
      )
      const device = await pool.open('v_one', { readOnly: false })
      await expect(pool.resize('v_one', 15 * MIB)).rejects.toMatchObject({ code: 'in-use' })
      await device.close()
      await expect(pool.resize('v_none', 15 * MIB)).rejects.toMatchObject({ code: 'not-found' })
    })

    test('a volume smaller than its base grows with zeros', async () => {
      await make('v_one', 2 * MIB + 512)
      await pool.resize('v_one', 12 * MIB)
      const expected = Buffer.alloc(12 * MIB)
      expected.set(content.subarray(0, 2 * MIB + 512))
      same(await contentOf(pool, 'v_one'), expected)
    })

    test('publishing tells the chunks that differ, in order, and stores them', async () => {
      await make('v_one')
      const device = await pool.open('v_one', { readOnly: false })
      await device.write([noise(512, 21)], 0)
      await device.write([noise(512, 2)], 13 * MIB)
      await device.zero(4 * MIB, 512)
      const expected = await readAll(device)
      const done: number[] = []
      const published = await pool.publish('v_one', null, (bytes) => done.push(bytes))
      // The third chunk is longer than in the base.
      expect(published.map(({ index }) => index)).toEqual([0, 2, 3])
      for (const { index, sha256 } of published)
        same((await images.chunks.read(sha256!))!, expected.subarray(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES))
      expect(done.at(-1)).toBe(16 * MIB)
      expect(done).toEqual([...done].sort((a, b) => a - b))
      await device.zero(0, 4 * MIB)
      await device.close()
      await pool.snapshot('v_one', 's')
      const zeroed = await pool.publish('v_one', 's', () => {})
      expect(zeroed[0]).toEqual({ index: 0, sha256: null })
    })

    test('publishing an untouched volume stores nothing', async () => {
      await make('v_one', content.length)
      expect(await pool.publish('v_one', null, () => {})).toEqual([])
    })

    test('what was answered is there after a crash, flushed or not', async () => {
      await make('v_one')
      const expected = extended(16 * MIB)
      const device = await pool.open('v_one', { readOnly: false })
      await device.write([noise(4096, 1)], MIB)
      await device.flush()
      await device.write([noise(512, 2)], 2 * MIB + 512)
      await device.zero(0, 8192)
      await bed.abandon(pool)
      expected.set(noise(4096, 1), MIB)
      expected.set(noise(512, 2), 2 * MIB + 512)
      expected.fill(0, 0, 8192)
      pool = await bed.open(images)
      same(await contentOf(pool, 'v_one'), expected)
      await write('v_one', 12 * MIB, noise(512, 3))
      expected.set(noise(512, 3), 12 * MIB)
      same(await contentOf(pool, 'v_one'), expected)
    })

    test('a removed volume is gone, and removing it again is fine', async () => {
      await make('v_one')
      await write('v_one', 0, noise(512, 1))
      await pool.remove('v_one')
      await pool.remove('v_one')
      expect(await pool.list()).toEqual([])
      await expect(pool.open('v_one', { readOnly: true })).rejects.toMatchObject({ code: 'not-found' })
      await expect(pool.facts('v_one')).rejects.toMatchObject({ code: 'not-found' })
      await make('v_one')
      same(await contentOf(pool, 'v_one'), extended(16 * MIB))
    })

    test('ids and sizes that cannot be are refused', async () => {
      await expect(make('../out')).rejects.toMatchObject({ code: 'validation-failed' })
      await expect(make('v_one', 1000)).rejects.toMatchObject({ code: 'validation-failed' })
      await expect(make('v_one', 2 ** 60)).rejects.toMatchObject({ code: 'validation-failed' })
    })

    test('one that is larger than what keeps it can is refused; any other can be written to its end', async () => {
      for (const bytes of [8, 15, 40, 64].map((tib) => tib * 2 ** 40)) {
        const refusal = await pool.create('v_large', { bytes, base: null, limitBytes: null }).then(
          () => undefined,
          (error: { code?: string }) => error.code,
        )
        if (refusal === undefined) {
          await write('v_large', bytes - 512, noise(512, 3))
          await pool.remove('v_large')
        } else expect(refusal).toBe('validation-failed')
      }
      expect(await pool.list()).toEqual([])
      await make('v_one')
      const refusal = await pool.resize('v_one', 64 * 2 ** 40).then(
        () => undefined,
        (error: { code?: string }) => error.code,
      )
      if (refusal === undefined) await write('v_one', 64 * 2 ** 40 - 512, noise(512, 3))
      else same(await contentOf(pool, 'v_one'), extended(16 * MIB))
    })

    test('a base that is not here, or another one than it was, is refused', async () => {
      const unknown = { ...base, chunks: '0'.repeat(64) }
      const other = { ...base, bytes: base.bytes + 512 }
      for (const wrong of [unknown, other])
        await expect(pool.create('v_one', { bytes: 16 * MIB, base: wrong, limitBytes: null })).rejects.toMatchObject({
          code: 'corrupt',
        })
      expect(await pool.list()).toEqual([])
    })

    test('one with paths tells which volumes took more of their own than they may', async () => {
      // With blocks of zeros in its chunks.
      const sparse = noise(8 * MIB, 3).fill(0, 4096, 4 * MIB)
      sparse.fill(0, 5 * MIB, 8 * MIB - 512)
      const other = await images.add(sparse)
      const make = (id: string, limitBytes: number | null) =>
        pool.create(id, { bytes: 16 * MIB, base: other, limitBytes })
      await make('v_small', MIB)
      await make('v_large', 8 * MIB)
      await make('v_any', null)
      same((await contentOf(pool, 'v_any')).subarray(0, 8 * MIB), sparse)
      const ids = ['v_small', 'v_large', 'v_any', 'v_none']
      if (!pool.overLimit) return
      expect(await pool.overLimit(ids)).toEqual([])
      for (const id of ['v_small', 'v_large', 'v_any']) await write(id, 11 * MIB, noise(4 * MIB, 9))
      expect(await pool.overLimit(ids)).toEqual(['v_small'])
      await pool.limit('v_small', 8 * MIB)
      await pool.limit('v_large', MIB)
      expect(await pool.overLimit(ids)).toEqual(['v_large'])
      await pool.revert('v_large', null)
      expect(await pool.overLimit(ids)).toEqual([])
    })

    test('it tells what it takes', async () => {
      const { totalBytes, freeBytes, usedBytes } = await pool.usage()
      expect(totalBytes).toBeGreaterThan(0)
      expect(freeBytes).toBeGreaterThan(0)
      expect(usedBytes).toBeLessThanOrEqual(totalBytes)
      await make('v_one')
      await write('v_one', 0, noise(MIB, 1))
      const { ownBytes, dirtyBytes } = await pool.facts('v_one')
      expect(ownBytes).toBeGreaterThanOrEqual(MIB)
      expect(dirtyBytes).toBe(0)
    })
  })
}

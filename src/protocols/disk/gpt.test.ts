import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readGpt } from './describe.ts'
import {
  checkGpt,
  emptyGpt,
  type Gpt,
  type GptEntry,
  growLastPartition,
  layOutGpt,
  protectiveMbr,
  resizeGpt,
} from './gpt.ts'

const MIB = 1024 * 1024
const guid = fc.uuid().map((text) => text.toUpperCase())

/** Tables with up to eight partitions that do not overlap, on a disk of 64 MiB. */
const tables = fc
  .record({
    blockBytes: fc.constantFrom(512, 4096),
    diskGuid: guid,
    numbers: fc.uniqueArray(fc.integer({ min: 1, max: 128 }), { maxLength: 8 }),
    name: fc.string({ unit: 'grapheme', maxLength: 12 }).map((text) => text.replaceAll('\0', '')),
    type: guid.filter((text) => /[1-9A-F]/.test(text)),
    attributes: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((value) => value.toString(16).padStart(16, '0')),
  })
  .map(({ blockBytes, diskGuid, numbers, name, type, attributes }): Gpt => {
    const empty = emptyGpt(64 * MIB, { diskGuid, blockBytes })
    const blocks = MIB / blockBytes
    const entries = numbers
      .sort((a, b) => a - b)
      .map((number, i): GptEntry => {
        const firstLba = (1 + 7 * i) * blocks
        return { number, type, guid: diskGuid, firstLba, lastLba: firstLba + 5 * blocks - 1, attributes, name }
      })
    return { ...empty, entries }
  })

function written(gpt: Gpt, bytes: number, disk = new Uint8Array(bytes)): Uint8Array {
  for (const write of layOutGpt(gpt, bytes)) disk.set(write.bytes, write.offset)
  return disk
}
const reader = (disk: Uint8Array) => async (offset: number, length: number) => disk.subarray(offset, offset + length)

describe('GPT', () => {
  test('what is written is read back, from either copy', async () => {
    await fc.assert(
      fc.asyncProperty(tables, async (gpt) => {
        const disk = written(gpt, 64 * MIB)
        expect(await readGpt(reader(disk), disk.length)).toEqual(gpt)
        expect(checkGpt(gpt, disk.length)).toEqual([])
        disk.fill(0, 0, 16 * 4096)
        expect(await readGpt(reader(disk), disk.length)).toEqual(gpt)
      }),
      { numRuns: 30 },
    )
  })

  test('after every single write of a move to a larger disk a whole copy can be found', async () => {
    const gpt = fc.sample(tables, { numRuns: 1, seed: 7 })[0]!
    const disk = written(gpt, 64 * MIB, new Uint8Array(80 * MIB))
    const grown = growLastPartition(resizeGpt(gpt, disk.length))!.gpt
    for (const write of layOutGpt(grown, disk.length, disk.subarray(0, 512))) {
      disk.set(write.bytes, write.offset)
      expect([gpt.entries, grown.entries]).toContainEqual((await readGpt(reader(disk), disk.length))?.entries)
    }
    expect(await readGpt(reader(disk), disk.length)).toEqual(grown)
    expect(checkGpt(grown, disk.length)).toEqual([])
  })

  test('one flipped bit of the primary is noticed', async () => {
    const gpt = fc.sample(tables, { numRuns: 1, seed: 9 })[0]!
    for (let bit = 0; bit < 92 * 8; bit++) {
      const disk = written(gpt, 2 * MIB * 32)
      disk[gpt.blockBytes + (bit >> 3)]! ^= 1 << (bit & 7)
      expect((await readGpt(reader(disk), disk.length))?.diskGuid).toBe(gpt.diskGuid)
      if (bit > 64) bit += 13
    }
  })

  test('the last partition is the one that lies last, and it does not shrink', () => {
    const empty = emptyGpt(64 * MIB, { diskGuid: '00000000-0000-0000-0000-000000000001' })
    const entry = { type: empty.diskGuid, guid: empty.diskGuid, attributes: '0', name: '' }
    const late = { ...entry, number: 1, firstLba: 40_960, lastLba: 50_000 }
    const early = { ...entry, number: 2, firstLba: 2048, lastLba: 4095 }
    expect(growLastPartition({ ...empty, entries: [early, late] })?.entry).toMatchObject({
      number: 1,
      lastLba: 63 * 2048 - 1,
    })
    const full = { ...late, lastLba: empty.lastUsableLba }
    expect(growLastPartition({ ...empty, entries: [full] })).toBeUndefined()
    expect(growLastPartition(empty)).toBeUndefined()
    expect(() => resizeGpt({ ...empty, entries: [full] }, 32 * MIB)).toThrow(RangeError)
  })

  test('overlaps and what lies outside are told', () => {
    const empty = emptyGpt(64 * MIB, { diskGuid: '00000000-0000-0000-0000-000000000001' })
    const entry = { type: empty.diskGuid, guid: empty.diskGuid, attributes: '0', name: '' }
    const entries = [
      { ...entry, number: 1, firstLba: 34, lastLba: 100 },
      { ...entry, number: 2, firstLba: 100, lastLba: 200 },
      { ...entry, number: 3, firstLba: 300, lastLba: 10_000_000 },
    ]
    expect(checkGpt({ ...empty, entries }, 64 * MIB)).toEqual([
      'partitions 1 and 2 overlap',
      'partition 3 lies outside the usable blocks',
    ])
  })

  test('the protective MBR keeps boot code, and a hybrid one is left alone', () => {
    const old = new Uint8Array(512).fill(0x90, 0, 440)
    const made = protectiveMbr(9999, old)
    expect([...made.subarray(0, 440)]).toEqual([...old.subarray(0, 440)])
    expect([...made.subarray(446, 462)]).toEqual([0, 0, 2, 0, 0xee, 0xff, 0xff, 0xff, 1, 0, 0, 0, 0x0f, 0x27, 0, 0])
    made[466] = 0x83
    expect(protectiveMbr(20_000, made)).toEqual(made)
  })
})

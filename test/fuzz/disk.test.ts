import { expect, test } from 'vitest'
import { describeDisk } from '../../src/protocols/disk/describe.ts'
import { DISK_SAMPLES } from '../fakes/disk-samples.ts'
import { fuzzCount, fuzzSeed, Mutator } from './mutator.ts'

/** Where the samples keep what is parsed: changes elsewhere would find nothing. */
function interesting(bytes: Uint8Array): number[] {
  const blocks: number[] = []
  for (let block = 0; block < bytes.length; block += 64)
    if (bytes.subarray(block, block + 64).some((byte) => byte !== 0)) blocks.push(block)
  return blocks
}

test('damaged disks: described within bounds, nothing read outside, nothing thrown', async () => {
  const mutator = new Mutator(fuzzSeed('disks'))
  const samples = DISK_SAMPLES.map(([, bytes]) => ({ bytes: bytes.slice(), blocks: interesting(bytes) }))
  let tables = 0
  for (let i = 0; i < fuzzCount() / 4; i++) {
    const { bytes, blocks } = mutator.pick(samples)
    // A disk that ends early has its signatures cut, and another end.
    const size = mutator.below(4) === 0 ? mutator.below(bytes.length) : bytes.length
    const undo: [number, number][] = []
    for (let change = mutator.below(6); change > 0; change--) {
      const at = mutator.pick(blocks) + mutator.below(64)
      undo.push([at, bytes[at]!])
      bytes[at] = mutator.below(2) === 0 ? mutator.pick([0, 1, 0x7f, 0x80, 0xff]) : bytes[at]! ^ (1 << mutator.below(8))
    }
    let asked = 0
    const content = await describeDisk(async (offset, length) => {
      expect(offset >= 0 && length >= 0 && offset + length <= size).toBe(true)
      asked += length
      return bytes.subarray(offset, offset + length)
    }, size)
    expect(asked).toBeLessThan(130 * 512 * 1024)
    expect(content.partitions.length).toBeLessThanOrEqual(128)
    for (const { label, uuid } of [content.filesystem, ...content.partitions.map((p) => p.filesystem)].filter(
      (f) => f !== null,
    )) {
      expect((label ?? '').length).toBeLessThanOrEqual(200)
      expect((uuid ?? '').length).toBeLessThanOrEqual(200)
    }
    for (const { number, startBytes, bytes: length } of content.partitions) {
      expect(number >= 1 && number <= 128).toBe(true)
      expect(Number.isSafeInteger(startBytes) && Number.isSafeInteger(length) && length > 0).toBe(true)
    }
    if (content.table) tables++
    for (const [at, byte] of undo.reverse()) bytes[at] = byte
  }
  expect(tables).toBeGreaterThan(0)
})

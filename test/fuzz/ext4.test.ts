import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { DecodeError } from '../../src/kit/errors.ts'
import { Ext4 } from '../../src/protocols/ext4/filesystem.ts'
import { fuzzCount, fuzzSeed, Mutator } from './mutator.ts'

/** What a guest may have written into its filesystem. Damage goes where it is read: superblock, descriptors, inodes, directories. */
const SAMPLES = ['plain', 'checked'].map(
  (name) => new Uint8Array(gunzipSync(readFileSync(`test/captures/ext4-${name}.img.gz`))),
)
const PART = 512

test('a damaged filesystem is understood or refused: reads stay within it and are bounded, writes are whole blocks of it', async () => {
  const mutator = new Mutator(fuzzSeed('ext4'))
  for (let i = 0; i < fuzzCount(); i++) {
    const bytes = new Uint8Array(SAMPLES[i % SAMPLES.length]!)
    for (let damage = 1 + mutator.below(3); damage > 0; damage--) {
      // The metadata of these samples lies in their first 64 KiB.
      const at = 1024 + mutator.below(63) * 1024 + mutator.below(2) * PART
      const mutated = mutator.mutate(bytes.slice(at, at + PART)).subarray(0, PART)
      bytes.set(mutated, at)
    }
    let reads = 0
    const read = async (at: number, length: number) => {
      reads++
      if (at < 0 || length < 0 || at + length > bytes.length) throw new Error(`read ${length} at ${at}`)
      return bytes.slice(at, at + length)
    }
    try {
      const ext4 = await Ext4.open(read, bytes.length)
      const file = await ext4?.find(['etc', 'shadow'])
      if (!ext4 || !file) continue
      const content = await ext4.content(file)
      expect(content.length).toBe(file.size)
      const writes = await ext4.replace(file, content.slice(0, Math.max(1, content.length)), 1)
      for (const { offset, bytes: block } of writes ?? []) {
        expect(offset % ext4.superblock.blockBytes).toBe(0)
        expect(block.length).toBe(ext4.superblock.blockBytes)
        expect(offset).toBeGreaterThanOrEqual(0)
        expect(offset + block.length).toBeLessThanOrEqual(bytes.length)
      }
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
    } finally {
      expect(reads).toBeLessThan(40_000)
    }
  }
})

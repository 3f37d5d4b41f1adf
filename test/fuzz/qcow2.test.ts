import { promisify } from 'node:util'
import { deflateRawSync, inflateRaw, zstdCompressSync, zstdDecompress } from 'node:zlib'
import { expect, test } from 'vitest'
import { DecodeError } from '../../src/kit/errors.ts'
import { type Decompress, openQcow2, type Source } from '../../src/protocols/qcow2/read.ts'
import { fuzzCount, fuzzSeed, Mutator } from './mutator.ts'

/** Processor time that no input may cost more than, whatever it says; time on the clock would be that of a busy machine. */
const MOST_MICROSECONDS = 1_000_000
/** An input that means 64 TiB is fine; reading all of them is not what is tried here. */
const READ_BYTES = 65_536
const CLUSTER = 512

const decompress: Decompress = {
  deflate: (packed, most) => promisify(inflateRaw)(packed, { maxOutputLength: most }),
  zstd: (packed, most) => promisify(zstdDecompress)(packed, { maxOutputLength: most }),
}

/** A small disk with clusters of every kind, so that damage reaches deep. */
function seed(version: 2 | 3, compression: 0 | 1): Uint8Array {
  const file = Buffer.alloc(5 * CLUSTER)
  file.writeUInt32BE(0x514649fb, 0)
  file.writeUInt32BE(version, 4)
  file.writeUInt32BE(9, 20)
  file.writeBigUInt64BE(60_000n, 24)
  file.writeUInt32BE(2, 36)
  file.writeBigUInt64BE(BigInt(CLUSTER), 40)
  if (version === 3) {
    file.writeUInt32BE(compression === 1 ? 8 : 0, 76)
    file.writeUInt32BE(4, 96)
    file.writeUInt32BE(112, 100)
    file.writeUInt8(compression, 104)
  }
  file.writeUInt32BE(0x6803f857, version === 3 ? 112 : 72)
  file.writeUInt32BE(48, version === 3 ? 116 : 76)
  const copied = 1n << 63n
  file.writeBigUInt64BE(copied | BigInt(2 * CLUSTER), CLUSTER)
  file.writeBigUInt64BE(copied | BigInt(3 * CLUSTER), CLUSTER + 8)
  const entries = [
    copied | BigInt(4 * CLUSTER),
    0n,
    (1n << 62n) | BigInt(5 * CLUSTER),
    (1n << 62n) | BigInt(6 * CLUSTER),
  ]
  for (const [i, entry] of entries.entries()) {
    file.writeBigUInt64BE(entry, 2 * CLUSTER + i * 8)
    file.writeBigUInt64BE(entry | (version === 3 ? 1n : 0n), 3 * CLUSTER + i * 8)
  }
  file.fill(0xa5, 4 * CLUSTER)
  const raw = Buffer.alloc(CLUSTER, 'Reveille ')
  const packed = compression === 1 ? zstdCompressSync(raw) : deflateRawSync(raw, { windowBits: 12 })
  const sector = Buffer.alloc(CLUSTER)
  sector.set(packed)
  return Buffer.concat([file, sector, packed])
}

function sourceOf(bytes: Uint8Array): Source {
  return {
    bytes: bytes.length,
    async read(offset, length) {
      // What the reader promises: it never asks for what is not there.
      if (!(offset >= 0 && length >= 0 && offset + length <= bytes.length))
        throw new Error(`asked for ${length} bytes at ${offset} of ${bytes.length}`)
      return bytes.slice(offset, offset + length)
    },
  }
}

/** A damaged header opens seldom; damage to the tables behind it is what is worth most. */
function damaged(whole: Uint8Array, mutator: Mutator): Uint8Array {
  if (mutator.below(2) === 0) return mutator.mutate(whole)
  const bytes = whole.slice()
  for (let i = 1 + mutator.below(4); i > 0; i--) {
    const table = mutator.pick([CLUSTER, 2 * CLUSTER, 3 * CLUSTER])
    bytes[table + mutator.below(32)] = mutator.pick([0, 1, 2, 0x40, 0x80, 0xc0, 0xff, mutator.below(256)])
  }
  return bytes
}

test('qcow2: whatever a file says, it is read within its bounds or refused', async () => {
  const mutator = new Mutator(fuzzSeed('qcow2'))
  const seeds = [seed(2, 0), seed(3, 0), seed(3, 1)]
  let opened = 0
  let refused = 0
  for (let i = 0; i < fuzzCount(); i++) {
    const input = damaged(mutator.pick(seeds), mutator)
    const began = process.threadCpuUsage()
    try {
      const disk = await openQcow2(sourceOf(input), decompress)
      opened++
      const length = Math.min(disk.bytes, READ_BYTES)
      const zero = await disk.isZero(0, Math.min(length, disk.clusterBytes))
      const read = await disk.read(0, length)
      expect(read.length).toBe(length)
      if (zero) expect(read.subarray(0, disk.clusterBytes).every((byte) => byte === 0)).toBe(true)
      const last = Math.min(length, 1000)
      expect((await disk.read(disk.bytes - last, last)).length).toBe(last)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      refused++
    }
    expect(process.threadCpuUsage(began).user).toBeLessThan(MOST_MICROSECONDS)
  }
  expect(opened).toBeGreaterThan(0)
  expect(refused).toBeGreaterThan(0)
})

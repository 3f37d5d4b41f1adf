import { promisify } from 'node:util'
import { deflateRawSync, inflateRaw, zstdCompressSync, zstdDecompress } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { DecodeError } from '../../kit/errors.ts'
import { looksLikeQcow2 } from './header.ts'
import { type Decompress, openQcow2, type Source } from './read.ts'

const CLUSTER = 512
/** An entry that points at this place of the file; bit 63 says that nothing else does. */
const at = (offset: number) => (1n << 63n) | BigInt(offset)
const decompress: Decompress = {
  deflate: (packed, most) => promisify(inflateRaw)(packed, { maxOutputLength: most }),
  zstd: (packed, most) => promisify(zstdDecompress)(packed, { maxOutputLength: most }),
}

function sourceOf(bytes: Uint8Array): Source & { reads: number } {
  return {
    bytes: bytes.length,
    reads: 0,
    async read(offset, length) {
      if (offset + length > bytes.length) throw new RangeError('read past the end')
      this.reads++
      return bytes.slice(offset, offset + length)
    },
  }
}
const open = (bytes: Uint8Array) => openQcow2(sourceOf(bytes), decompress)

type Change = Partial<
  Record<
    | 'version'
    | 'backing'
    | 'clusterBits'
    | 'bytes'
    | 'crypt'
    | 'l1Entries'
    | 'l1Offset'
    | 'incompatible'
    | 'headerBytes'
    | 'compression',
    number
  >
>

/** Clusters of 512 bytes: header, L1 table, one L2 table (64 entries, 32 KiB of disk), data from cluster 3 on. */
function image(change: Change, l2: readonly (number | bigint)[], ...data: Uint8Array[]): Uint8Array {
  const file = Buffer.alloc(CLUSTER * 3)
  file.writeUInt32BE(0x514649fb, 0)
  file.writeUInt32BE(change.version ?? 3, 4)
  file.writeBigUInt64BE(BigInt(change.backing ?? 0), 8)
  file.writeUInt32BE(change.clusterBits ?? 9, 20)
  file.writeBigUInt64BE(BigInt(change.bytes ?? 40_000), 24)
  file.writeUInt32BE(change.crypt ?? 0, 32)
  file.writeUInt32BE(change.l1Entries ?? 2, 36)
  file.writeBigUInt64BE(BigInt(change.l1Offset ?? CLUSTER), 40)
  if ((change.version ?? 3) === 3) {
    file.writeBigUInt64BE(BigInt(change.incompatible ?? 0), 72)
    file.writeUInt32BE(4, 96)
    file.writeUInt32BE(change.headerBytes ?? 112, 100)
    file.writeUInt8(change.compression ?? 0, 104)
  }
  file.writeBigUInt64BE(at(2 * CLUSTER), CLUSTER)
  for (const [i, entry] of l2.entries()) file.writeBigUInt64BE(BigInt(entry), 2 * CLUSTER + i * 8)
  return Buffer.concat([file, ...data])
}
const cluster = (byte: number) => new Uint8Array(CLUSTER).fill(byte)
const compressedAt = (offset: number, sectors: number) => (1n << 62n) | BigInt(offset) | (BigInt(sectors - 1) << 61n)

describe('a disk', () => {
  const file = image(
    {},
    [at(3 * CLUSTER), 0, at(5 * CLUSTER), at(6 * CLUSTER), at(4 * CLUSTER + 1)],
    cluster(1),
    cluster(2),
    cluster(3),
    cluster(4),
  )

  test('is read at any place, with zeros where nothing was written', async () => {
    const disk = await open(file)
    expect(disk).toMatchObject({ bytes: 40_000, clusterBytes: 512 })
    const whole = Buffer.concat([cluster(1), cluster(0), cluster(3), cluster(4), new Uint8Array(40_000 - 4 * CLUSTER)])
    expect(Buffer.compare(await disk.read(0, 40_000), whole)).toBe(0)
    for (const [offset, length] of [
      [0, 0],
      [511, 2],
      [500, 1100],
      [1023, 1],
      [1024, 1024],
      [39_999, 1],
      [32_767, 2],
      [40_000, 0],
    ] as const)
      expect(Buffer.compare(await disk.read(offset, length), whole.subarray(offset, offset + length))).toBe(0)
    await expect(disk.read(39_999, 2)).rejects.toThrow(RangeError)
    await expect(disk.read(-1, 2)).rejects.toThrow(RangeError)
  })

  test('tells which parts are zeros without reading them', async () => {
    const disk = await open(file)
    expect(await disk.isZero(512, 512)).toBe(true)
    expect(await disk.isZero(512, 513)).toBe(false)
    expect(await disk.isZero(2048, 40_000 - 2048)).toBe(true)
    expect(await disk.isZero(32_768, 1)).toBe(true)
  })

  test('is read in as few pieces as it lies in', async () => {
    const source = sourceOf(file)
    const disk = await openQcow2(source, decompress)
    await disk.read(1024, 1024)
    // Header, L1 table, L2 table, and two clusters that follow each other.
    expect(source.reads).toBe(4)
    await disk.read(1024, 1024)
    expect(source.reads).toBe(5)
  })

  test('may end before the last cluster of the file does', async () => {
    const disk = await open(file.subarray(0, file.length - 500))
    expect(
      Buffer.compare(await disk.read(1536, 512), Buffer.concat([cluster(4).subarray(0, 12), Buffer.alloc(500)])),
    ).toBe(0)
  })

  test('of version 2 has no zero bit', async () => {
    const disk = await open(image({ version: 2 }, [at(3 * CLUSTER), at(3 * CLUSTER + 1)], cluster(7)))
    expect((await disk.read(0, 1))[0]).toBe(7)
    await expect(disk.read(512, 1)).rejects.toThrow('reserved bits')
  })
})

describe('compressed clusters', () => {
  const raw = Buffer.alloc(CLUSTER, 'Reveille ')
  const noise = Buffer.alloc(100, 0xa5)

  test('begin and end anywhere', async () => {
    const packed = deflateRawSync(raw, { windowBits: 12 })
    const file = image({}, [compressedAt(3 * CLUSTER + 100, 1)], noise, packed, noise)
    expect(Buffer.compare(await (await open(file)).read(0, CLUSTER), raw)).toBe(0)
    expect((await (await open(file)).read(9, 8)).toString()).toBe('82,101,118,101,105,108,108,101')
  })

  test('are zstd where the header says so, whatever follows the frame', async () => {
    for (const checksum of [0, 1]) {
      const packed = zstdCompressSync(raw, { params: { 201: checksum } })
      const file = image(
        { incompatible: 8, compression: 1 },
        [compressedAt(3 * CLUSTER + 100, 2)],
        noise,
        packed,
        noise,
      )
      expect(Buffer.compare(await (await open(file)).read(0, CLUSTER), raw)).toBe(0)
    }
  })

  test('that unpack to more or less than a cluster, or to nothing, are refused', async () => {
    for (const packed of [
      deflateRawSync(Buffer.alloc(CLUSTER + 1)),
      deflateRawSync(Buffer.alloc(CLUSTER - 1)),
      deflateRawSync(raw).subarray(0, 5),
      noise,
    ]) {
      const disk = await open(image({}, [compressedAt(3 * CLUSTER, 1)], packed))
      await expect(disk.read(0, 1)).rejects.toThrow(DecodeError)
    }
  })
})

describe('a file is refused that', () => {
  const cases: [string, Change, RegExp][] = [
    ['has an unknown version', { version: 4 }, /version 4/],
    ['has a backing file', { backing: 300 }, /backing file/],
    ['has tiny clusters', { clusterBits: 8 }, /2\^8/],
    ['has huge clusters', { clusterBits: 22 }, /2\^22/],
    ['is empty', { bytes: 0 }, /0 bytes/],
    ['is larger than any disk', { bytes: 2 ** 46 + 1 }, /64 TiB/],
    ['is encrypted', { crypt: 2 }, /encrypted/],
    ['has a short L1 table', { l1Entries: 1 }, /too short/],
    ['has its L1 table beside a cluster', { l1Offset: 513 }, /L1 table/],
    ['has its L1 table behind its end', { l1Offset: 2 ** 30 }, /behind the end/],
    ['needs a huge L1 table', { bytes: 2 ** 46, l1Entries: 2 ** 31 }, /L1 table would have/],
    ['was not closed properly', { incompatible: 1 }, /not closed/],
    ['is corrupt', { incompatible: 2 }, /corrupt/],
    ['has its data elsewhere', { incompatible: 4 }, /another file/],
    ['has subclusters', { incompatible: 16 }, /subclusters/],
    ['needs what is not known', { incompatible: 32 }, /not known/],
    ['needs what is far from known', { incompatible: 2 ** 40 }, /not known/],
    ['has an unknown compression', { incompatible: 8, compression: 2 }, /type 2/],
    ['contradicts itself about compression', { compression: 1 }, /contradicts/],
    ['has a header of odd length', { headerBytes: 105 }, /header of 105/],
  ]
  test.each(cases)('%s', async (_, change, message) => {
    await expect(open(image(change, []))).rejects.toThrow(message)
    await expect(open(image(change, []))).rejects.toThrow(DecodeError)
  })

  test('has an extension that points elsewhere', async () => {
    for (const type of [0xe2792aca, 0x0537be77, 0x44415441]) {
      const file = Buffer.from(image({}, []))
      file.writeUInt32BE(0x6803f857, 112)
      file.writeUInt32BE(3, 116)
      file.writeUInt32BE(type, 128)
      await expect(open(file)).rejects.toThrow(DecodeError)
      file.writeUInt32BE(0, 128)
      expect((await open(file)).bytes).toBe(40_000)
    }
  })

  test('names one L2 table twice', async () => {
    const file = Buffer.from(image({}, []))
    file.writeBigUInt64BE(BigInt(2 * CLUSTER), CLUSTER + 8)
    await expect(open(file)).rejects.toThrow('the same L2 table')
  })

  test('points behind its end, or beside a cluster', async () => {
    const behind = await open(image({}, [at(9 * CLUSTER)]))
    await expect(behind.read(0, 1)).rejects.toThrow('behind the end')
    const beside = await open(image({}, [at(3 * CLUSTER) + 2n, at(3 * CLUSTER) | (1n << 56n)], cluster(1)))
    await expect(beside.read(0, 1)).rejects.toThrow('reserved')
    await expect(beside.read(512, 1)).rejects.toThrow('reserved')
    const packed = await open(image({}, [compressedAt(2 ** 40, 1)]))
    await expect(packed.read(0, 1)).rejects.toThrow('behind the end')
  })

  test('ends in its header', async () => {
    const file = image({}, [])
    for (let length = 0; length < 112; length++)
      await expect(open(file.subarray(0, length))).rejects.toThrow(DecodeError)
  })
})

test('a qcow2 file is known by its first bytes', () => {
  expect(looksLikeQcow2(image({}, []))).toBe(true)
  expect(looksLikeQcow2(new Uint8Array(4))).toBe(false)
  expect(looksLikeQcow2(new Uint8Array(2))).toBe(false)
})

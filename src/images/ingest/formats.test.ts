import { randomBytes } from 'node:crypto'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { unpackStream } from './formats.ts'

async function* pieces(bytes: Uint8Array, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}
async function unpacked(format: 'gz' | 'zst', packed: Uint8Array, size = 1000): Promise<Buffer> {
  const read: Uint8Array[] = []
  for await (const piece of unpackStream(format, pieces(packed, size))) read.push(piece)
  return Buffer.concat(read)
}

describe.each([
  ['gz', (bytes: Uint8Array) => gzipSync(bytes)],
  ['zst', (bytes: Uint8Array) => zstdCompressSync(bytes)],
] as const)('%s', (format, pack) => {
  const parts = [Buffer.alloc(300_000, 'text '), randomBytes(200_000), Buffer.from('end')]
  const packed = Buffer.concat(parts.map(pack))

  test('of several members or frames is unpacked to its end', async () => {
    const whole = Buffer.concat(parts)
    expect((await unpacked(format, packed)).equals(whole)).toBe(true)
    expect((await unpacked(format, packed, packed.length)).equals(whole)).toBe(true)
  })

  test('that is cut off or damaged is refused', async () => {
    for (const bad of [
      packed.subarray(0, -2),
      packed.subarray(0, 100_000),
      Buffer.concat([packed.subarray(0, 9), packed]),
    ])
      await expect(unpacked(format, bad)).rejects.toMatchObject({ code: 'validation-failed' })
  })
})

import { createHash, randomBytes } from 'node:crypto'
import { zstdCompressSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { CHUNK_BYTES } from '../protocols/chunks/list.ts'
import { diskBuffer } from './disk/buffer.ts'
import { contentOf, free, unpackChunk } from './threads.ts'

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

describe('what lies in memory', () => {
  test('is zeros only when every byte is', async () => {
    for (const length of [512, 16_384, 70_000, CHUNK_BYTES]) {
      const bytes = diskBuffer(CHUNK_BYTES).subarray(0, length)
      expect(await contentOf(bytes)).toBeNull()
      for (const at of [0, Math.floor(length / 2), length - 1]) {
        bytes.fill(0)
        bytes[at] = 1
        expect(await contentOf(bytes), `${at} of ${length}`).toBe(sha256(bytes))
      }
    }
  })

  test('is told of many at once, each its own', async () => {
    const all = Array.from({ length: 20 }, (_, i) => diskBuffer(65_536).fill(i + 1))
    expect(await Promise.all(all.map(contentOf))).toEqual(all.map(sha256))
  })
})

describe('a chunk that came', () => {
  test('is unpacked and hashed, from a frame or as it is, whole or as a part of other memory', async () => {
    for (const length of [1, 5000, CHUNK_BYTES]) {
      const raw = randomBytes(length)
      const expected = { raw: new Uint8Array(raw), sha256: sha256(raw) }
      expect(await unpackChunk(zstdCompressSync(raw), 'zstd')).toEqual(expected)
      const copy = Buffer.concat([Buffer.from('before'), raw])
      expect(await unpackChunk(copy.subarray(6), 'identity')).toEqual(expected)
    }
  })

  test('is refused when it is no whole frame or holds more than a chunk', async () => {
    const frame = zstdCompressSync(randomBytes(50_000))
    await expect(unpackChunk(frame.subarray(0, 40_000), 'zstd')).rejects.toThrow()
    await expect(unpackChunk(randomBytes(1000), 'zstd')).rejects.toThrow()
    await expect(unpackChunk(zstdCompressSync(Buffer.alloc(CHUNK_BYTES + 1)), 'zstd')).rejects.toThrow()
    // The thread goes on.
    expect((await unpackChunk(zstdCompressSync(Buffer.from('x')), 'zstd')).raw).toEqual(new Uint8Array([120]))
  })

  test('gives its memory back at once', () => {
    const chunk = new Uint8Array(CHUNK_BYTES)
    free(chunk)
    expect(chunk.buffer.byteLength).toBe(0)
  })
})

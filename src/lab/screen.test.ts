import { crc32, inflateSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { pngFromPpm } from './screen.ts'

describe('pngFromPpm', () => {
  const pixels = Uint8Array.from({ length: 3 * 2 * 3 }, (_, i) => i * 7)
  const ppm = Buffer.concat([Buffer.from('P6\n3 2\n255\n'), pixels])

  test('writes chunks with right lengths and sums, and every pixel', () => {
    const png = Buffer.from(pngFromPpm(ppm))
    expect(png.subarray(1, 4).toString()).toBe('PNG')
    const chunks = new Map<string, Buffer>()
    for (let at = 8; at < png.length; ) {
      const length = png.readUInt32BE(at)
      const body = png.subarray(at + 4, at + 8 + length)
      expect(png.readUInt32BE(at + 8 + length)).toBe(crc32(body))
      chunks.set(body.subarray(0, 4).toString(), body.subarray(4))
      at += 12 + length
    }
    expect([...chunks.keys()]).toEqual(['IHDR', 'IDAT', 'IEND'])
    expect(chunks.get('IHDR')?.readUInt32BE(0)).toBe(3)
    expect(chunks.get('IHDR')?.readUInt32BE(4)).toBe(2)
    const lines = inflateSync(chunks.get('IDAT')!)
    expect([...lines]).toEqual([0, ...pixels.subarray(0, 9), 0, ...pixels.subarray(9)])
  })

  test.each([
    ['another format', Buffer.from('P5\n3 2\n255\n')],
    ['a picture cut short', ppm.subarray(0, ppm.length - 1)],
  ])('refuses %s', (_, bytes) => expect(() => pngFromPpm(bytes)).toThrow(/picture/))
})

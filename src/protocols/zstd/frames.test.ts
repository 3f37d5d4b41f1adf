import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DecodeError } from '../../kit/errors.ts'
import { ZstdFrames, zstdFrameLength } from './frames.ts'

const frame = (text: string | Buffer, checksum = 0) =>
  zstdCompressSync(text, { params: { [constants.ZSTD_c_checksumFlag]: checksum } })
const SKIPPABLE = Buffer.from([0x5a, 0x2a, 0x4d, 0x18, 5, 0, 0, 0, 1, 2, 3, 4, 5])
const EMPTY_SKIPPABLE = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0])

/** Everything unpacked, frame by frame, with the stream cut at these places. */
function unpacked(stream: Buffer, cuts: readonly number[] = []): string {
  const frames = new ZstdFrames()
  const ends = [...cuts, stream.length].sort((a, b) => a - b)
  let text = ''
  let parts: Uint8Array[] = []
  for (const [i, end] of ends.entries())
    for (const { bytes, last } of frames.feed(stream.subarray(ends[i - 1] ?? 0, end))) {
      parts.push(bytes)
      if (!last) continue
      text += zstdDecompressSync(Buffer.concat(parts)).toString('latin1')
      parts = []
    }
  frames.end()
  expect(parts).toEqual([])
  return text
}

describe('frames of zstd', () => {
  const large = Buffer.alloc(300_000, 'Reveille wakes bare metal. ')
  const stream = Buffer.concat([frame('one'), SKIPPABLE, frame(large, 1), EMPTY_SKIPPABLE, frame(''), frame('end', 1)])

  test('are told apart however the stream is cut', () => {
    const whole = `one${large.toString('latin1')}end`
    expect(unpacked(stream)).toBe(whole)
    expect(
      unpacked(
        stream,
        Array.from({ length: stream.length }, (_, i) => i),
      ),
    ).toBe(whole)
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: stream.length }), { maxLength: 20 }), (cuts) => {
        expect(unpacked(stream, cuts)).toBe(whole)
      }),
    )
    expect(unpacked(Buffer.alloc(0))).toBe('')
  })

  test('that are cut off anywhere are refused', () => {
    const ends = new Set([0])
    let at = 0
    for (const part of [frame('one'), SKIPPABLE, frame('two', 1)]) {
      at += part.length
      ends.add(at)
    }
    const all = Buffer.concat([frame('one'), SKIPPABLE, frame('two', 1)])
    for (let length = 0; length <= all.length; length++) {
      const frames = new ZstdFrames()
      for (const _ of frames.feed(all.subarray(0, length)));
      if (ends.has(length)) frames.end()
      else expect(() => frames.end()).toThrow('cut off')
    }
  })

  test('are measured, whatever follows', () => {
    for (const checksum of [0, 1]) {
      const one = frame(large, checksum)
      expect(zstdFrameLength(Buffer.concat([one, Buffer.alloc(40, 0xa5)]))).toBe(one.length)
      expect(() => zstdFrameLength(one.subarray(0, -1))).toThrow(DecodeError)
    }
    expect(() => zstdFrameLength(Buffer.from('no zstd at all'))).toThrow('not zstd')
    expect(() => zstdFrameLength(Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x20, 1, 7, 0, 0]))).toThrow('unknown type')
  })
})

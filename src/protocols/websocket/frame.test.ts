import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DecodeError } from '../../kit/errors.ts'
import { decodeServerFrame, encodeClientFrame, OPCODE, readClose } from './frame.ts'

/** What a server would send: the same frame without its mask. */
function unmasked(frame: Uint8Array): Uint8Array {
  const short = frame[1]! & 0x7f
  const head = short === 126 ? 4 : short === 127 ? 10 : 2
  const mask = frame.subarray(head, head + 4)
  const payload = frame.subarray(head + 4).map((byte, i) => byte ^ mask[i & 3]!)
  const header = Uint8Array.from(frame.subarray(0, head))
  header[1] = short
  return Uint8Array.from([...header, ...payload])
}

describe('WebSocket frames', () => {
  test('RFC 6455 §5.7: a masked "Hello"', () => {
    const frame = encodeClientFrame(
      OPCODE.text,
      new TextEncoder().encode('Hello'),
      Uint8Array.of(0x37, 0xfa, 0x21, 0x3d),
    )
    expect([...frame]).toEqual([0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58])
  })

  test('every length survives, whatever follows; a part of a frame waits for the rest', () => {
    const size = fc.oneof(fc.integer({ min: 0, max: 200 }), fc.constantFrom(125, 126, 65_535, 65_536))
    fc.assert(
      fc.property(size, fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.nat(20), (length, mask, extra) => {
        const payload = Uint8Array.from({ length }, (_, i) => i * 7)
        const frame = unmasked(encodeClientFrame(OPCODE.binary, payload, mask))
        const decoded = decodeServerFrame(Uint8Array.from([...frame, ...new Uint8Array(extra)]))
        expect(decoded?.length).toBe(frame.length)
        expect(Buffer.from(decoded!.frame.payload).equals(Buffer.from(payload))).toBe(true)
        expect(decodeServerFrame(frame.subarray(0, frame.length - 1))).toBeUndefined()
      }),
      { numRuns: 50 },
    )
  })

  test.each([
    ['a reserved bit', [0xc2, 0]],
    ['a mask', [0x82, 0x80, 0, 0, 0, 0]],
    ['a control frame in parts', [0x09, 0]],
    ['a long control frame', [0x89, 126, 0, 200]],
    ['more than anyone sends', [0x82, 127, 0, 0, 1, 0, 0, 0, 0, 0]],
  ])('%s of a server is refused', (_, bytes) => {
    expect(() => decodeServerFrame(Uint8Array.from(bytes))).toThrow(DecodeError)
  })

  test('arbitrary bytes never do worse than a DecodeError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        try {
          const decoded = decodeServerFrame(bytes)
          if (decoded) expect(decoded.length).toBeLessThanOrEqual(bytes.length)
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError)
        }
      }),
    )
  })

  test('a close frame without a code means 1005', () => {
    expect(readClose(new Uint8Array())).toEqual({ code: 1005, reason: '' })
    expect(readClose(Uint8Array.of(0x0f, 0xa0, 0x6e, 0x6f))).toEqual({ code: 4000, reason: 'no' })
  })
})

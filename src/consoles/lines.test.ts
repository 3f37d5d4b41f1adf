import { describe, expect, test } from 'vitest'
import { findLines, plainText } from './lines.ts'

const bytes = (text: string) => new TextEncoder().encode(text)

describe('what a person reads on a console', () => {
  test('has no escape sequences and no control characters', () => {
    expect(plainText(bytes('\x1b[1;32m[  OK  ]\x1b[0m Started \x1b]0;title\x07sshd\r'))).toBe('[  OK  ] Started sshd')
    expect(plainText(bytes('\x1b(B\x1b7a\x00b\tc'))).toBe('ab\tc')
  })

  test('is found whatever its case, with offset and time, and in order', () => {
    const piece = bytes('first\r\nKernel PANIC\r\nlast panic')
    expect(findLines(piece, 100, 'panic', (offset) => offset * 10)).toEqual([
      { at: 1070, offset: 107, line: 'Kernel PANIC' },
      { at: 1210, offset: 121, line: 'last panic' },
    ])
    expect(findLines(piece, 0, 'nothing of it', () => 0)).toEqual([])
  })

  test('is cut where a line does not end', () => {
    const piece = bytes(`${'x'.repeat(10_000)}needle`)
    const found = findLines(piece, 0, 'needle', () => 0)
    expect(found).toHaveLength(1)
    expect(found[0]?.line.length).toBeLessThanOrEqual(4096)
  })
})

import { describe, expect, test } from 'vitest'
import { formatName, NameSequence } from './naming.ts'

test.each([
  ['node-%04d', 1, 'node-0001'],
  ['node-%04d', 12345, 'node-12345'],
  ['r%2d-a', 7, 'r07-a'],
  ['pc%d', 7, 'pc7'],
])('%s makes of %d %s', (pattern, number, name) => expect(formatName(pattern, number)).toBe(name))

describe('NameSequence', () => {
  test('skips what is taken and never gives the same name twice', () => {
    const names = new NameSequence('node-%04d')
    const taken = new Set(['node-0002'])
    expect([1, 2, 3].map(() => names.next((name) => taken.has(name)))).toEqual(['node-0001', 'node-0003', 'node-0004'])
  })

  test.each(['node', '-%d', 'Node-%d', '%dx-'])('refuses the pattern %s', (pattern) =>
    expect(() => new NameSequence(pattern)).toThrow(/pattern/),
  )
})

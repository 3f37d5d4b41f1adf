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

  test('has words, the end of the MAC, and the rack, each with its own numbers', () => {
    const none = { macs: ['52:54:00:0a:0b:0c'], tags: [] }
    const words = new NameSequence('%w')
    const made = Array.from({ length: 1000 }, () => words.next(() => false, none))
    expect(new Set(made).size).toBe(1000)
    expect(made[0]).toMatch(/^[a-z]+$/)
    expect(made.at(-1)).toMatch(/^[a-z]+-[0-9]+$/)
    expect(new NameSequence('pc-%m').next(() => false, none)).toBe('pc-0a0b0c')
    expect(new NameSequence('pc-%m').next((name) => name === 'pc-0a0b0c', none)).toBe('pc-0a0b0c-2')
    const racks = new NameSequence('%{tag:rack}-%02d')
    const inRack = (rack: string) => racks.next(() => false, { macs: [], tags: ['x', `rack=${rack}`] })
    expect(['a3', 'a3', 'b1', 'A 3!', 'a3'].map(inRack)).toEqual(['a3-01', 'a3-02', 'b1-01', 'a-3-01', 'a3-03'])
    expect(racks.next(() => false, none)).toBe('new-01')
  })

  test.each(['%{tag:rack}', 'Node-%w', '-%m', 'node', '-%d', 'Node-%d', '%dx-'])('refuses the pattern %s', (pattern) =>
    expect(() => new NameSequence(pattern)).toThrow(/pattern/),
  )
})

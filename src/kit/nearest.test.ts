import { expect, test } from 'vitest'
import { nearest } from './nearest.ts'

test.each([
  ['web1', ['web1'], 'web1'],
  ['WEB1', ['db1', 'web1'], 'web1'],
  ['wbe1', ['db1', 'web1'], 'web1'],
  ['cafe-pc-1', ['cafe-pc-01', 'cafe-pc-02'], 'cafe-pc-01'],
  ['debain', ['debian', 'desk'], 'debian'],
  ['debian-13', ['debian-12', 'ubuntu'], 'debian-12'],
])('%s among %j is %s', (typed, names, meant) => expect(nearest(typed, names)).toBe(meant))

test.each([
  ['web', ['desktop', 'lobby']],
  ['db1', ['web']],
  ['a', ['b']],
  ['', ['a']],
  ['x'.repeat(100), ['x'.repeat(99)]],
])('%j is none of %j', (typed, names) => expect(nearest(typed, names)).toBeUndefined())

test('the first of several that are as near is taken, and ten thousand names take no time', () => {
  const names = Array.from({ length: 10_000 }, (_, i) => `node-${String(i).padStart(5, '0')}`)
  expect(nearest('node-0001', names)).toBe('node-00001')
})

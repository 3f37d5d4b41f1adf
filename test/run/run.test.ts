import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import { LONGEST, longestFirst } from './longest-first.ts'
import { tellOf } from './second-tries.ts'

test('the files that take longest exist, and go first in their order', () => {
  expect(LONGEST.filter((file) => !existsSync(file))).toEqual([])
  const others = ['test/interop/tftp.test.ts', 'test/interop/deb.test.ts', 'test/fuzz/tftp.test.ts', LONGEST[0]!]
  expect(longestFirst(others, (file) => file)).toEqual([
    LONGEST[0],
    'test/interop/deb.test.ts',
    'test/interop/tftp.test.ts',
    'test/fuzz/tftp.test.ts',
  ])
})

test('a test that needed a second try is named with the reason of the first', () => {
  expect(tellOf([])).toBe('')
  const told = tellOf([
    { file: 'test/a.test.ts', test: 'boots > twice', reasons: ['waited in vain (test/a.test.ts:3)'] },
  ])
  expect(told).toContain('1 test passed only the second time')
  expect(told).toContain('test/a.test.ts > boots > twice\n      first: waited in vain (test/a.test.ts:3)\n')
})

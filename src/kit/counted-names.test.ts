import fc from 'fast-check'
import { expect, test } from 'vitest'
import { countedName } from './counted-names.ts'

const sorted = (names: readonly string[]) => [...names].sort((a, b) => (countedName(a) < countedName(b) ? -1 : 1))

test('numbers in names sort as numbers, wherever they stand', () => {
  const names = ['pc-1', 'pc-2', 'pc-10', 'pc-010', 'pc-10-a', 'pc-10-b', 'rack2-node1', 'rack2-node11', 'rack10-node3']
  expect(sorted([...names].reverse())).toEqual(['pc-1', 'pc-2', 'pc-010', 'pc-10', ...names.slice(4)])
})

test('no two names sort alike, and the order of two numbers is that of their values', () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat(), (a, b) => {
      expect(countedName(`n${a}`) < countedName(`n${b}`)).toBe(a < b)
    }),
  )
  fc.assert(
    fc.property(fc.stringMatching(/^[a-z0-9.-]{1,20}$/), fc.stringMatching(/^[a-z0-9.-]{1,20}$/), (a, b) => {
      expect(countedName(a) === countedName(b)).toBe(a === b)
    }),
  )
})

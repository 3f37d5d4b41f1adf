import { expect, test } from 'vitest'
import { inTwo, sharedStart } from './names.ts'

test('the end of a name is never cut', () => {
  expect(inTwo('cafe-north-017')).toEqual(['cafe-no', 'rth-017'])
  expect(inTwo('pc-1')).toEqual(['', 'pc-1'])
})

test('what all names of a room begin with ends at a separator', () => {
  expect(sharedStart(['cafe-north-017', 'cafe-north-018', 'cafe-north-2'])).toBe('cafe-north-'.length)
  expect(sharedStart(['pc-100', 'pc-101'])).toBe('pc-'.length)
  expect(sharedStart(['web1', 'web2'])).toBe(0)
  expect(sharedStart(['cafe-', 'cafe-1'])).toBe(0)
  expect(sharedStart(['alone-1'])).toBe(0)
  expect(sharedStart([])).toBe(0)
})

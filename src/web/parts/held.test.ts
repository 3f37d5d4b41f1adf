import { expect, test } from 'vitest'
import { inHeldOrder } from './held.ts'

const rows = (...ids: string[]) => ids.map((id) => ({ id }))

test('rows stay where they are while somebody points at them', () => {
  expect(inHeldOrder(['a', 'b', 'c'], rows('c', 'a', 'b'))).toEqual(rows('a', 'b', 'c'))
  expect(inHeldOrder(['a', 'b', 'c'], rows('new', 'c', 'a'))).toEqual(rows('a', 'c', 'new'))
  expect(inHeldOrder([], rows('b', 'a'))).toEqual(rows('b', 'a'))
})

import { expect, test } from 'vitest'
import { History, points } from './history.ts'

test('only the newest values stay, and what is gone is forgotten', () => {
  const history = new History(3)
  for (const value of [1, 2, 3, 4]) history.take([['a', value]])
  expect(history.of('a')).toEqual([2, 3, 4])
  history.take([['b', 9]])
  expect(history.of('a')).toEqual([])
  expect(history.of('b')).toEqual([9])
})

test('the curve ends at the right edge and its largest value is at the top', () => {
  expect(points([0, 50, 100], 5, 40, 10)).toBe('20.0,10.0 30.0,5.0 40.0,0.0')
  expect(points([0, 0], 5, 40, 10)).toBe('30.0,10.0 40.0,10.0')
  expect(points([], 5, 40, 10)).toBe('')
})

import { expect, test } from 'vitest'
import { ManyBy } from './many-by.ts'

test('has the values of a key in the order in which they came, each once', () => {
  const values = new ManyBy<string, number>()
  for (const value of [3, 1, 3]) values.add('a', value)
  values.add('b', 2)
  values.remove('b', 9)
  values.remove('c', 1)
  expect([[...values.of('a')], [...values.of('b')], [...values.of('c')]]).toEqual([[3, 1], [2], []])
  values.remove('a', 3)
  values.remove('b', 2)
  expect([[...values.of('a')], [...values.of('b')]]).toEqual([[1], []])
})

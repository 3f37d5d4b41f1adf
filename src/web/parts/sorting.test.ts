import { expect, test } from 'vitest'
import { sortedBy } from './sorting.ts'

test('a press on a heading sorts by it, and another one turns the order round', () => {
  const byName = { sort: 'name', order: 'asc' } as const
  const bySeen = sortedBy<string>(byName, 'seen', 'desc')
  expect(bySeen).toEqual({ sort: 'seen', order: 'desc' })
  expect(sortedBy(bySeen, 'seen', 'desc')).toEqual({ sort: 'seen', order: 'asc' })
  expect(sortedBy<string>(byName, 'name')).toEqual({ sort: 'name', order: 'desc' })
})

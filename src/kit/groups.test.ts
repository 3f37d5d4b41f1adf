import { expect, test } from 'vitest'
import { groupName, groupNumber } from './groups.ts'

const TABLE = 'root:x:0:\nreveille:x:998:ada,bob\nodd:x:\n'

test('groups are found by name and by number', () => {
  expect(groupNumber(TABLE, 'reveille')).toBe(998)
  expect(groupNumber(TABLE, 'odd')).toBeUndefined()
  expect(groupNumber(TABLE, 'rev')).toBeUndefined()
  expect(groupName(TABLE, 998)).toBe('reveille')
  expect(groupName(TABLE, 5)).toBeUndefined()
})

import { expect, test } from 'vitest'
import { joined, type LogLine } from './log.ts'

const line = (n: number): LogLine => ({ n, at: '', level: 'info', text: `line ${n}` })

test('lines that come twice are shown once', () => {
  expect(joined([line(1), line(2)], [line(2), line(3)]).map(({ n }) => n)).toEqual([1, 2, 3])
})

test('of a long log the newest lines are kept', () => {
  expect(joined([line(1), line(2)], [line(3), line(4)], 3).map(({ n }) => n)).toEqual([2, 3, 4])
})

import { expect, test } from 'vitest'
import { decideRange, noneMatchHits } from './range.ts'

const content = { size: 1000, etag: '"abc"' }
const part = (start: number, end: number) => ({ status: 206, start, end })

test.each([
  [undefined, { status: 200 }],
  ['bytes=0-0', part(0, 0)],
  ['bytes=0-', part(0, 999)],
  ['bytes=500-599', part(500, 599)],
  ['bytes=999-5000', part(999, 999)],
  ['bytes=-1', part(999, 999)],
  ['bytes=-5000', part(0, 999)],
  ['bytes=-0', { status: 416 }],
  ['bytes=1000-', { status: 416 }],
  ['bytes=1000-1001', { status: 416 }],
  ['bytes=5-4', { status: 200 }],
  ['bytes=-', { status: 200 }],
  ['bytes=0-1,3-4', { status: 200 }],
  ['lines=0-1', { status: 200 }],
  ['bytes=a-b', { status: 200 }],
  ['bytes=99999999999999999999-', { status: 200 }],
])('%s', (range, answer) => {
  expect(decideRange({ range }, content)).toEqual(answer)
})

test('nothing of an empty file can be had by range', () => {
  expect(decideRange({ range: 'bytes=0-' }, { ...content, size: 0 })).toEqual({ status: 416 })
  expect(decideRange({ range: 'bytes=-5' }, { ...content, size: 0 })).toEqual({ status: 416 })
})

test('If-Range with another ETag, a weak one or a date gets the whole', () => {
  const range = 'bytes=1-2'
  expect(decideRange({ range, ifRange: '"abc"' }, content)).toEqual(part(1, 2))
  for (const ifRange of ['"abd"', 'W/"abc"', 'Sat, 21 Nov 2026 12:00:00 GMT'])
    expect(decideRange({ range, ifRange }, content)).toEqual({ status: 200 })
})

test('If-None-Match compares weakly, in lists, and knows the star', () => {
  for (const header of ['"abc"', 'W/"abc"', '"x", "abc"', '*']) expect(noneMatchHits(header, '"abc"')).toBe(true)
  for (const header of [undefined, '', '"x"', 'abc']) expect(noneMatchHits(header, '"abc"')).toBe(false)
})

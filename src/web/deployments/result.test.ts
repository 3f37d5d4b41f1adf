import { expect, test } from 'vitest'
import { resultRows } from './result.ts'

test('the figures of a task are told in their units', () => {
  const result = { writtenBytes: 1536, bytesPerSecond: 2048, seconds: 90, chunks: 3000, verified: true, method: 'full' }
  expect(resultRows({ ...result, reason: null, serials: ['A', 'B'] })).toEqual([
    ['Written', '1.5 KiB'],
    ['Bytes per second', '2.0 KiB/s'],
    ['Seconds', '1 min 30 s'],
    ['Chunks', '3,000'],
    ['Verified', 'yes'],
    ['Method', 'full'],
    ['Reason', '–'],
    ['Serials', 'A, B'],
  ])
  expect(resultRows(null)).toEqual([])
})

test('what lies inside of something is named after it, one level deep', () => {
  const at = new Date(2026, 10, 21, 16, 0, 0).getTime()
  expect(resultRows({ disk: { serial: 'S1', bytes: 1024, more: { a: 1 } }, startedAt: at })).toEqual([
    ['Disk: serial', 'S1'],
    ['Disk: bytes', '1.0 KiB'],
    ['Disk: more', '{"a":1}'],
    ['Started at', '2026-11-21 16:00:00'],
  ])
})

import { describe, expect, test, vi } from 'vitest'
import { ago, bytes, clock, count, left, span, zone } from './words.ts'

describe('times as words', () => {
  const now = Date.UTC(2026, 10, 21, 12, 0, 0)
  test.each([
    [0, 'just now'],
    [4_000, 'just now'],
    [5_000, '5 seconds ago'],
    [59_000, '59 seconds ago'],
    [60_000, '1 minute ago'],
    [3_599_000, '59 minutes ago'],
    [3_600_000, '1 hour ago'],
    [86_400_000 * 2, '2 days ago'],
    [-120_000, 'in 2 minutes'],
  ])('%i ms before now is %s', (ms, words) => expect(ago(now - ms, now)).toBe(words))

  test.each([
    [0, '0.00 s'],
    [420, '0.42 s'],
    [9_994, '9.99 s'],
    [9_996, '10.0 s'],
    [59_940, '59.9 s'],
    [59_960, '1 min 00 s'],
    [125_000, '2 min 05 s'],
    [3_840_000, '1 h 04 min'],
    [-1500, '−1.50 s'],
  ])('a span of %i ms is %s', (ms, words) => expect(span(ms)).toBe(words))

  test.each([
    [0.2, '1 s left'],
    [59.4, '59 s left'],
    [60, '1 min left'],
    [3_570, '1 h 00 min left'],
    [4_800, '1 h 20 min left'],
  ])('%f seconds that remain are %s', (seconds, words) => expect(left(seconds)).toBe(words))

  test('a clock time has seconds and leading zeros', () => {
    expect(clock(new Date(2026, 0, 2, 3, 4, 5).getTime())).toBe('2026-01-02 03:04:05')
  })
})

test.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1024, '1.0 KiB'],
  [27.3 * 1024 ** 2, '27.3 MiB'],
  [200 * 1024 ** 3, '200 GiB'],
  [5000 * 1024 ** 4, '5000 TiB'],
])('%d bytes are %s', (n, words) => expect(bytes(n)).toBe(words))

test('counts agree in number', () => {
  expect(count(1, 'machine')).toBe('1 machine')
  expect(count(3000, 'machine')).toBe('3,000 machines')
  expect(count(2, 'address', 'addresses')).toBe('2 addresses')
})

test('how far a clock is from UTC', () => {
  const shifted = (minutes: number) => {
    const spy = vi.spyOn(Date.prototype, 'getTimezoneOffset').mockReturnValue(-minutes)
    const text = zone(0)
    spy.mockRestore()
    return text
  }
  expect([0, 60, 330, -480].map(shifted)).toEqual(['UTC', 'UTC+1', 'UTC+5:30', 'UTC−8'])
})

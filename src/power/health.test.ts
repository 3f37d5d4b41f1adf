import { expect, test } from 'vitest'
import { CALLS_KEPT, type Health, medianOf, NO_CALLS, noted, scoreOf } from './health.ts'

const after = (...calls: (number | 'failed')[]): Health =>
  calls.reduce<Health>(
    (health, call, at) =>
      noted(
        health,
        call === 'failed' ? { ok: false, ms: 5000, at, cause: 'silence' } : { ok: true, ms: call, at, cause: '' },
      ),
    NO_CALLS,
  )

test('the score is 100 for what always answers, 0 for what never does, and nothing before the first call', () => {
  expect(scoreOf(NO_CALLS)).toBeNull()
  expect(scoreOf(after(1, 2, 3))).toBe(100)
  expect(scoreOf(after('failed', 'failed'))).toBe(0)
})

test('newer calls count more', () => {
  const recovered = scoreOf(after('failed', 'failed', 1, 1))!
  const failing = scoreOf(after(1, 1, 'failed', 'failed'))!
  expect(recovered).toBeGreaterThan(50)
  expect(failing).toBeLessThan(50)
})

test('only the newest calls are kept', () => {
  const health = after(
    ...Array.from({ length: CALLS_KEPT }, () => 'failed' as const),
    ...Array<number>(CALLS_KEPT).fill(7),
  )
  expect(health.calls).toHaveLength(CALLS_KEPT)
  expect(scoreOf(health)).toBe(100)
  expect(health.lastFailure, 'what went wrong last is remembered').toBe('silence')
  expect(health.lastFailureAt).toBe(CALLS_KEPT - 1)
})

test('the median is of answers only', () => {
  expect(medianOf(NO_CALLS)).toBeNull()
  expect(medianOf(after('failed'))).toBeNull()
  expect(medianOf(after(5, 'failed', 1, 100))).toBe(5)
  expect(medianOf(after(4, 2))).toBe(3)
})

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ManualClock } from '../kit/clock.ts'
import { Backoff } from './backoff.ts'
import { allowsRole, allowsScope, coversScopes } from './scopes.ts'

describe('back-off', () => {
  const limits = { free: 2, firstWaitMs: 1000, longestWaitMs: 8000, forgetMs: 60_000, keys: 3 }

  test('doubles from the first wait to the longest, and forgets', () => {
    const clock = new ManualClock()
    const backoff = new Backoff(clock, limits)
    const waits: number[] = []
    for (let i = 0; i < 8; i++) {
      backoff.fail('a')
      waits.push(backoff.wait('a'))
      clock.advance(backoff.wait('a'))
    }
    expect(waits).toEqual([0, 0, 1000, 2000, 4000, 8000, 8000, 8000])
    clock.advance(60_000)
    backoff.fail('a')
    expect(backoff.wait('a')).toBe(0)
  })

  test('locks nobody out when the clock is set back', () => {
    const clock = new ManualClock()
    clock.advance(86_400_000)
    const backoff = new Backoff(clock, limits)
    for (let i = 0; i < 5; i++) backoff.fail('a')
    clock.advance(-3_600_000)
    expect(backoff.wait('a')).toBe(0)
    for (let i = 0; i < 3; i++) backoff.fail('a')
    expect(backoff.wait('a')).toBe(1000)
  })

  test('is lifted by a success, and concerns one key', () => {
    const backoff = new Backoff(new ManualClock(), limits)
    for (let i = 0; i < 5; i++) backoff.fail('a')
    expect([backoff.wait('a'), backoff.wait('b')]).toEqual([4000, 0])
    backoff.forgive('a')
    expect(backoff.wait('a')).toBe(0)
  })

  test('remembers a bounded number of keys', () => {
    const backoff = new Backoff(new ManualClock(), limits)
    for (let i = 0; i < 100; i++) for (let k = 0; k < 3; k++) backoff.fail(`key-${i}`)
    expect(Array.from({ length: 100 }, (_, i) => backoff.wait(`key-${i}`)).filter((wait) => wait > 0)).toHaveLength(3)
  })
})

describe('scopes', () => {
  test('allow their group and verb', () => {
    expect(allowsScope(['machines:read'], 'machines', 'read')).toBe(true)
    expect(allowsScope(['machines:read'], 'machines', 'write')).toBe(false)
    expect(allowsScope(['machines:read'], 'machine', 'read')).toBe(false)
    expect(allowsScope(['*:read'], 'images', 'read')).toBe(true)
    expect(allowsScope(['images:*'], 'images', 'write')).toBe(true)
    expect(allowsScope([], 'images', 'read')).toBe(false)
  })

  test('cover others exactly when nothing is allowed by those alone', () => {
    const groups = ['machines', 'images', 'power', '*']
    const scope = fc
      .tuple(fc.constantFrom(...groups), fc.constantFrom('read', 'write', '*'))
      .map(([group, verb]) => `${group}:${verb}`)
    const scopes = fc.array(scope, { maxLength: 4 })
    fc.assert(
      fc.property(scopes, scopes, (holder, wanted) => {
        // `anything else` stands for all groups that neither names.
        const more = ['machines', 'images', 'power', 'anything else'].some((group) =>
          (['read', 'write'] as const).some(
            (verb) => allowsScope(wanted, group, verb) && !allowsScope(holder, group, verb),
          ),
        )
        expect(coversScopes(holder, wanted)).toBe(!more)
      }),
    )
  })

  test('roles contain those before them', () => {
    expect(allowsRole('admin', 'viewer')).toBe(true)
    expect(allowsRole('user', 'user')).toBe(true)
    expect(allowsRole('user', 'operator')).toBe(false)
  })
})

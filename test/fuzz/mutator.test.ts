import { afterEach, describe, expect, test, vi } from 'vitest'
import { fuzzCount } from './mutator.ts'

afterEach(() => vi.unstubAllEnvs())

describe('how many inputs each fuzzer tries', () => {
  test.each([
    ['a sample', {}, 20_000],
    ['a million in the soak', { REVEILLE_SOAK: '1' }, 1_000_000],
    ['what was asked for', { REVEILLE_FUZZ_COUNT: '7' }, 7],
    ['what was asked for, in the soak too', { REVEILLE_SOAK: '1', REVEILLE_FUZZ_COUNT: '7' }, 7],
  ])('%s', (_, environment, expected) => {
    vi.stubEnv('REVEILLE_SOAK', undefined)
    vi.stubEnv('REVEILLE_FUZZ_COUNT', undefined)
    for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value)
    expect(fuzzCount()).toBe(expected)
  })
})

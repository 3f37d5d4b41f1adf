import { expect, it } from 'vitest'
import { RateLimit } from './rate-limit.ts'

it('admits so many packets of each client in a second, and as many again in the next', () => {
  const limit = new RateLimit(3)
  const admitted = (client: string, now: number) => Array.from({ length: 5 }, () => limit.admits(client, now))
  expect(admitted('a', 10_000)).toEqual([true, true, true, false, false])
  expect(admitted('b', 10_500)).toEqual([true, true, true, false, false])
  expect(limit.admits('a', 10_999)).toBe(false)
  expect(admitted('a', 11_000)).toEqual([true, true, true, false, false])
})

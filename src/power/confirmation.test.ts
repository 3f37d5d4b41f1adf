import fc from 'fast-check'
import { expect, test } from 'vitest'
import { judge, looks, told } from './confirmation.ts'
import { POWER_ACTIONS, type PowerAction, type PowerState } from './power.ts'

test.each<[PowerAction, PowerState, PowerState[], boolean, ReturnType<typeof judge>]>([
  ['on', 'off', ['on'], false, 'confirmed'],
  ['on', 'off', ['off'], false, 'refuted'],
  ['on', 'off', ['off', 'on'], false, 'confirmed'],
  ['on', 'off', ['unknown'], false, 'open'],
  ['on', 'off', ['unknown'], true, 'confirmed'],
  ['on', 'off', [], false, 'open'],
  ['off', 'on', ['on', 'off'], false, 'confirmed'],
  ['off', 'on', ['on'], false, 'refuted'],
  ['off', 'on', ['unknown'], true, 'open'],
  ['soft', 'on', ['on'], false, 'refuted'],
  ['soft', 'on', ['off'], false, 'confirmed'],
  ['cycle', 'on', ['on'], false, 'open'],
  ['cycle', 'on', ['off'], false, 'refuted'],
  ['cycle', 'on', ['off', 'on'], false, 'confirmed'],
  ['cycle', 'on', ['on'], true, 'confirmed'],
  ['cycle', 'off', ['on'], false, 'confirmed'],
  ['cycle', 'unknown', ['on', 'on'], false, 'open'],
  ['reset', 'on', ['on'], false, 'open'],
  ['reset', 'on', ['on'], true, 'confirmed'],
  ['reset', 'on', ['off'], false, 'refuted'],
  ['diag', 'on', ['on'], true, 'open'],
])('%s from %s, then %j, life %s: %s', (action, before, seen, life, verdict) => {
  expect(judge(action, before, seen, life)).toBe(verdict)
})

test('what is told at the end: yes, no, or that it cannot be told', () => {
  expect(told('confirmed', 0)).toBe(true)
  expect(told('refuted', 15_000)).toBe(false)
  expect(told('open', 15_000)).toBeNull()
  expect(told('refuted', 0), 'without time to act, not yet is no answer').toBeNull()
})

test('looks begin at once, come soon at first, and end when the wait is over', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...POWER_ACTIONS),
      fc.integer({ min: 0, max: 300_000 }),
      fc.boolean(),
      (action, wait, closely) => {
        const pauses = looks(action, wait, closely)
        expect(pauses[0]).toBe(0)
        const together = pauses.reduce((sum, each) => sum + each, 0)
        expect(together).toBeCloseTo(action === 'diag' ? 0 : wait, 6)
        expect(Math.max(...pauses)).toBeLessThanOrEqual(3000)
        expect(pauses.length).toBeLessThan(170)
      },
    ),
  )
  expect(looks('on', 15_000).filter((pause) => pause < 1000).length).toBeGreaterThan(3)
})

test('an off that may be short is looked for closely, at first', () => {
  const pauses = looks('cycle', 60_000, true)
  expect(Math.max(...pauses.slice(0, 48))).toBeLessThanOrEqual(400)
  expect(pauses.slice(0, 48).reduce((sum, each) => sum + each, 0)).toBeGreaterThan(15_000)
  expect(pauses.at(-2)).toBe(3000)
})

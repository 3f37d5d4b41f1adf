import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { judgeUnseen, type Look, START_MS, type UnseenEvidence, WATCH_MS } from './restart.ts'

const looksEach = (pauseMs: number, count: number, look: Partial<Look> = {}): Look[] =>
  Array.from({ length: count }, (_, n) => ({
    askedAt: n * pauseMs,
    readAt: n * pauseMs + 20,
    state: 'on',
    own: true,
    ...look,
  }))

const LIAR: UnseenEvidence = {
  unseen: 'judge',
  offFrom: 0,
  looks: looksEach(400, 40),
  orderedAt: 0,
  endedAt: 16_000,
  startsHere: false,
}

describe('a restart that was taken and not seen', () => {
  test('did not happen when its power was on at looks that are closer together than a power cycle is long', () => {
    expect(judgeUnseen(LIAR)).toEqual({
      escalate: true,
      refuted: true,
      why: 'its power was on at each of 40 looks in 16 s, closer together than a power cycle is long',
    })
  })

  test.each<[string, Partial<UnseenEvidence>, RegExp]>([
    ['a driver that cannot show an off', { offFrom: null }, /on during a restart of this kind/],
    ['looks too far apart', { looks: looksEach(1500, 11) }, /often enough/],
    ['a slow answer to the order', { offFrom: -1200 }, /often enough/],
    ['looks that end too soon', { looks: looksEach(400, 10), endedAt: 4000 }, /watched for 4 s only/],
    ['looks of another driver', { looks: looksEach(400, 40, { own: false }) }, /often enough/],
    ['a power that cannot be read', { looks: looksEach(400, 40, { state: 'unknown' }) }, /could not be read/],
    ['a clock that was set back', { looks: [...looksEach(400, 20), ...looksEach(400, 20)] }, /often enough/],
  ])('cannot be told with %s: that is said, and nothing done', (_, change, why) => {
    expect(judgeUnseen({ ...LIAR, ...change })).toMatchObject({
      escalate: false,
      refuted: false,
      why: expect.stringMatching(why),
    })
  })

  test('did not happen either, or hangs, when a machine that boots from here is not seen for minutes', () => {
    const reset = { ...LIAR, offFrom: null, startsHere: true }
    expect(judgeUnseen({ ...reset, endedAt: START_MS })).toMatchObject({ escalate: true, refuted: true })
    expect(judgeUnseen({ ...reset, endedAt: START_MS - 1 })).toMatchObject({ escalate: false })
    expect(judgeUnseen({ ...reset, endedAt: START_MS, startsHere: false })).toMatchObject({ escalate: false })
  })

  test('is only told where that is wanted, and always tried again where that is', () => {
    expect(judgeUnseen({ ...LIAR, unseen: 'tell' })).toMatchObject({ escalate: false, refuted: false })
    expect(judgeUnseen({ ...LIAR, unseen: 'insist', offFrom: null })).toMatchObject({ escalate: true, refuted: false })
  })

  test('is never tried again by itself once the machine was seen off, or when it was off for a second and nobody looked', () => {
    const state = fc.constantFrom('on' as const, 'off' as const, 'unknown' as const)
    const look = fc.record({
      pause: fc.integer({ min: 0, max: 900 }),
      took: fc.integer({ min: 0, max: 300 }),
      state,
      own: fc.boolean(),
    })
    fc.assert(
      fc.property(
        fc.array(look, { maxLength: 60 }),
        fc.integer({ min: 0, max: WATCH_MS - 1000 }),
        fc.integer({ min: 1001, max: 9000 }),
        (drawn, offAt, offMs) => {
          let now = 0
          const looks = drawn.map(({ pause, took, state: told, own }): Look => {
            const askedAt = now + pause
            now = askedAt + took
            // What is true when it was asked and when it was answered; between them either.
            const isOff = askedAt >= offAt && now <= offAt + offMs
            return { askedAt, readAt: now, state: own && isOff ? 'off' : own && told === 'off' ? 'on' : told, own }
          })
          const judged = judgeUnseen({ ...LIAR, looks, endedAt: now })
          expect(judged.escalate).toBe(false)
        },
      ),
      { numRuns: 2000 },
    )
  })
})

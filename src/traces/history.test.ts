import fc from 'fast-check'
import { expect, test } from 'vitest'
import { addEvent, MOST_EVENTS } from './history.ts'
import type { TraceEvent } from './trace.ts'

const event = (name: string, at: number, more: Partial<TraceEvent> = {}): TraceEvent => ({
  at,
  stage: 'script',
  kind: 'http.script',
  outcome: 'ok',
  summary: name,
  reason: 'why not',
  ...more,
})
const history = (names: readonly string[]) =>
  names.reduce<{ events: readonly TraceEvent[]; leftOut: number }>(
    (all, name, at) => {
      const next = addEvent(all.events, event(name, at))
      return { events: next.events, leftOut: all.leftOut + next.leftOut }
    },
    { events: [], leftOut: 0 },
  )
const told = (events: readonly TraceEvent[]) =>
  events.map((e) => `${e.summary}${e.count === undefined ? '' : `*${e.count}`}`).join(' ')

test('an event that repeats is kept once, with its count, first and last time and all its bytes', () => {
  let events: readonly TraceEvent[] = []
  for (let at = 10; at < 13; at++)
    events = addEvent(events, event('a', at, { bytes: 5, detail: { xid: `x${at}` } })).events
  expect(events).toEqual([event('a', 10, { bytes: 15, count: 3, lastAt: 12, detail: { xid: 'x12' } })])
})

test('a repeating run of events is kept once', () => {
  expect(told(history(['a', 'b', 'a', 'b', 'a', 'b']).events)).toBe('a*3 b*3')
  expect(told(history(['z', 'a', 'b', 'b', 'c', 'a', 'b', 'b', 'c', 'd']).events)).toBe('z a*2 b*4 c*2 d')
})

test('events that differ in what matters stay apart', () => {
  const first = event('a', 1, { detail: { file: 'x' } })
  for (const other of [
    event('b', 2, { detail: { file: 'x' } }),
    event('a', 2, { detail: { file: 'y' } }),
    event('a', 2, { detail: {} }),
    event('a', 2, { detail: { file: 'x' }, outcome: 'failed' }),
    event('a', 2, { detail: { file: 'x' }, reason: 'another' }),
    event('a', 2, { detail: { file: 'x' }, stage: 'fetch' }),
  ])
    expect(addEvent([first], other).events).toHaveLength(2)
})

test('a machine that polls for a month stays one small trace', () => {
  const polls = Array.from({ length: 80_000 }, (_, i) => (i % 2 === 0 ? 'ask' : 'wait'))
  expect(told(history(['discover', ...polls]).events)).toBe('discover ask*40000 wait*40000')
})

test('a long history keeps its beginning and its end, is bounded, and counts what it left out', () => {
  const names = Array.from({ length: 1000 }, (_, i) => `e${i}`)
  const { events, leftOut } = history(names)
  expect(events.length).toBeLessThanOrEqual(MOST_EVENTS)
  expect(events.length + leftOut).toBe(1000)
  expect(events.slice(0, 100).map((e) => e.summary)).toEqual(names.slice(0, 100))
  expect(events.at(-1)?.summary).toBe('e999')
})

test('nothing is lost or invented: counts and what was left out add up, in any order of events', () =>
  fc.assert(
    fc.property(fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 200 }), (names) => {
      const { events, leftOut } = history(names)
      const total = events.reduce((sum, e) => sum + (e.count ?? 1), 0)
      expect(total + leftOut).toBe(names.length)
      for (const name of ['a', 'b', 'c'])
        expect(events.filter((e) => e.summary === name).reduce((sum, e) => sum + (e.count ?? 1), 0)).toBe(
          names.filter((n) => n === name).length,
        )
    }),
  ))

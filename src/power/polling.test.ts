import fc from 'fast-check'
import { expect, test } from 'vitest'
import { due, firstPoll, nextPoll, type Polled } from './polling.ts'

const polled = (machine: string, more: Partial<Polled> = {}): Polled => ({
  machine,
  dueAt: 0,
  failures: 0,
  since: null,
  ...more,
})

test('first polls are spread evenly over the interval', () => {
  const buckets = Array<number>(10).fill(0)
  for (let i = 0; i < 10_000; i++) buckets[Math.floor((firstPoll(`m_${i}`, 5000, 60_000) - 5000) / 6000)]!++
  for (const count of buckets) expect(count).toBeGreaterThan(800)
})

test('a machine that does not answer is asked less and less often, never beyond a limit', () => {
  const gaps = [0, 1, 2, 3, 4, 5, 60].map((failures) => nextPoll(0, 60_000, failures, 0.5))
  expect(gaps).toEqual([60_000, 120_000, 240_000, 480_000, 960_000, 960_000, 960_000])
  expect(nextPoll(0, 60_000, 0, 0)).toBe(54_000)
  expect(nextPoll(0, 60_000, 0, 1)).toBe(66_000)
})

test('those that wait longest come first, and none twice at a time', () => {
  const machines = [
    polled('a', { dueAt: 3 }),
    polled('b', { dueAt: 1 }),
    polled('c', { dueAt: 9 }),
    polled('d', { dueAt: 2 }),
  ]
  expect(due(machines, 5, 10)).toEqual(['b', 'd', 'a'])
  expect(due(machines, 5, 2)).toEqual(['b', 'd'])
  expect(due([polled('b', { since: 4 }), polled('a')], 5, 10)).toEqual(['a'])
})

test('the dead never stand in the way of the living', () => {
  const dead = Array.from({ length: 1000 }, (_, i) => polled(`dead-${i}`, { failures: 3, dueAt: -1000 }))
  const living = Array.from({ length: 50 }, (_, i) => polled(`living-${i}`))
  const taken = due([...dead, ...living], 0, 100)
  expect(taken.filter((machine) => machine.startsWith('living'))).toHaveLength(50)
  expect(taken.filter((machine) => machine.startsWith('dead'))).toHaveLength(25)
  const busy = dead.map((each, i) => ({ ...each, since: i < 25 ? -10 : null }))
  expect(due([...busy, ...living], 0, 100)).toEqual(living.map(({ machine }) => machine))
  expect(due([polled('dead', { failures: 9 })], 0, 1), 'one place is always left for them').toEqual(['dead'])
})

test('never more at a time than allowed, and nothing that is not due', () => {
  const machine = fc.record({
    machine: fc.string(),
    dueAt: fc.integer({ min: -100, max: 100 }),
    failures: fc.integer({ min: 0, max: 5 }),
    since: fc.option(fc.integer({ min: -5000, max: 0 })),
  })
  fc.assert(
    fc.property(
      fc.uniqueArray(machine, { selector: (each) => each.machine }),
      fc.integer({ min: 1, max: 20 }),
      (all, most) => {
        const taken = due(all, 0, most)
        const running = all.filter((each) => each.since !== null).length
        expect(taken.length).toBeLessThanOrEqual(Math.max(4 * most - running, 0))
        expect(taken.length).toBeLessThanOrEqual(most + Math.max(1, most >> 2))
        for (const id of taken) expect(all.find((each) => each.machine === id)).toMatchObject({ since: null })
        for (const id of taken) expect(all.find((each) => each.machine === id)!.dueAt).toBeLessThanOrEqual(0)
      },
    ),
  )
})

test('those that died just now give their places to others, up to a limit', () => {
  const silent = Array.from({ length: 10 }, (_, i) => polled(`silent-${i}`, { since: 0 }))
  const living = Array.from({ length: 90 }, (_, i) => polled(`living-${i}`))
  expect(due([...silent, ...living], 1499, 10)).toHaveLength(0)
  expect(due([...silent, ...living], 1500, 10)).toHaveLength(10)
  const very = Array.from({ length: 38 }, (_, i) => polled(`silent-${i}`, { since: 0 }))
  expect(due([...very, ...living], 1500, 10)).toHaveLength(2)
})

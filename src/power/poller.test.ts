import { expect, test } from 'vitest'
import { ManualClock } from '../kit/clock.ts'
import { Poller } from './poller.ts'

function polled(answers = true) {
  const clock = new ManualClock()
  const asked: string[] = []
  const poller = new Poller({
    members: () => ['m_1'],
    poll: async (machine) => {
      asked.push(machine)
      return answers
    },
    clock,
    random: () => 0.5,
    intervalMs: 60_000,
    concurrency: 4,
  })
  /** A tick each second, for so many of them. */
  const pass = async (seconds: number) => {
    for (let i = 0; i < seconds; i++) {
      clock.advance(1000)
      poller.tick()
      await Promise.resolve()
    }
  }
  return { clock, asked, pass }
}

test('each machine is read once in each interval', async () => {
  const { asked, pass } = polled()
  await pass(600)
  expect(asked).toHaveLength(10)
})

test('goes on when the clock is set back by hours, and does not hurry when it is set forward', async () => {
  const { clock, asked, pass } = polled()
  await pass(120)
  const before = asked.length
  clock.advance(-6 * 3_600_000)
  await pass(120)
  expect(asked.length - before).toBe(2)
  clock.advance(6 * 3_600_000)
  await pass(120)
  expect(asked.length - before).toBeLessThanOrEqual(5)
})

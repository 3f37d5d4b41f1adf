import { beforeEach, expect, test } from 'vitest'
import { FAKE_SEALER, FakeDriver, MemoryPower } from '../../test/fakes/power.ts'
import { ManualClock } from '../kit/clock.ts'
import type { Mac } from '../kit/mac.ts'
import type { Machine } from '../machines/machine.ts'
import { Powers } from '../power/powers.ts'
import { batchWork } from './actions.ts'
import type { Batch, BatchAction } from './batch.ts'

const MACHINE = { id: 'm_1', name: 'pc1', macs: ['52:54:00:00:00:01' as Mac] } as unknown as Machine
let driver: FakeDriver
let drivers: FakeDriver[]
let boots: unknown[]
beforeEach(() => {
  driver = new FakeDriver()
  drivers = [driver]
  boots = []
})

async function act(action: BatchAction, profile: string | null = null): Promise<string> {
  const clock = new ManualClock()
  const powers = await Powers.open({
    repository: new MemoryPower(),
    sealer: FAKE_SEALER,
    factories: {},
    builtIn: () => drivers.map((each, n) => ({ name: `lab${n}`, kind: 'lab', make: () => each })),
    machine: () => MACHINE,
    machines: () => [MACHINE],
    addressOf: () => null,
    events: { publish: () => undefined },
    clock,
    pollSeconds: 0,
    concurrency: 1,
    sleep: async (ms) => clock.advance(ms),
  })
  const work = batchWork({
    machines: {
      setBoot: async (...given) => {
        boots.push(given)
        return MACHINE
      },
    },
    power: powers.finder,
    reset: async () => ({ reset: [], atNextBoot: [] }),
  })
  return work(MACHINE, { action, profile, kick: false, orderedBy: 'ada' } as Batch)
}

test('what is read back is told', async () => {
  expect(await act('on')).toBe('it is on')
  expect(await act('off')).toBe('it is off')
  driver.now = 'on'
  expect(await act('soft')).toBe('it is off')
})

test('a machine that takes the order and does not follow it has failed', async () => {
  driver.ignores = true
  await expect(act('on')).rejects.toMatchObject({
    code: 'wrong-state',
    message: 'pc1 took the order (on), but its power is off',
  })
  driver.now = 'on'
  expect(await act('soft'), 'a system may take its time').toBe('it is on')
})

test('a machine that never tells its state is taken at its word, and that is said', async () => {
  driver.state = async () => 'unknown'
  expect(await act('on')).toBe('the order was taken; nothing can tell its power state')
})

test('a restart that a driver only said it did is told with what was done instead, and fails when nothing helped', async () => {
  driver.now = 'on'
  driver.showsOff = 0
  driver.ignores = true
  await expect(act('cycle')).rejects.toMatchObject({
    code: 'wrong-state',
    message: expect.stringMatching(/^pc1 was not restarted: power cycle by lab0: its power was on at each of/),
  })
  const outlet = new FakeDriver()
  outlet.now = 'on'
  driver.state = async () => outlet.now
  drivers = [driver, outlet]
  expect(await act('cycle')).toMatch(/^it is on \(power cycle by lab0: .*; off by lab1: the power is off; on by lab1: /)
  expect(await act('switch', 'debian')).toMatch(/^it boots debian now: it is on \(power cycle by lab0: /)
})

test('a switch lets it boot a profile now, from off or from on', async () => {
  expect(await act('switch', 'debian')).toBe('it boots debian now: it is on')
  expect(driver.done).toContain('on')
  expect(await act('switch', 'debian')).toBe('it boots debian now: it is on')
  expect(driver.done).toContain('cycle')
  expect(boots).toEqual(Array(2).fill(['m_1', { once: 'debian' }, 'ada']))
})

test('one that nothing can switch is refused', async () => {
  drivers = []
  await expect(act('on')).rejects.toMatchObject({ code: 'not-available' })
})

import { beforeEach, describe, expect, test } from 'vitest'
import { IPMI, MACHINE, PowersBed, silent } from '../../test/fakes/powers-bed.ts'
import { MaybeDone } from './driver.ts'
import type { PowerReport } from './outcome.ts'
import { stepText } from './outcome.ts'
import { DriverSettings } from './settings.ts'

let bed: PowersBed
beforeEach(() => {
  bed = new PowersBed()
  bed.bmc.now = 'on'
  bed.cloud.now = 'on'
  bed.bmc.showsOff = 0
})

const orders = (driver: { done: string[] }) => driver.done.filter((what) => what !== 'state')
const stepsOf = ({ steps = [] }: PowerReport) => steps.map(stepText)

/** The bmc reads the machine, and the cloud is what switches it. */
function share(): void {
  bed.bmc.ignores = true
  bed.bmc.state = async () => {
    bed.bmc.done.push('state')
    return bed.cloud.now
  }
}

describe('a power cycle that was taken and did not happen', () => {
  test('is tried by off and on with the same driver', async () => {
    const powers = await bed.withDrivers('bmc')
    const perform = bed.bmc.perform.bind(bed.bmc)
    bed.bmc.perform = async (action, note) => {
      bed.bmc.ignores = action === 'cycle'
      await perform(action, note)
    }
    const report = await powers.perform(MACHINE, 'cycle')
    expect(report).toMatchObject({ state: 'on', driver: 'bmc', confirmed: true })
    expect(orders(bed.bmc)).toEqual(['cycle', 'off', 'on'])
    expect(stepsOf(report)).toEqual([
      expect.stringMatching(
        /^power cycle by bmc: its power was on at each of \d\d looks in 15 s, closer together than/,
      ),
      'off by bmc: the power is off',
      'on by bmc: the power is on',
    ])
    expect(bed.marks, 'and so it stands with the boots of the machine').toEqual(stepsOf(report))
    expect(report.problems).toMatchObject([{ driver: 'bmc', cause: expect.stringContaining('it took the order to') }])
  })

  test('is tried by the next driver when the first one lies about off too', async () => {
    const powers = await bed.withDrivers('bmc', 'cloud')
    share()
    const report = await powers.perform(MACHINE, 'cycle')
    expect(report).toMatchObject({ state: 'on', driver: 'cloud', confirmed: true })
    expect([orders(bed.bmc), orders(bed.cloud)]).toEqual([
      ['cycle', 'off'],
      ['off', 'on'],
    ])
    expect(stepsOf(report).slice(1)).toEqual([
      'off by bmc: the power is on after 15 s',
      'off by cloud: the power is off',
      'on by cloud: the power is on',
    ])
  })

  test('has failed when nothing can be switched off either, and that is told', async () => {
    const powers = await bed.withDrivers('bmc')
    bed.bmc.ignores = true
    expect(await powers.perform(MACHINE, 'cycle')).toMatchObject({ state: 'on', confirmed: false })
    await expect(powers.finder(MACHINE)!.perform('cycle')).rejects.toMatchObject({
      code: 'wrong-state',
      message: expect.stringMatching(
        /^pc1 was not restarted: power cycle by bmc: .*; off by bmc: the power is on after/,
      ),
    })
    const perform = bed.bmc.perform.bind(bed.bmc)
    bed.bmc.perform = async (action, note) => {
      if (action === 'off') throw silent()
      await perform(action, note)
    }
    const report = await powers.perform(MACHINE, 'cycle')
    expect(report).toMatchObject({ state: 'on', confirmed: false })
    expect(stepsOf(report).at(-1)).toBe('off by bmc: it does not answer')
  })

  test('is refused when it was switched off and cannot be switched on again', async () => {
    const powers = await bed.withDrivers('bmc')
    const perform = bed.bmc.perform.bind(bed.bmc)
    bed.bmc.perform = async (action, note) => {
      if (action === 'on') throw silent()
      bed.bmc.ignores = action === 'cycle'
      await perform(action, note)
    }
    await expect(powers.perform(MACHINE, 'cycle')).rejects.toThrow(/on: bmc: it does not answer|it does not answer/)
  })

  test('other parts of the server hear of it in words, and wait as long as it takes to tell', async () => {
    const powers = await bed.withDrivers('bmc', 'cloud')
    share()
    const told: string[] = []
    const startedAt = bed.clock.now()
    expect(await powers.finder(MACHINE)!.perform('cycle', { told: (words) => told.push(words) })).toBe('on')
    expect(told).toEqual([
      expect.stringMatching(/^power cycle by bmc: .*; off by cloud: the power is off; on by cloud/),
    ])
    expect(bed.clock.now() - startedAt).toBeLessThan(60_000)
  })
})

describe('a machine that may have restarted does not lose its power again', () => {
  test('when it was seen off and on', async () => {
    const powers = await bed.withDrivers('bmc', 'cloud')
    bed.bmc.showsOff = 1
    expect(await powers.perform(MACHINE, 'cycle')).toMatchObject({ confirmed: true, problems: [] })
    expect([orders(bed.bmc), orders(bed.cloud)]).toEqual([['cycle'], []])
  })

  test('when a packet of its start comes, also in the middle', async () => {
    const powers = await bed.withDrivers('bmc', 'cloud')
    share()
    const perform = bed.bmc.perform.bind(bed.bmc)
    bed.bmc.perform = async (action, note) => {
      await perform(action, note)
      if (action === 'off') bed.seen = true
    }
    const report = await powers.perform(MACHINE, 'cycle')
    expect(report).toMatchObject({ state: 'on', confirmed: true })
    expect(orders(bed.cloud)).toEqual([])
    expect(stepsOf(report).at(-1)).toBe('off by cloud: not needed any more: the machine was seen starting')
  })

  test.each<[string, () => void, number]>([
    ['its driver cannot show an off', () => blind(), 15],
    ['it was watched too shortly', () => undefined, 5],
    ['it is read too slowly', () => slow(2000), 15],
    ['nothing can be read', () => unreadable(), 15],
  ])('when %s', async (_, make, wait) => {
    const powers = await bed.withDrivers('bmc', 'cloud')
    share()
    make()
    bed.cloud.state = bed.bmc.state
    const report = await powers.perform(MACHINE, 'cycle', { wait })
    expect(report).toMatchObject({ confirmed: null })
    expect(report.steps).toMatchObject([{ outcome: 'open', said: expect.stringMatching(/^nothing tells whether/) }])
    expect([orders(bed.bmc), orders(bed.cloud)]).toEqual([['cycle'], []])
  })

  test('when the answer to the order was lost: the next driver is not told to cycle it too', async () => {
    const powers = await bed.withDrivers('bmc', 'cloud')
    bed.bmc.showsOff = undefined
    const perform = bed.bmc.perform.bind(bed.bmc)
    bed.bmc.perform = async (action, note) => {
      await perform(action, note)
      throw new MaybeDone('not-available', 'it may have done it or not')
    }
    const report = await powers.perform(MACHINE, 'cycle')
    expect(report).toMatchObject({
      confirmed: null,
      problems: [{ driver: 'bmc', cause: 'it may have done it or not' }],
    })
    expect(orders(bed.cloud)).toEqual([])
    await powers.perform(MACHINE, 'off')
    expect(orders(bed.cloud), 'what may be done twice is').toEqual(['off'])
  })

  test('when that is set, and it does when the opposite is', async () => {
    const settings = (unseenRestart: 'tell' | 'insist') =>
      DriverSettings.parse({ ...IPMI, unseenRestart, address: '10.0.0.9' })
    const powers = await bed.open()
    await powers.putDriver(MACHINE, 'bmc', { settings: settings('tell'), secrets: null }, 'ada')
    bed.bmc.ignores = true
    expect(await powers.perform(MACHINE, 'cycle')).toMatchObject({ confirmed: null })
    expect(orders(bed.bmc)).toEqual(['cycle'])
    await powers.putDriver(MACHINE, 'bmc', { settings: settings('insist'), secrets: null }, 'ada')
    bed.bmc.ignores = false
    expect(await powers.perform(MACHINE, 'reset', { wait: 3 })).toMatchObject({ confirmed: true })
    expect(orders(bed.bmc).slice(1)).toEqual(['reset', 'off', 'on'])
    bed.bmc.done.length = 0
    await powers.perform(MACHINE, 'cycle', { wait: 0 })
    expect(orders(bed.bmc), 'without waiting there is nothing to go by').toEqual(['cycle'])
  })
})

test('a machine that boots from here and is not seen for minutes after a reset is tried by off and on', async () => {
  const powers = await bed.withDrivers('bmc')
  bed.startsHere = true
  const report = await powers.perform(MACHINE, 'reset', { wait: 60 })
  expect(report).toMatchObject({ confirmed: null })
  expect(orders(bed.bmc)).toEqual(['reset'])
  const patient = await powers.perform(MACHINE, 'reset', { wait: 300 })
  expect(patient).toMatchObject({ confirmed: true, state: 'on' })
  expect(stepsOf(patient)[0]).toBe('reset by bmc: it boots from here, and nothing was seen of its start in 300 s')
  expect(orders(bed.bmc)).toEqual(['reset', 'reset', 'off', 'on'])
})

test('one of which nothing was heard since its last restart is switched off, seen off, and on', async () => {
  const powers = await bed.withDrivers('bmc')
  await powers.finder(MACHINE)!.perform('cycle', { apart: true })
  expect(orders(bed.bmc)).toEqual(['off', 'on'])
})

test('what a driver saw off itself needs no further proof', async () => {
  const powers = await bed.withDrivers('bmc')
  const perform = bed.bmc.perform.bind(bed.bmc)
  bed.bmc.perform = async (action, note) => {
    await perform(action)
    note?.('was-off')
  }
  expect(await powers.perform(MACHINE, 'cycle')).toMatchObject({ confirmed: true, steps: [{ outcome: 'confirmed' }] })
})

describe('a machine on its way off is not left there', () => {
  test('by a cycle of off and on that nobody waits for', async () => {
    const powers = await bed.withDrivers('bmc')
    const perform = bed.bmc.perform.bind(bed.bmc)
    bed.bmc.perform = async (action) => {
      if (action === 'off') bed.bmc.lag = 3
      await perform(action)
    }
    await powers.perform(MACHINE, 'cycle', { apart: true, wait: 0 })
    expect(orders(bed.bmc)).toEqual(['off', 'on'])
  })

  test('by one whose off cannot be read', async () => {
    const powers = await bed.withDrivers('bmc')
    bed.bmc.state = async () => 'unknown'
    expect(await powers.perform(MACHINE, 'cycle', { apart: true })).toMatchObject({ confirmed: null })
    expect(orders(bed.bmc)).toEqual(['off', 'on'])
  })
})

test.each([false, true])('an off that is ordered in the middle of a cycle stays (off and on: %s)', async (apart) => {
  let release: (() => void) | undefined
  const powers = await bed.open({ sleep: () => new Promise((resolve) => (release = resolve)) })
  await powers.putDriver(MACHINE, 'bmc', { settings: IPMI, secrets: null }, 'ada')
  const perform = bed.bmc.perform.bind(bed.bmc)
  bed.bmc.perform = async (action, note) => {
    await perform(action, note)
    // It takes a while to be seen.
    if (orders(bed.bmc).length === 1) bed.bmc.lag = 1
    if (action === 'cycle') bed.bmc.now = 'off'
  }
  const cycle = powers.perform(MACHINE, 'cycle', { apart })
  await expect.poll(() => release).toBeDefined()
  await powers.perform(MACHINE, 'off')
  release?.()
  await cycle
  expect(orders(bed.bmc)).toEqual([apart ? 'off' : 'cycle', 'off'])
})

/** Every reading takes so long. */
function slow(ms: number): void {
  bed.bmc.state = async () => {
    bed.clock.advance(ms)
    return 'on'
  }
}

/** The bmc cannot show an off. */
function blind(): void {
  bed.bmc.showsOff = undefined
}

function unreadable(): void {
  bed.bmc.state = async () => 'unknown'
}

import { beforeEach, describe, expect, test } from 'vitest'
import { FakeDriver, fakeFactory } from '../../test/fakes/power.ts'
import { IPMI, MACHINE, PowersBed, silent } from '../../test/fakes/powers-bed.ts'
import { Refusal } from '../kit/errors.ts'
import { FAILURES_TO_OPEN } from './circuit.ts'

let bed: PowersBed
beforeEach(() => {
  bed = new PowersBed()
})

describe('reading', () => {
  test('asks the drivers in their order until one tells; what the others said is told too', async () => {
    const powers = await bed.withDrivers('bmc', 'cloud')
    bed.bmc.fails = silent()
    bed.cloud.now = 'on'
    expect(await powers.status(MACHINE)).toEqual({
      state: 'on',
      driver: 'cloud',
      checkedAt: bed.clock.now(),
      confirmed: null,
      problems: [{ driver: 'bmc', cause: 'it does not answer' }],
    })
  })

  test('what nobody can tell is unknown, never assumed', async () => {
    const powers = await bed.withDrivers('bmc')
    await powers.status(MACHINE)
    bed.bmc.fails = silent()
    const report = await powers.status(MACHINE)
    expect(report).toMatchObject({ state: 'unknown', problems: [{ driver: 'bmc' }] })
    expect(powers.reading('m_1')).toMatchObject({
      state: 'unknown',
      problems: [{ driver: 'bmc', cause: 'it does not answer' }],
    })
  })

  test('a cached state comes with its age and asks nobody', async () => {
    const powers = await bed.withDrivers('bmc')
    const readAt = bed.clock.now()
    await powers.status(MACHINE)
    bed.bmc.done.length = 0
    bed.clock.advance(60_000)
    expect(await powers.status(MACHINE, { cached: true })).toMatchObject({ state: 'off', checkedAt: readAt })
    expect(await powers.status(MACHINE, { maxAgeMs: 60_000 })).toMatchObject({ checkedAt: readAt })
    expect(bed.bmc.done).toEqual([])
    expect(await powers.status(MACHINE, { maxAgeMs: 59_999 })).toMatchObject({ checkedAt: bed.clock.now() })
    expect(bed.bmc.done).toEqual(['state'])
  })

  test('those who ask at the same time share one reading', async () => {
    const powers = await bed.withDrivers('bmc')
    await Promise.all(Array.from({ length: 20 }, () => powers.status(MACHINE)))
    expect(bed.bmc.done).toEqual(['state'])
  })

  test('a change is published once, the same again is not', async () => {
    const powers = await bed.withDrivers('bmc')
    await powers.status(MACHINE)
    await powers.status(MACHINE)
    expect(bed.events).toEqual(['m_1 saved'])
    bed.bmc.now = 'on'
    await powers.status(MACHINE)
    expect(bed.events).toHaveLength(2)
  })

  test('a driver that failed too often is left alone for a while, then asked again', async () => {
    const powers = await bed.withDrivers('bmc')
    bed.bmc.fails = silent()
    for (let i = 0; i < FAILURES_TO_OPEN; i++) await powers.status(MACHINE)
    bed.bmc.done.length = 0
    expect(await powers.status(MACHINE)).toMatchObject({
      state: 'unknown',
      problems: [{ driver: 'bmc', cause: 'it failed too often and is asked again in 10 s: it does not answer' }],
    })
    expect(bed.bmc.done).toEqual([])
    expect(await powers.status(MACHINE, { driver: 'bmc' }), 'whoever names it gets it asked').toMatchObject({
      problems: [{ cause: 'it does not answer' }],
    })
    bed.bmc.fails = undefined
    bed.clock.advance(10_000)
    expect(await powers.status(MACHINE)).toMatchObject({ state: 'off', problems: [] })
    expect(powers.drivers(MACHINE)[0]!.health).toMatchObject({ circuit: 'closed', lastFailure: 'it does not answer' })
  })

  test('a machine without drivers, and a driver that it does not have, are refused', async () => {
    const powers = await bed.open()
    await expect(powers.status(MACHINE)).rejects.toMatchObject({ code: 'not-available' })
    expect(powers.finder(MACHINE)).toBeUndefined()
    const others = await bed.withDrivers('bmc')
    await expect(others.status(MACHINE, { driver: 'nothing' })).rejects.toMatchObject({ code: 'not-found' })
  })
})

describe('switching', () => {
  test('is confirmed by what is read back', async () => {
    const powers = await bed.withDrivers('bmc')
    bed.bmc.lag = 3
    expect(await powers.perform(MACHINE, 'on')).toMatchObject({
      state: 'on',
      driver: 'bmc',
      confirmed: true,
      problems: [],
    })
    expect(bed.bmc.done.filter((what) => what === 'on')).toHaveLength(1)
  })

  test('a driver that takes the order and does nothing is named, and the next one is tried', async () => {
    const powers = await bed.withDrivers('bmc', 'cloud')
    bed.bmc.ignores = true
    bed.bmc.now = 'on'
    bed.cloud.now = 'on'
    // Both see the same machine.
    bed.bmc.state = async () => bed.cloud.now
    const report = await powers.perform(MACHINE, 'off')
    expect(report).toMatchObject({ state: 'off', confirmed: true })
    expect(report.problems).toEqual([
      { driver: 'bmc', cause: 'it took the order to switch off, but the power is on after 15 s' },
    ])
  })

  test('when all take it and nothing comes of it, that is the answer', async () => {
    const powers = await bed.withDrivers('bmc')
    bed.bmc.ignores = true
    const report = await powers.perform(MACHINE, 'on', { wait: 2 })
    expect(report).toMatchObject({ state: 'off', confirmed: false, problems: [{ driver: 'bmc' }] })
  })

  test('a driver that fails is named, and the next one is tried', async () => {
    const powers = await bed.withDrivers('bmc', 'cloud')
    bed.bmc.perform = async () => {
      throw silent()
    }
    bed.bmc.state = async () => bed.cloud.now
    expect(await powers.perform(MACHINE, 'on')).toMatchObject({
      confirmed: true,
      problems: [{ driver: 'bmc', cause: 'it does not answer' }],
    })
  })

  test('when none takes it, the refusal tells what each said', async () => {
    const powers = await bed.withDrivers('bmc', 'cloud')
    bed.bmc.fails = silent()
    bed.cloud.fails = new Error('a password was in here')
    await expect(powers.perform(MACHINE, 'on')).rejects.toMatchObject({
      code: 'not-available',
      message: 'nothing could switch it on (pc1): bmc: it does not answer; cloud: the driver failed',
    })
    const alone = await bed.withDrivers('bmc')
    bed.bmc.fails = new Refusal('wrong-credentials', 'wrong password', { next: 'set it again' })
    await expect(alone.perform(MACHINE, 'on', { driver: 'bmc' })).rejects.toMatchObject({
      code: 'not-available',
      message: 'pc1, driver bmc: wrong password',
      next: 'set it again',
    })
  })

  test('a driver that is named is asked alone', async () => {
    const powers = await bed.withDrivers('bmc', 'cloud')
    await powers.perform(MACHINE, 'on', { driver: 'cloud' })
    expect(bed.bmc.done).not.toContain('on')
    await expect(powers.perform(MACHINE, 'on', { driver: 'ssh' })).rejects.toMatchObject({ code: 'not-found' })
    bed.bmc.fails = silent()
    await expect(powers.perform(MACHINE, 'on', { driver: 'bmc' })).rejects.toMatchObject({ code: 'not-available' })
  })

  test('each action goes to the first that can do it', async () => {
    const powers = await bed.withDrivers('ssh', 'bmc')
    bed.ssh.state = async () => bed.bmc.now
    await powers.perform(MACHINE, 'on')
    await powers.perform(MACHINE, 'soft', { wait: 0 })
    expect(bed.ssh.done).toContain('soft')
    expect(bed.bmc.done).not.toContain('soft')
    const only = await bed.withDrivers('ssh')
    await expect(only.perform(MACHINE, 'off', { driver: 'ssh' })).rejects.toMatchObject({
      message: 'pc1: the driver ssh cannot switch it off',
    })
  })

  test('a restart of what was on before is proved by its being off, or by a boot that began', async () => {
    const powers = await bed.withDrivers('bmc')
    await powers.perform(MACHINE, 'on')
    expect(await powers.perform(MACHINE, 'cycle')).toMatchObject({ state: 'on', confirmed: null })
    bed.seen = true
    expect(await powers.perform(MACHINE, 'cycle')).toMatchObject({ confirmed: true })
    expect(await powers.perform(MACHINE, 'reset')).toMatchObject({ confirmed: true })
  })

  test('a machine that was off a while ago is read again before a cycle: that it is on then proves nothing', async () => {
    const powers = await bed.withDrivers('bmc')
    await powers.status(MACHINE)
    bed.bmc.now = 'on'
    bed.bmc.ignores = true
    expect(await powers.perform(MACHINE, 'cycle', { wait: 3 })).toMatchObject({ state: 'on', confirmed: null })
    bed.bmc.now = 'off'
    bed.bmc.ignores = false
    await powers.status(MACHINE)
    expect(await powers.perform(MACHINE, 'cycle')).toMatchObject({ state: 'on', confirmed: true })
  })

  test('a power cycle that leaves a machine off is finished by switching it on', async () => {
    const powers = await bed.withDrivers('bmc')
    const perform = bed.bmc.perform.bind(bed.bmc)
    bed.bmc.perform = async (action) => perform(action === 'cycle' ? 'off' : action)
    await powers.perform(MACHINE, 'on')
    const report = await powers.perform(MACHINE, 'cycle', { wait: 3 })
    expect(report).toMatchObject({ state: 'on', confirmed: true })
    expect(report.problems.map(({ cause }) => cause)).toContain('the power cycle left it off; it was switched on')
  })

  test('a driver that says no to a power cycle is told to switch off and on', async () => {
    const powers = await bed.withDrivers('bmc')
    const perform = bed.bmc.perform.bind(bed.bmc)
    bed.bmc.perform = async (action) => {
      if (action === 'cycle') throw new Refusal('wrong-state', 'it knows no cycle')
      await perform(action)
    }
    expect(await powers.perform(MACHINE, 'cycle')).toEqual({
      state: 'on',
      driver: 'bmc',
      checkedAt: bed.clock.now(),
      confirmed: true,
      problems: [{ driver: 'bmc', cause: 'it knows no cycle' }],
      steps: [
        { at: bed.clock.now(), driver: 'bmc', action: 'cycle', outcome: 'failed', said: 'it knows no cycle' },
        { at: bed.clock.now(), driver: 'bmc', action: 'off', outcome: 'confirmed', said: 'the power is off' },
        { at: bed.clock.now(), driver: 'bmc', action: 'on', outcome: 'confirmed', said: 'the power is on' },
      ],
    })
    expect(bed.bmc.done.filter((what) => what !== 'state')).toEqual(['off', 'on'])
    bed.bmc.fails = silent()
    await expect(powers.perform(MACHINE, 'cycle'), 'but not when it does not answer').rejects.toThrow()
  })

  test('what can only be switched off and on is restarted so, by one or by two drivers', async () => {
    const power = { now: 'on' as 'on' | 'off' }
    const wake = new FakeDriver({ kind: 'ipmi', actions: ['on'] })
    wake.perform = async () => {
      power.now = 'on'
    }
    wake.state = bed.ssh.state = async () => power.now
    bed.ssh.perform = async () => {
      power.now = 'off'
    }
    bed.factories.ipmi = fakeFactory(wake)
    const powers = await bed.withDrivers('bmc', 'ssh')
    expect(await powers.perform(MACHINE, 'cycle')).toMatchObject({ state: 'on', confirmed: true, problems: [] })
    bed.ssh.perform = async () => undefined
    expect(await powers.perform(MACHINE, 'cycle', { wait: 1 }), 'it did not end').toMatchObject({
      state: 'on',
      confirmed: false,
    })
  })

  test('without waiting the answer is what is so now, and proves little', async () => {
    const powers = await bed.withDrivers('bmc')
    bed.bmc.ignores = true
    expect(await powers.perform(MACHINE, 'on', { wait: 0 })).toMatchObject({ state: 'off', confirmed: null })
    expect(bed.bmc.done).toEqual(['on', 'state'])
  })

  test('a newer order ends the looking of an older one', async () => {
    let release: () => void = () => undefined
    const powers = await bed.open({ sleep: () => new Promise((resolve) => (release = resolve)) })
    await powers.putDriver(MACHINE, 'bmc', { settings: IPMI, secrets: null }, 'ada')
    bed.bmc.ignores = true
    const first = powers.perform(MACHINE, 'on')
    await expect.poll(() => bed.bmc.done).toContain('state')
    const older = release
    const second = powers.perform(MACHINE, 'off')
    older()
    expect(await first).toMatchObject({
      confirmed: null,
      problems: [{ driver: 'bmc', cause: 'something else was ordered meanwhile' }],
    })
    expect(await second).toMatchObject({ state: 'off', confirmed: true })
  })
})

describe('firmware', () => {
  const PXE = { device: 'pxe', persistent: false, efi: true } as const

  test('is told what to boot, and what it was told is read back', async () => {
    const powers = await bed.withDrivers('bmc')
    expect(await powers.setBootOrder(MACHINE, PXE)).toEqual({
      driver: 'bmc',
      order: PXE,
      confirmed: true,
      problems: [],
    })
    expect(await powers.bootOrder(MACHINE)).toMatchObject({ driver: 'bmc', value: PXE })
    expect(await powers.setBootOrder(MACHINE, null)).toMatchObject({ order: null, confirmed: true })
  })

  test('that says yes and keeps something else is named, and the next driver is tried', async () => {
    const powers = await bed.withDrivers('bmc', 'cloud')
    bed.bmc.ignores = true
    expect(await powers.setBootOrder(MACHINE, PXE)).toMatchObject({
      driver: 'cloud',
      confirmed: true,
      problems: [{ driver: 'bmc' }],
    })
    bed.cloud.ignores = true
    expect(await powers.setBootOrder(MACHINE, { ...PXE, device: 'disk' })).toMatchObject({ confirmed: false })
    const power = powers.finder(MACHINE)!
    bed.cloud.order = null
    expect(await power.prepareNetworkBoot!()).toMatch(/bmc: it took the boot order, but what is read back is none/)
    bed.cloud.ignores = false
    expect(await power.prepareNetworkBoot!()).toBeNull()
  })
})

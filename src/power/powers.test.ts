import { beforeEach, describe, expect, test } from 'vitest'
import { FAKE_SEALER, FakeDriver, fakeFactory, MemoryPower } from '../../test/fakes/power.ts'
import { ManualClock } from '../kit/clock.ts'
import { Refusal } from '../kit/errors.ts'
import type { Mac } from '../kit/mac.ts'
import { FAILURES_TO_OPEN } from './circuit.ts'
import { Powers } from './powers.ts'
import { DriverSettings } from './settings.ts'

const MACHINE = { id: 'm_1', name: 'pc1', macs: ['52:54:00:00:00:01' as Mac] }
const IPMI = DriverSettings.parse({ kind: 'ipmi', address: '10.0.0.9', user: 'admin' })
const SSH = DriverSettings.parse({ kind: 'ssh' })
const HTTP = DriverSettings.parse({ kind: 'http', url: 'https://cloud.example' })
const silent = () => new Refusal('not-available', 'it does not answer')

let clock: ManualClock
let bmc: FakeDriver
let ssh: FakeDriver
let cloud: FakeDriver
let lab: FakeDriver | undefined
let rows: MemoryPower
let events: string[]
let seen: boolean
let factories: Record<'ipmi' | 'ssh' | 'http', ReturnType<typeof fakeFactory>>

beforeEach(() => {
  clock = new ManualClock()
  bmc = new FakeDriver({ kind: 'ipmi' })
  ssh = new FakeDriver({ kind: 'ssh', actions: ['soft'] })
  cloud = new FakeDriver({ kind: 'http' })
  lab = undefined
  rows = new MemoryPower()
  events = []
  seen = false
  factories = { ipmi: fakeFactory(bmc), ssh: fakeFactory(ssh), http: fakeFactory(cloud) }
})

const open = (more: { pollSeconds?: number; sleep?: (ms: number) => Promise<void> } = {}) =>
  Powers.open({
    repository: rows,
    sealer: FAKE_SEALER,
    factories,
    builtIn: () => (lab ? [{ name: 'lab', kind: 'lab', make: () => lab! }] : []),
    machine: (id) => (id === MACHINE.id ? MACHINE : undefined),
    machines: () => [MACHINE],
    addressOf: () => '10.0.0.7',
    seenSince: () => seen,
    events: { publish: ({ id, change }) => events.push(`${id} ${change}`) },
    clock,
    pollSeconds: more.pollSeconds ?? 0,
    concurrency: 4,
    sleep: more.sleep ?? (async (ms) => clock.advance(ms)),
    random: () => 0.5,
  })

async function withDrivers(...names: ('bmc' | 'ssh' | 'cloud')[]) {
  const powers = await open()
  const settings = { bmc: IPMI, ssh: SSH, cloud: HTTP }
  for (const name of names) await powers.putDriver(MACHINE, name, { settings: settings[name], secrets: null }, 'ada')
  for (const driver of [bmc, ssh, cloud]) driver.done.length = 0
  events.length = 0
  return powers
}

describe('reading', () => {
  test('asks the drivers in their order until one tells; what the others said is told too', async () => {
    const powers = await withDrivers('bmc', 'cloud')
    bmc.fails = silent()
    cloud.now = 'on'
    expect(await powers.status(MACHINE)).toEqual({
      state: 'on',
      driver: 'cloud',
      checkedAt: clock.now(),
      confirmed: null,
      problems: [{ driver: 'bmc', cause: 'it does not answer' }],
    })
  })

  test('what nobody can tell is unknown, never assumed', async () => {
    const powers = await withDrivers('bmc')
    await powers.status(MACHINE)
    bmc.fails = silent()
    const report = await powers.status(MACHINE)
    expect(report).toMatchObject({ state: 'unknown', problems: [{ driver: 'bmc' }] })
    expect(powers.reading('m_1')).toMatchObject({
      state: 'unknown',
      problems: [{ driver: 'bmc', cause: 'it does not answer' }],
    })
  })

  test('a cached state comes with its age and asks nobody', async () => {
    const powers = await withDrivers('bmc')
    const readAt = clock.now()
    await powers.status(MACHINE)
    bmc.done.length = 0
    clock.advance(60_000)
    expect(await powers.status(MACHINE, { cached: true })).toMatchObject({ state: 'off', checkedAt: readAt })
    expect(await powers.status(MACHINE, { maxAgeMs: 60_000 })).toMatchObject({ checkedAt: readAt })
    expect(bmc.done).toEqual([])
    expect(await powers.status(MACHINE, { maxAgeMs: 59_999 })).toMatchObject({ checkedAt: clock.now() })
    expect(bmc.done).toEqual(['state'])
  })

  test('those who ask at the same time share one reading', async () => {
    const powers = await withDrivers('bmc')
    await Promise.all(Array.from({ length: 20 }, () => powers.status(MACHINE)))
    expect(bmc.done).toEqual(['state'])
  })

  test('a change is published once, the same again is not', async () => {
    const powers = await withDrivers('bmc')
    await powers.status(MACHINE)
    await powers.status(MACHINE)
    expect(events).toEqual(['m_1 saved'])
    bmc.now = 'on'
    await powers.status(MACHINE)
    expect(events).toHaveLength(2)
  })

  test('a driver that failed too often is left alone for a while, then asked again', async () => {
    const powers = await withDrivers('bmc')
    bmc.fails = silent()
    for (let i = 0; i < FAILURES_TO_OPEN; i++) await powers.status(MACHINE)
    bmc.done.length = 0
    expect(await powers.status(MACHINE)).toMatchObject({
      state: 'unknown',
      problems: [{ driver: 'bmc', cause: 'it failed too often and is asked again in 10 s: it does not answer' }],
    })
    expect(bmc.done).toEqual([])
    expect(await powers.status(MACHINE, { driver: 'bmc' }), 'whoever names it gets it asked').toMatchObject({
      problems: [{ cause: 'it does not answer' }],
    })
    bmc.fails = undefined
    clock.advance(10_000)
    expect(await powers.status(MACHINE)).toMatchObject({ state: 'off', problems: [] })
    expect(powers.drivers(MACHINE)[0]!.health).toMatchObject({ circuit: 'closed', lastFailure: 'it does not answer' })
  })

  test('a machine without drivers, and a driver that it does not have, are refused', async () => {
    const powers = await open()
    await expect(powers.status(MACHINE)).rejects.toMatchObject({ code: 'not-available' })
    expect(powers.finder(MACHINE)).toBeUndefined()
    const others = await withDrivers('bmc')
    await expect(others.status(MACHINE, { driver: 'nothing' })).rejects.toMatchObject({ code: 'not-found' })
  })
})

describe('switching', () => {
  test('is confirmed by what is read back', async () => {
    const powers = await withDrivers('bmc')
    bmc.lag = 3
    expect(await powers.perform(MACHINE, 'on')).toMatchObject({
      state: 'on',
      driver: 'bmc',
      confirmed: true,
      problems: [],
    })
    expect(bmc.done.filter((what) => what === 'on')).toHaveLength(1)
  })

  test('a driver that takes the order and does nothing is named, and the next one is tried', async () => {
    const powers = await withDrivers('bmc', 'cloud')
    bmc.ignores = true
    bmc.now = 'on'
    cloud.now = 'on'
    // Both see the same machine.
    bmc.state = async () => cloud.now
    const report = await powers.perform(MACHINE, 'off')
    expect(report).toMatchObject({ state: 'off', confirmed: true })
    expect(report.problems).toEqual([
      { driver: 'bmc', cause: 'it took the order to switch off, but the power is on after 15 s' },
    ])
  })

  test('when all take it and nothing comes of it, that is the answer', async () => {
    const powers = await withDrivers('bmc')
    bmc.ignores = true
    const report = await powers.perform(MACHINE, 'on', { wait: 2 })
    expect(report).toMatchObject({ state: 'off', confirmed: false, problems: [{ driver: 'bmc' }] })
  })

  test('a driver that fails is named, and the next one is tried', async () => {
    const powers = await withDrivers('bmc', 'cloud')
    bmc.perform = async () => {
      throw silent()
    }
    bmc.state = async () => cloud.now
    expect(await powers.perform(MACHINE, 'on')).toMatchObject({
      confirmed: true,
      problems: [{ driver: 'bmc', cause: 'it does not answer' }],
    })
  })

  test('when none takes it, the refusal tells what each said', async () => {
    const powers = await withDrivers('bmc', 'cloud')
    bmc.fails = silent()
    cloud.fails = new Error('a password was in here')
    await expect(powers.perform(MACHINE, 'on')).rejects.toMatchObject({
      code: 'not-available',
      message: 'nothing could switch it on (pc1): bmc: it does not answer; cloud: the driver failed',
    })
    const alone = await withDrivers('bmc')
    bmc.fails = new Refusal('wrong-credentials', 'wrong password', { next: 'set it again' })
    await expect(alone.perform(MACHINE, 'on', { driver: 'bmc' })).rejects.toMatchObject({
      code: 'not-available',
      message: 'pc1, driver bmc: wrong password',
      next: 'set it again',
    })
  })

  test('a driver that is named is asked alone', async () => {
    const powers = await withDrivers('bmc', 'cloud')
    await powers.perform(MACHINE, 'on', { driver: 'cloud' })
    expect(bmc.done).not.toContain('on')
    await expect(powers.perform(MACHINE, 'on', { driver: 'ssh' })).rejects.toMatchObject({ code: 'not-found' })
    bmc.fails = silent()
    await expect(powers.perform(MACHINE, 'on', { driver: 'bmc' })).rejects.toMatchObject({ code: 'not-available' })
  })

  test('each action goes to the first that can do it', async () => {
    const powers = await withDrivers('ssh', 'bmc')
    ssh.state = async () => bmc.now
    await powers.perform(MACHINE, 'on')
    await powers.perform(MACHINE, 'soft', { wait: 0 })
    expect(ssh.done).toContain('soft')
    expect(bmc.done).not.toContain('soft')
    const only = await withDrivers('ssh')
    await expect(only.perform(MACHINE, 'off', { driver: 'ssh' })).rejects.toMatchObject({
      message: 'pc1: the driver ssh cannot switch it off',
    })
  })

  test('a restart of what was on before is proved by its being off, or by a boot that began', async () => {
    const powers = await withDrivers('bmc')
    await powers.perform(MACHINE, 'on')
    expect(await powers.perform(MACHINE, 'cycle')).toMatchObject({ state: 'on', confirmed: null })
    seen = true
    expect(await powers.perform(MACHINE, 'cycle')).toMatchObject({ confirmed: true })
    expect(await powers.perform(MACHINE, 'reset')).toMatchObject({ confirmed: true })
  })

  test('a power cycle that leaves a machine off is finished by switching it on', async () => {
    const powers = await withDrivers('bmc')
    const perform = bmc.perform.bind(bmc)
    bmc.perform = async (action) => perform(action === 'cycle' ? 'off' : action)
    await powers.perform(MACHINE, 'on')
    const report = await powers.perform(MACHINE, 'cycle', { wait: 3 })
    expect(report).toMatchObject({ state: 'on', confirmed: true })
    expect(report.problems.map(({ cause }) => cause)).toContain('the power cycle left it off; it was switched on')
  })

  test('a driver that says no to a power cycle is told to switch off and on', async () => {
    const powers = await withDrivers('bmc')
    const perform = bmc.perform.bind(bmc)
    bmc.perform = async (action) => {
      if (action === 'cycle') throw new Refusal('wrong-state', 'it knows no cycle')
      await perform(action)
    }
    expect(await powers.perform(MACHINE, 'cycle')).toEqual({
      state: 'on',
      driver: 'bmc',
      checkedAt: clock.now(),
      confirmed: true,
      problems: [{ driver: 'bmc', cause: 'it knows no cycle' }],
    })
    expect(bmc.done.filter((what) => what !== 'state')).toEqual(['off', 'on'])
    bmc.fails = silent()
    await expect(powers.perform(MACHINE, 'cycle'), 'but not when it does not answer').rejects.toThrow()
  })

  test('what can only be switched off and on is restarted so, by one or by two drivers', async () => {
    const power = { now: 'on' as 'on' | 'off' }
    const wake = new FakeDriver({ kind: 'ipmi', actions: ['on'] })
    wake.perform = async () => {
      power.now = 'on'
    }
    wake.state = ssh.state = async () => power.now
    ssh.perform = async () => {
      power.now = 'off'
    }
    factories.ipmi = fakeFactory(wake)
    const powers = await withDrivers('bmc', 'ssh')
    expect(await powers.perform(MACHINE, 'cycle')).toMatchObject({ state: 'on', confirmed: true, problems: [] })
    ssh.perform = async () => undefined
    expect(await powers.perform(MACHINE, 'cycle', { wait: 1 }), 'it did not end').toMatchObject({
      state: 'on',
      confirmed: false,
    })
  })

  test('without waiting the answer is what is so now, and proves little', async () => {
    const powers = await withDrivers('bmc')
    bmc.ignores = true
    expect(await powers.perform(MACHINE, 'on', { wait: 0 })).toMatchObject({ state: 'off', confirmed: null })
    expect(bmc.done).toEqual(['on', 'state'])
  })

  test('a newer order ends the looking of an older one', async () => {
    let release: () => void = () => undefined
    const powers = await open({ sleep: () => new Promise((resolve) => (release = resolve)) })
    await powers.putDriver(MACHINE, 'bmc', { settings: IPMI, secrets: null }, 'ada')
    bmc.ignores = true
    const first = powers.perform(MACHINE, 'on')
    await expect.poll(() => bmc.done).toContain('state')
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
    const powers = await withDrivers('bmc')
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
    const powers = await withDrivers('bmc', 'cloud')
    bmc.ignores = true
    expect(await powers.setBootOrder(MACHINE, PXE)).toMatchObject({
      driver: 'cloud',
      confirmed: true,
      problems: [{ driver: 'bmc' }],
    })
    cloud.ignores = true
    expect(await powers.setBootOrder(MACHINE, { ...PXE, device: 'disk' })).toMatchObject({ confirmed: false })
    const power = powers.finder(MACHINE)!
    cloud.order = null
    expect(await power.prepareNetworkBoot!()).toMatch(/bmc: it took the boot order, but what is read back is none/)
    cloud.ignores = false
    expect(await power.prepareNetworkBoot!()).toBeNull()
  })
})

describe('drivers', () => {
  test('are made with their secrets when they are asked first, and anew when they were changed', async () => {
    const powers = await withDrivers()
    await powers.putDriver(MACHINE, 'bmc', { settings: IPMI, secrets: { password: 'hunter2' } }, 'ada')
    await powers.status(MACHINE)
    const [, secrets, machine] = factories.ipmi.made.at(-1)!
    expect(secrets.password!.reveal()).toBe('hunter2')
    expect(machine).toMatchObject({ id: 'm_1', name: 'pc1' })
    expect(machine.address()).toBe('10.0.0.7')
    const made = factories.ipmi.made.length
    await powers.status(MACHINE)
    expect(factories.ipmi.made).toHaveLength(made)
    const closed = bmc.closed
    await powers.putDriver(MACHINE, 'bmc', { settings: { ...IPMI, port: 624 } as DriverSettings, secrets: null }, 'ada')
    expect(bmc.closed).toBeGreaterThan(closed)
    await powers.status(MACHINE)
    expect(factories.ipmi.made.at(-1)![1]).toEqual({})
  })

  test('that cannot be made are refused before anything is kept', async () => {
    const powers = await open()
    const failing = {
      ...factories,
      http: Object.assign(
        () => {
          throw new Refusal('validation-failed', 'no request')
        },
        { made: [] },
      ),
    }
    factories = failing
    const other = await open()
    await expect(other.putDriver(MACHINE, 'cloud', { settings: HTTP, secrets: null }, 'ada')).rejects.toThrow(
      'no request',
    )
    const snmp = DriverSettings.parse({ kind: 'snmp', address: 'a', model: 'apc', outlet: 1 })
    await expect(powers.putDriver(MACHINE, 'pdu', { settings: snmp, secrets: null }, 'ada')).rejects.toMatchObject({
      code: 'not-available',
    })
    await expect(
      powers.putDriver(MACHINE, 'x', { settings: { kind: 'lab' }, secrets: null }, 'ada'),
    ).rejects.toMatchObject({
      code: 'validation-failed',
    })
    expect(rows.rows.size).toBe(0)
  })

  test('that are there by themselves come last and cannot be changed', async () => {
    lab = new FakeDriver()
    const powers = await withDrivers('bmc')
    expect(powers.drivers(MACHINE)).toMatchObject([
      { name: 'bmc', position: 0, builtIn: false },
      { name: 'lab', position: 1, builtIn: true, settings: { kind: 'lab' }, missing: ['raw'] },
    ])
    expect(powers.finder(MACHINE)!.driver).toBe('bmc')
    await expect(powers.removeDriver(MACHINE, 'lab', 'ada')).rejects.toMatchObject({ code: 'conflict' })
    await expect(powers.putDriver(MACHINE, 'lab', { settings: IPMI, secrets: null }, 'ada')).rejects.toMatchObject({
      code: 'conflict',
    })
    await powers.removeDriver(MACHINE, 'bmc', 'ada')
    expect(powers.drivers(MACHINE).map(({ name }) => name)).toEqual(['lab'])
    await expect(powers.removeDriver(MACHINE, 'bmc', 'ada')).rejects.toMatchObject({ code: 'not-found' })
  })

  test('whose secrets cannot be opened say so, and can do nothing', async () => {
    const powers = await withDrivers()
    await powers.putDriver(MACHINE, 'bmc', { settings: IPMI, secrets: { password: 'x' } }, 'ada')
    const [row] = rows.rows.values()
    await rows.save([{ ...row!, sealed: FAKE_SEALER.seal('elsewhere', '{}') }])
    const again = await open()
    expect(again.drivers(MACHINE)[0]).toMatchObject({ capabilities: [], health: { lastFailure: 'the driver failed' } })
    await expect(again.perform(MACHINE, 'on')).rejects.toMatchObject({ code: 'not-available' })
  })

  test('go with their machine', async () => {
    const powers = await withDrivers('bmc', 'cloud')
    await powers.status(MACHINE)
    await powers.forget('m_1')
    await powers.forget('m_1')
    expect(rows.rows.size).toBe(0)
    expect(powers.reading('m_1')).toBeUndefined()
    expect(powers.finder(MACHINE)).toBeUndefined()
    expect(bmc.closed).toBeGreaterThan(0)
  })

  test('of a machine that went while the server ended are forgotten at the next start', async () => {
    const powers = await withDrivers('bmc')
    const [row] = rows.rows.values()
    await rows.save([{ ...row!, machine: 'm_gone' }])
    await open()
    expect([...rows.rows.values()].map(({ machine }) => machine)).toEqual(['m_1'])
    expect(powers.drivers(MACHINE)).toHaveLength(1)
  })

  test('are counted by circuit, state and outcome of their calls', async () => {
    const powers = await withDrivers('bmc', 'cloud')
    await powers.status(MACHINE)
    bmc.fails = silent()
    await powers.status(MACHINE)
    expect(powers.counts()).toEqual({
      circuits: { closed: 2, open: 0, 'half-open': 0 },
      states: { on: 0, off: 1, unknown: 0 },
      calls: [
        { kind: 'ipmi', result: 'ok', count: 1 },
        { kind: 'ipmi', result: 'failed', count: 1 },
        { kind: 'http', result: 'ok', count: 1 },
      ],
    })
  })
})

describe('polling', () => {
  const settle = () => new Promise((resolve) => setImmediate(resolve))

  test('reads every machine with a driver once in each interval, and rarely when nothing answers', async () => {
    const powers = await open({ pollSeconds: 60 })
    await powers.putDriver(MACHINE, 'bmc', { settings: IPMI, secrets: null }, 'ada')
    bmc.done.length = 0
    const run = async (seconds: number) => {
      for (let i = 0; i < seconds; i++) {
        clock.advance(1000)
        powers.tick()
        await settle()
      }
      return bmc.done.splice(0).length
    }
    expect(await run(5), 'a driver that is new is read at once').toBe(1)
    expect(await run(300)).toBe(5)
    bmc.fails = silent()
    const asked = await run(3600)
    expect(asked).toBeGreaterThan(3)
    expect(asked).toBeLessThan(12)
    bmc.fails = undefined
    clock.advance(16 * 60_000)
    expect(await run(60)).toBeGreaterThan(0)
    expect(powers.reading('m_1')).toMatchObject({ state: 'off', problems: [] })
  })

  test('is off when the settings say so', async () => {
    const powers = await withDrivers('bmc')
    clock.advance(600_000)
    powers.tick()
    await settle()
    expect(bmc.done).toEqual([])
  })
})

import { beforeEach, describe, expect, test } from 'vitest'
import { FAKE_SEALER, FakeDriver } from '../../test/fakes/power.ts'
import { HTTP, IPMI, MACHINE, PowersBed, silent } from '../../test/fakes/powers-bed.ts'
import { Refusal } from '../kit/errors.ts'
import { DriverSettings } from './settings.ts'

let bed: PowersBed
beforeEach(() => {
  bed = new PowersBed()
})

describe('drivers', () => {
  test('are made with their secrets when they are asked first, and anew when they were changed', async () => {
    const powers = await bed.withDrivers()
    await powers.putDriver(MACHINE, 'bmc', { settings: IPMI, secrets: { password: 'hunter2' } }, 'ada')
    await powers.status(MACHINE)
    const [, secrets, machine] = bed.factories.ipmi.made.at(-1)!
    expect(secrets.password!.reveal()).toBe('hunter2')
    expect(machine).toMatchObject({ id: 'm_1', name: 'pc1' })
    expect(machine.address()).toBe('10.0.0.7')
    const made = bed.factories.ipmi.made.length
    await powers.status(MACHINE)
    expect(bed.factories.ipmi.made).toHaveLength(made)
    const closed = bed.bmc.closed
    await powers.putDriver(MACHINE, 'bmc', { settings: { ...IPMI, port: 624 } as DriverSettings, secrets: null }, 'ada')
    expect(bed.bmc.closed).toBeGreaterThan(closed)
    await powers.status(MACHINE)
    expect(bed.factories.ipmi.made.at(-1)![1]).toEqual({})
  })

  test('that cannot be made are refused before anything is kept', async () => {
    const powers = await bed.open()
    const failing = {
      ...bed.factories,
      http: Object.assign(
        () => {
          throw new Refusal('validation-failed', 'no request')
        },
        { made: [] },
      ),
    }
    bed.factories = failing
    const other = await bed.open()
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
    expect(bed.rows.rows.size).toBe(0)
  })

  test('that are there by themselves come last and cannot be changed', async () => {
    bed.lab = new FakeDriver()
    const powers = await bed.withDrivers('bmc')
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
    const powers = await bed.withDrivers()
    await powers.putDriver(MACHINE, 'bmc', { settings: IPMI, secrets: { password: 'x' } }, 'ada')
    const [row] = bed.rows.rows.values()
    await bed.rows.save([{ ...row!, sealed: FAKE_SEALER.seal('elsewhere', '{}') }])
    const again = await bed.open()
    expect(again.drivers(MACHINE)[0]).toMatchObject({ capabilities: [], health: { lastFailure: 'the driver failed' } })
    await expect(again.perform(MACHINE, 'on')).rejects.toMatchObject({ code: 'not-available' })
  })

  test('go with their machine', async () => {
    const powers = await bed.withDrivers('bmc', 'cloud')
    await powers.status(MACHINE)
    await powers.forget('m_1')
    await powers.forget('m_1')
    expect(bed.rows.rows.size).toBe(0)
    expect(powers.reading('m_1')).toBeUndefined()
    expect(powers.finder(MACHINE)).toBeUndefined()
    expect(bed.bmc.closed).toBeGreaterThan(0)
  })

  test('of a machine that went while the server ended are forgotten at the next start', async () => {
    const powers = await bed.withDrivers('bmc')
    const [row] = bed.rows.rows.values()
    await bed.rows.save([{ ...row!, machine: 'm_gone' }])
    await bed.open()
    expect([...bed.rows.rows.values()].map(({ machine }) => machine)).toEqual(['m_1'])
    expect(powers.drivers(MACHINE)).toHaveLength(1)
  })

  test('are counted by circuit, state and outcome of their calls', async () => {
    const powers = await bed.withDrivers('bmc', 'cloud')
    await powers.status(MACHINE)
    bed.bmc.fails = silent()
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
    const powers = await bed.open({ pollSeconds: 60 })
    await powers.putDriver(MACHINE, 'bmc', { settings: IPMI, secrets: null }, 'ada')
    bed.bmc.done.length = 0
    const run = async (seconds: number) => {
      for (let i = 0; i < seconds; i++) {
        bed.clock.advance(1000)
        powers.tick()
        await settle()
      }
      return bed.bmc.done.splice(0).length
    }
    expect(await run(5), 'a driver that is new is read at once').toBe(1)
    expect(await run(300)).toBe(5)
    bed.bmc.fails = silent()
    const asked = await run(3600)
    expect(asked).toBeGreaterThan(3)
    expect(asked).toBeLessThan(12)
    bed.bmc.fails = undefined
    bed.clock.advance(16 * 60_000)
    expect(await run(60)).toBeGreaterThan(0)
    expect(powers.reading('m_1')).toMatchObject({ state: 'off', problems: [] })
  })

  test('is off when the settings say so', async () => {
    const powers = await bed.withDrivers('bmc')
    bed.clock.advance(600_000)
    powers.tick()
    await settle()
    expect(bed.bmc.done).toEqual([])
  })
})

import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { OUTLET_MODELS, outletOid } from '../../src/power/drivers/snmp/models.ts'
import { snmpFactory } from '../../src/power/drivers/snmp/outlet.ts'
import { DriverSettings } from '../../src/power/settings.ts'
import { MACHINE, secretsOf } from '../conformance/power-beds/computer.ts'
import { describePowerDriver, type PowerBed } from '../conformance/power-driver-suite.ts'
import { STRIP, Strip } from './snmp-strip.ts'

/** Outlets of power strips, as Debian's snmpd tells of them. */
const strip = new Strip()
beforeAll(() => strip.start())
afterAll(() => strip.stop())

const { community, reader, user, auth, priv } = STRIP
const V3 = { version: '3', user, authProtocol: 'sha', privProtocol: 'aes' }
const KEYS = { authKey: auth, privKey: priv }

function driver(model: string, more: Record<string, unknown> = {}, secrets: Record<string, string> = { community }) {
  const settings = { kind: 'snmp', address: '127.0.0.1', port: strip.port, model, outlet: 5, pauseSeconds: 0, ...more }
  return snmpFactory(DriverSettings.parse(settings), secretsOf(secrets), MACHINE)
}

function place(model: string, outlet = 5) {
  return { unit: OUTLET_MODELS[model]!.unit ?? 1, feed: 1, outlet }
}

function bed(
  name: string,
  more: Record<string, unknown>,
  right: Record<string, string>,
  wrong?: Record<string, string>,
) {
  return (): PowerBed => {
    const model = OUTLET_MODELS[name]!
    strip.wire(model, place(name))
    return {
      driver: () => driver(name, more, right),
      capabilities: ['state', 'on', 'off', 'cycle'],
      deeds: () => ({ on: strip.isOn(model, place(name)), starts: strip.starts, resets: 0, softs: 0, interrupts: 0 }),
      set: (on) => strip.set(model, place(name), on),
      ...(wrong ? { stranger: () => driver(name, more, wrong) } : {}),
      // Once is enough: it takes its time.
      ...(more.version === undefined ? { unreachable: () => driver(name, { port: 1 }, right) } : {}),
      secrets: [...Object.values(right), ...Object.values(wrong ?? {})],
      close: () => undefined,
    }
  }
}

describePowerDriver('snmp 1', bed('eaton-epdu', { version: '1' }, { community }))
describePowerDriver('snmp 2c', bed('apc-rpdu2', {}, { community }))
describePowerDriver(
  'snmp 3',
  bed('servertech-sentry4', V3, KEYS, { authKey: 'not-the-key-1', privKey: 'not-the-key-2' }),
)

describe('every model', () => {
  test.each(Object.entries(OUTLET_MODELS))('%s is switched and read as its MIB says', async (name, model) => {
    const at = place(name)
    strip.wire(model, at)
    const outlet = driver(name)
    expect(await outlet.state!()).toBe('off')
    await outlet.perform('on')
    expect(await outlet.state!()).toBe('on')
    await outlet.perform('off')
    expect(await outlet.state!()).toBe('off')
    await outlet.perform('cycle')
    expect(strip.orders).toHaveLength(4)
    expect(strip.starts).toBe(2)
    // A switch under way, or a fault.
    strip.put(outletOid(model.state.oid, at), 77)
    expect(await outlet.state!()).toBe('unknown')
  })

  test('numbers each outlet, strip and feed for itself', () => {
    const at = { unit: 2, feed: 3, outlet: 4 }
    expect(outletOid(OUTLET_MODELS['servertech-sentry3']!.state.oid, at)).toBe('1.3.6.1.4.1.1718.3.2.3.1.5.2.3.4')
    expect(outletOid(OUTLET_MODELS['eaton-managed']!.state.oid, at)).toBe('1.3.6.1.4.1.534.6.6.6.1.2.2.1.3.3')
    for (const { state, control } of Object.values(OUTLET_MODELS))
      for (const oid of [state.oid, control.on.oid, control.off.oid])
        expect(outletOid(oid, at)).toMatch(/^1\.3\.6\.1\.4\.1(\.\d+)+$/)
  })
})

describe('version 3', () => {
  test.each([
    ['SHA-256 and AES', `${user}256`, 'sha256', 'aes', KEYS],
    ['MD5 without encryption', `${user}plain`, 'md5', 'none', { authKey: auth }],
  ])('with %s', async (_, name, authProtocol, privProtocol, keys) => {
    strip.wire(OUTLET_MODELS['raritan-px2']!, place('raritan-px2'))
    const outlet = driver('raritan-px2', { version: '3', user: name, authProtocol, privProtocol }, keys)
    await outlet.perform('on')
    expect(await outlet.state!()).toBe('on')
  })

  test('with a user that is not there, or without the encryption that is asked of it, is refused as a login', async () => {
    for (const more of [
      { ...V3, user: 'nobody' },
      { ...V3, privProtocol: 'none' },
    ])
      await expect(driver('apc-rpdu', more, KEYS).state!()).rejects.toMatchObject({ code: 'wrong-credentials' })
  })
})

describe('a strip that', () => {
  test('lets a community only read tells its state, and says that it may not be switched', async () => {
    const model = OUTLET_MODELS['apc-rpdu']!
    strip.wire(model, place('apc-rpdu'))
    for (const version of ['1', '2c']) {
      const outlet = driver('apc-rpdu', { version }, { community: reader })
      expect(await outlet.state!()).toBe('off')
      await expect(outlet.perform('on')).rejects.toMatchObject({ next: expect.stringMatching(/community|model/) })
    }
    await expect(driver('apc-rpdu', {}, { community: reader }).perform('on')).rejects.toMatchObject({
      code: 'wrong-credentials',
    })
    expect(strip.isOn(model, place('apc-rpdu'))).toBe(false)
  })

  test('has no such outlet says which', async () => {
    for (const version of ['1', '2c'])
      await expect(driver('apc-rpdu', { version, outlet: 99 }).state!()).rejects.toMatchObject({
        code: 'wrong-state',
        message: expect.stringContaining('has no outlet 99 as apc-rpdu strips have it'),
      })
  })

  test('takes the order to switch off and does not is not told to switch on', async () => {
    const model = OUTLET_MODELS['apc-masterswitch']!
    const at = place('apc-masterswitch')
    strip.wire(model, at)
    strip.set(model, at, true)
    strip.lock(model, at)
    await expect(driver('apc-masterswitch').perform('cycle')).rejects.toMatchObject({
      code: 'wrong-state',
      message: expect.stringContaining('but it is not off'),
    })
    expect(strip.orders).toHaveLength(1)
    strip.unlock(model, at)
  })

  test('answers garbage does not answer', async () => {
    const noise = createSocket('udp4').bind(0, '127.0.0.1')
    await once(noise, 'listening')
    noise.on('message', (_, { port, address }) => {
      for (const text of ['', '0', '\x30\x82\xff\xff', '\x30\x03\x02\x01'.repeat(100)])
        noise.send(Buffer.from(text, 'latin1'), port, address)
    })
    await expect(driver('apc-rpdu', { port: noise.address().port }).state!()).rejects.toMatchObject({
      code: 'not-available',
    })
    noise.close()
  })

  test('is none of those known, or has no user for version 3, is refused before it is asked', () => {
    expect(() => driver('nonsense')).toThrow('power strips of the model nonsense are not known')
    expect(() => driver('toString')).toThrow('are not known')
    expect(() => driver('apc-rpdu', { version: '3' }, KEYS)).toThrow('needs a user')
  })
})

import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { FakeBmc, FakeDirectory } from '../../../../test/fakes/bmc.ts'
import type { SimulatorOptions } from '../../../../test/fakes/bmc-simulator.ts'
import { serveSimulator } from '../../../../test/fakes/simulated-bmcs.ts'
import { serveGateway } from '../../../gateway/ipmi/serve.ts'
import { Refusal } from '../../../kit/errors.ts'
import { SILENT } from '../../../kit/log.ts'
import { Secret } from '../../../kit/secret.ts'
import { IPMI_CRYPTOGRAPHY } from '../../../sockets/ipmi-cryptography.ts'
import type { ConsoleLine, PowerDriver } from '../../driver.ts'
import { IpmiSettings } from '../../settings.ts'
import { Addresses } from './addresses.ts'
import { ipmiDrivers } from './driver.ts'
import { walk } from './records.ts'

const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

type Changes = Partial<{
  user: string
  password: string
  kg: string
  cipherSuite: string
  privilege: string
  address: string
}>

function clients(places?: { lively: number; unproven: number }, addresses = new Addresses()) {
  const given = { cryptography: IPMI_CRYPTOGRAPHY, log: SILENT, addresses }
  const drivers = ipmiDrivers(places ? { ...given, places } : given)
  ends.push(() => drivers.close())
  return (port: number, changes: Changes = {}): PowerDriver => {
    const { password = 'secret', kg, ...rest } = changes
    const settings = IpmiSettings.parse({ kind: 'ipmi', address: '127.0.0.1', port, user: 'admin', ...rest })
    const secrets = { password: new Secret(password), ...(kg ? { kg: new Secret(kg) } : {}) }
    return drivers.factory(settings, secrets, { id: 'm', name: 'm', macs: [], address: () => null })
  }
}

async function gateway(change: ConstructorParameters<typeof FakeBmc>[0] = {}) {
  const bmc = new FakeBmc(change)
  const served = serveGateway({
    directory: new FakeDirectory([bmc]),
    gateway: { host: '127.0.0.1', clients: [], cipherSuite3: true, sessions: 100 },
    cryptography: IPMI_CRYPTOGRAPHY,
    clock: Date,
    log: SILENT,
  })
  ends.push(() => served.stop())
  await served.sync()
  return { bmc, port: served.portOf(bmc.bmc.machine)! }
}

async function simulated(options: Omit<SimulatorOptions, 'crypto' | 'random'> = {}) {
  const served = await serveSimulator(options)
  ends.push(() => served.close())
  return served
}

async function heard(line: ConsoleLine, wanted: string): Promise<string> {
  let text = ''
  line.listen(
    (bytes) => {
      text += Buffer.from(bytes).toString('latin1')
    },
    (why) => {
      text += `<${why}>`
    },
  )
  for (let i = 0; i < 500 && !text.includes(wanted); i++) await sleep(10)
  return text
}

const refusalOf = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: unknown) => error as Refusal,
  )

describe.each(['17', '3', 'auto'])('a driver with cipher suite %s', (cipherSuite) => {
  it('reads and switches power through the gateway', async () => {
    const { bmc, port } = await gateway()
    const driver = clients()(port, { cipherSuite })
    expect(await driver.probe()).toMatch(`cipher suite ${cipherSuite === '3' ? 3 : 17}, the machine is on`)
    for (const [action, state] of [
      ['off', 'off'],
      ['on', 'on'],
      ['cycle', 'on'],
      ['reset', 'on'],
      ['diag', 'on'],
      ['soft', 'off'],
    ] as const) {
      await driver.perform(action)
      expect(await driver.state?.()).toBe(state)
    }
    expect(bmc.calls.filter((call) => call.startsWith('perform'))).toEqual(
      ['off', 'on', 'cycle', 'reset', 'diag', 'soft'].map((action) => `perform ${action} by admin`),
    )
  })
})

describe('a driver', () => {
  it('orders boot devices and reads back what the BMC keeps', async () => {
    const { port } = await gateway()
    const driver = clients()(port)
    expect(await driver.bootOrder?.()).toBeNull()
    for (const device of ['pxe', 'disk', 'cdrom', 'setup', 'diag'] as const)
      for (const persistent of [false, true]) {
        const order = { device, persistent, efi: device === 'pxe' }
        await driver.setBootOrder?.(order)
        expect(await driver.bootOrder?.()).toEqual(order)
      }
    await driver.setBootOrder?.(null)
    expect(await driver.bootOrder?.()).toBeNull()
    const refusal = await refusalOf(driver.setBootOrder!({ device: 'http', persistent: false, efi: true }))
    expect(refusal?.next).toMatch('Redfish')
  })

  it('reads sensors with units and thresholds', async () => {
    const { bmc, port } = await gateway()
    const limits = { lowCritical: null, lowWarning: null, highWarning: null, highCritical: null, text: '' }
    bmc.sensorList = [
      {
        name: 'CPU',
        kind: 'temperature',
        unit: '°C',
        value: 47,
        state: 'ok',
        ...limits,
        highWarning: 85,
        highCritical: 95,
      },
      { name: 'Outside', kind: 'temperature', unit: '°C', value: -12, state: 'ok', ...limits },
      { name: '12V', kind: 'voltage', unit: 'V', value: 12.06, state: 'ok', ...limits },
      { name: 'Fan 2', kind: 'fan', unit: 'RPM', value: 300, state: 'critical', ...limits, lowCritical: 600 },
      { name: 'Draw', kind: 'power', unit: 'W', value: 212, state: 'ok', ...limits },
      { name: 'Silent', kind: 'temperature', unit: '°C', value: null, state: 'unknown', ...limits },
    ]
    const driver = clients()(port)
    const sensors = await driver.sensors!()
    expect(sensors.slice(0, 6).map(({ name, kind, unit, state }) => [name, kind, unit, state])).toEqual(
      bmc.sensorList.map(({ name, kind, unit, state }) => [name, kind, unit, state]),
    )
    for (const [i, sensor] of bmc.sensorList.entries()) {
      if (sensor.value === null) expect(sensors[i]!.value).toBeNull()
      else expect(Math.abs(sensors[i]!.value! - sensor.value)).toBeLessThan(Math.abs(sensor.value) * 0.02 + 0.01)
    }
    expect(sensors[0]!.highCritical).toBe(95)
    expect(Math.abs(sensors[3]!.lowCritical! - 600)).toBeLessThan(15)
  })

  it('reads the inventory, and reads and clears the log', async () => {
    const { bmc, port } = await gateway()
    const driver = clients()(port)
    expect(await driver.fru?.()).toMatchObject({
      manufacturer: 'Reveille',
      product: 'Fake',
      serial: 'S1',
      boardSerial: 'B1',
      chassisSerial: 'C1',
    })
    await bmc.record({ kind: 'power', severity: 'ok', text: 'switched on' })
    await bmc.record({ kind: 'watchdog', severity: 'critical', text: 'expired' })
    const events = await driver.events!()
    expect(events.length).toBeGreaterThanOrEqual(2)
    expect(events.at(-1)!.at).toBe(1_800_000_000_000)
    await driver.clearEvents?.()
    expect(bmc.calls).toContain('clearEvents by admin')
  })

  it('carries a serial line both ways, and takes it over from whoever has it', async () => {
    const { bmc, port } = await gateway()
    const driver = clients()(port)
    const line = await driver.openConsole!()
    bmc.lines[0]!.print('login: ')
    line.write(Buffer.from('root\r'))
    expect(await heard(line, 'root')).toMatch(/login: .*root/)
    const long = 'x'.repeat(2000)
    line.write(Buffer.from(`${long}END`))
    line.sendBreak?.()
    for (let i = 0; i < 500 && bmc.lines[0]!.breaks === 0; i++) await sleep(10)
    expect(bmc.lines[0]!.breaks).toBe(1)
    expect(bmc.lines[0]!.typed).toBe(`root\r${long}END`)
    let ended = ''
    line.listen(
      () => {},
      (why) => {
        ended = why
      },
    )
    const second = await driver.openConsole!()
    for (let i = 0; i < 500 && ended === ''; i++) await sleep(10)
    expect(ended).toMatch('another client')
    second.close()
    expect(await driver.state?.()).toBe('on')
  })

  it('says which of name, password and privilege does not fit, and never the password', async () => {
    const { port } = await gateway()
    const client = clients()
    const failures = await Promise.all([
      refusalOf(client(port, { password: 'wrong-one' }).state!()),
      refusalOf(client(port, { user: 'nobody', password: 'wrong-one' }).state!()),
      refusalOf(client(port, { user: 'oper', password: 'operator-secret' }).state!()),
      refusalOf(client(port, { password: 'longer-than-twenty-bytes' }).state!()),
    ])
    for (const failure of failures) {
      expect(failure).toBeInstanceOf(Refusal)
      expect(failure?.code).toBe('wrong-credentials')
      expect(failure?.next).toBeTruthy()
      expect(JSON.stringify([failure?.message, failure?.next])).not.toMatch(/wrong-one|operator-secret|longer-than/)
    }
    expect(failures[2]!.message).toMatch('privilege administrator')
    expect(await client(port, { user: 'oper', password: 'operator-secret', privilege: 'operator' }).state!()).toBe('on')
    const user = client(port, { user: 'user', password: 'user-secret', privilege: 'user' })
    expect(await user.state!()).toBe('on')
    expect((await refusalOf(user.perform('off')))?.message).toMatch('with the privilege user')
  })

  it('shows what a BMC that says yes and does nothing leaves undone', async () => {
    const { bmc, port } = await simulated({ faults: { ignoresPower: true } })
    const driver = clients()(port)
    await driver.perform('on')
    expect(bmc.switched).toEqual(['on'])
    expect(await driver.state?.()).toBe('off')
  })

  it('waits for no name service before it asks a BMC whose address is known', async () => {
    const { port } = await simulated()
    const lookup = (host: string) =>
      host === '127.0.0.1' ? Promise.resolve({ address: host, family: 4 }) : new Promise<never>(() => undefined)
    const client = clients({ lively: 1, unproven: 1 }, new Addresses({ lookup }))
    const waiting = Array.from({ length: 20 }, (_, n) => client(port, { address: `bmc${n}.test` }).state!())
    for (const each of waiting) each.catch(() => undefined)
    expect(await client(port).state!()).toBe('off')
  })

  it('answers for living BMCs while many dead ones are asked', async () => {
    const client = clients({ lively: 8, unproven: 2 })
    const dead = await Promise.all(Array.from({ length: 60 }, () => simulated({ faults: { dropRequests: 1 } })))
    const live = await simulated()
    const living = client(live.port)
    await living.state!()
    const failing = dead.map(({ port }) => refusalOf(client(port).state!()))
    let done = 0
    void Promise.all(failing.map((one) => one.then(() => done++)))
    for (let i = 0; i < 20; i++) expect(await living.state!()).toBe('off')
    expect(done).toBe(0)
    // Ending what is left is part of the promise: nothing hangs.
    for (const end of ends.splice(0).reverse()) await end()
    expect((await Promise.all(failing)).every((failure) => failure?.code === 'not-available')).toBe(true)
  })

  it('says that a name has no address', async () => {
    const failure = await refusalOf(clients()(623, { address: 'no-such-bmc.invalid' }).state!())
    expect(failure?.message).toMatch('has no address')
  })

  it('refuses more than a BMC could ever answer in time, and forgets nothing that it took', async () => {
    const { port } = await simulated()
    const driver = clients()(port)
    const asked = await Promise.all(Array.from({ length: 600 }, () => refusalOf(driver.state!())))
    const refused = asked.filter((failure) => failure)
    expect(refused.length).toBe(600 - 256)
    expect(refused.every((failure) => failure?.code === 'too-many-requests')).toBe(true)
  })
})

describe('records of BMCs that never end', () => {
  const circle = (next: number) => () => ({
    completionCode: 0,
    data: Uint8Array.of(next, 0, ...new Uint8Array(16).fill(2)),
  })

  it('are left when they lead in a circle', async () => {
    const { port } = await simulated({ commands: { '0a:43': circle(1) } })
    expect((await clients()(port).events!()).length).toBeLessThan(10)
  })

  it('are bounded when they go on and on', async () => {
    const read = async (record: number) => ({ next: (record + 1) & 0x7fff, data: new Uint8Array(0) })
    let count = 0
    for await (const _ of walk(read, 100)) count++
    expect(count).toBe(100)
  })

  it('are read again with a new reservation, in smaller parts where a BMC asks for it', async () => {
    let reservation = 0
    let spoilt = 3
    const record = Uint8Array.of(1, 0, 0x51, 0xc0, 40, ...new Uint8Array(40).fill(9))
    const { port } = await simulated({
      commands: {
        '0a:20': () => ({ completionCode: 0, data: Uint8Array.of(0x51, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2) }),
        '0a:22': () => ({ completionCode: 0, data: Uint8Array.of(++reservation, 0) }),
        '0a:23': ({ data }) => {
          const [id, , , , offset, count] = data as unknown as number[]
          if (count! > 20) return { completionCode: 0xca, data: new Uint8Array(0) }
          if (offset! > 0 && (id !== reservation || spoilt-- > 0))
            return { completionCode: 0xc5, data: new Uint8Array(0) }
          return { completionCode: 0, data: Uint8Array.of(0xff, 0xff, ...record.subarray(offset!, offset! + count!)) }
        },
      },
    })
    expect(await clients()(port).sensors!()).toEqual([])
    expect(reservation).toBeGreaterThan(1)
  })
})

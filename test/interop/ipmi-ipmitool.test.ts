import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { IpmiBed } from './ipmi-bed.ts'

/** `undefined`: ipmitool asks which suites there are, and chooses. */
const SUITES = [17, 3, undefined] as const

let bed: IpmiBed

beforeAll(async () => {
  bed = await IpmiBed.start()
})
afterAll(() => bed.stop())
beforeEach(() => {
  bed.bmc.calls.length = 0
})

/** Fails with all that was said. */
async function said(suite: 3 | 17 | undefined, ...args: string[]): Promise<string> {
  const ran = await bed.ipmitool(suite, ...args)
  expect(ran, args.join(' ')).toMatchObject({ code: 0 })
  return ran.out
}

const done = (): string[] => bed.bmc.calls.filter((call) => /^(perform|setBootOrder|identify|setUser|clear)/.test(call))

describe.each(SUITES)('ipmitool -C %s', (suite) => {
  test('tells the power and switches it', async () => {
    expect(await said(suite, 'chassis', 'power', 'status')).toBe('Chassis Power is on\n')
    for (const action of ['off', 'on', 'cycle', 'reset', 'soft', 'diag']) await said(suite, 'chassis', 'power', action)
    expect(done()).toEqual(
      ['off', 'on', 'cycle', 'reset', 'soft', 'diag'].map((action) => `perform ${action} by admin`),
    )
    expect(await said(suite, 'chassis', 'power', 'status')).toBe('Chassis Power is off\n')
    await said(suite, 'chassis', 'power', 'on')
    expect(await said(suite, 'chassis', 'status')).toMatch(/System Power +: on\n[\s\S]*Power Restore Policy : unknown/)
  })

  test('says why it does not know the power, instead of guessing', async () => {
    bed.bmc.power = 'unknown'
    const ran = await bed.ipmitool(suite, 'chassis', 'power', 'status')
    bed.bmc.power = 'on'
    expect(ran.code).not.toBe(0)
    expect(ran.out).not.toContain('Chassis Power is')
  })

  test('orders every boot device, once and for good, and reads it as it was written', async () => {
    const devices = { pxe: '04', disk: '08', diag: '10', cdrom: '14', bios: '18', floppy: '3c' }
    const options = { '': '80', persistent: 'c0', efiboot: 'a0', 'persistent,efiboot': 'e0' }
    for (const [device, selector] of Object.entries(devices))
      for (const [option, flags] of Object.entries(options)) {
        if (device !== 'pxe' && option === 'persistent') continue
        await said(suite, 'chassis', 'bootdev', device, ...(option === '' ? [] : [`options=${option}`]))
        expect(await said(suite, 'chassis', 'bootparam', 'get', '5')).toContain(
          `Boot parameter data: ${flags}${selector}000000`,
        )
        expect(bed.bmc.bmc.bootOrder).toMatchObject({
          persistent: option.includes('persistent'),
          efi: option.includes('efiboot'),
        })
      }
    await said(suite, 'chassis', 'bootdev', 'none')
    expect(bed.bmc.bmc.bootOrder).toBeNull()
  })

  test('refuses boot devices and options that nobody could obey', async () => {
    await said(suite, 'chassis', 'bootdev', 'pxe')
    const before = bed.bmc.bmc.bootOrder
    expect((await bed.ipmitool(suite, 'chassis', 'bootdev', 'safe')).err).toContain('Invalid data field')
    expect((await bed.ipmitool(suite, 'chassis', 'bootdev', 'pxe', 'options=clear-cmos')).err).toContain(
      'Invalid data field',
    )
    expect(bed.bmc.bmc.bootOrder).toEqual(before)
    expect((await bed.ipmitool(suite, 'chassis', 'bootparam', 'get', '7')).err).toContain('Unsupported parameter')
  })

  test('lights the lamp, and asks what else a chassis knows', async () => {
    await said(suite, 'chassis', 'identify', '5')
    await said(suite, 'chassis', 'identify', 'force')
    await said(suite, 'chassis', 'identify', '0')
    expect(done()).toEqual(['identify 5', 'identify null', 'identify 0'])
    expect(await said(suite, 'chassis', 'restart_cause')).toBe('System restart cause: unknown\n')
    expect(await said(suite, 'chassis', 'policy', 'list')).toMatch(/^Supported chassis power policy: +\n$/)
    expect((await bed.ipmitool(suite, 'chassis', 'policy', 'always-on')).err).toContain(
      'not supported in present state',
    )
    expect((await bed.ipmitool(suite, 'chassis', 'poh')).err).toContain('Invalid command')
  })

  test('tells what the BMC is', async () => {
    const info = await said(suite, 'mc', 'info')
    expect(info).toMatch(/IPMI Version +: 2\.0/)
    for (const what of ['Sensor', 'SDR Repository', 'SEL', 'FRU Inventory', 'Chassis'])
      expect(info).toContain(`${what} Device\n`)
    expect(await said(suite, 'mc', 'guid')).toContain(`System GUID   : ${bed.bmc.machine.uuid}`)
    expect(await said(suite, 'mc', 'selftest')).toBe('Selftest: passed\n')
  })

  test('reads the inventory', async () => {
    const fru = await said(suite, 'fru', 'print')
    const lines = { 'Chassis Serial': 'C1', 'Board Mfg': 'Reveille', 'Board Product': 'Board', 'Board Serial': 'B1' }
    for (const [name, value] of Object.entries({
      ...lines,
      'Product Manufacturer': 'Reveille',
      'Product Name': 'Fake',
      'Product Part Number': 'P1',
      'Product Serial': 'S1',
      'Product Asset Tag': 'machine-1',
    }))
      expect(fru).toMatch(new RegExp(` ${name} +: ${value}\n`))
    expect(fru).not.toMatch(/checksum|error/i)
  })

  test('reads sensors with the values that they have', async () => {
    const sdr = await said(suite, 'sdr', 'elist')
    for (const line of [
      'CPU Temp         | 01h | ok  |  7.1 | 47 degrees C',
      'Outside          | 02h | ok  |  7.1 | -12 degrees C',
      '12V              | 03h | ok  |  7.1 | 12.06 Volts',
      'VCore            | 04h | ok  |  7.1 | 0.85 Volts',
      'Fan 1            | 05h | ok  |  7.1 | 4200 RPM',
      'Fan 2            | 06h | lcr |  7.1 | 300 RPM',
      'Power Draw       | 07h | ok  |  7.1 | 212 Watts',
      'Inlet Current    | 08h | ok  |  7.1 | 1.80 Amps',
      'Humidity         | 09h | ok  |  7.1 | 41 percent',
      'Silent           | 0Ah | ns  |  7.1 | No Reading',
      'PSU 1            | 0Bh | ok  |  7.1 | Transition to OK',
      'PSU 2            | 0Ch | ok  |  7.1 | Transition to Critical from less severe',
    ])
      expect(sdr).toContain(line)
    expect(await said(suite, 'sdr', 'list', 'all')).toMatch(
      /Reveille +\| Dynamic MC @ 20h[\s\S]*System +\| Log FRU @00h/,
    )
    const sensors = await said(suite, 'sensor', 'list')
    expect(sensors).toMatch(/^12V +\| 12\.060 +\| Volts +\| ok +\| na +\| 10\.800 +\| na +\| na +\| 13\.200 +\| na +$/m)
    expect(sensors).toMatch(/^CPU Temp +\| 47\.000 +\| degrees C +\| ok +\| na +\| na +\| na +\| 85\.000 +\| 95\.000/m)
    expect(await said(suite, 'sensor', 'get', 'Fan 2')).toMatch(
      /Sensor Reading +: 300[\s\S]*Lower Critical +: 600\.000/,
    )
  })

  test('reads the log and clears it', async () => {
    bed.bmc.log.length = 0
    const { bmc } = bed
    await bmc.record({ kind: 'power', severity: 'ok', text: 'power on by admin' })
    await bmc.record({ kind: 'power', severity: 'ok', text: 'power off by admin' })
    await bmc.record({ kind: 'power', severity: 'warning', text: 'power on by admin failed: nobody answers' })
    await bmc.record({ kind: 'boot', severity: 'ok', text: 'the network, once: ordered by admin' })
    await bmc.record({ kind: 'deployment', severity: 'critical', text: 'deployment d1 failed' })
    const info = await said(suite, 'sel', 'info')
    expect(info).toMatch(/Entries +: [5-9]/)
    expect(info).toMatch(/Supported Cmds +: 'Reserve'/)
    const list = await said(suite, 'sel', 'elist')
    for (const line of [
      '1 | 01/15/27 | 08:00:00 UTC | System Boot Initiated Start | Initiated by power up | Asserted',
      '2 | 01/15/27 | 08:00:00 UTC | Power Unit Power | Power off/down | Asserted',
      '3 | 01/15/27 | 08:00:00 UTC | Power Unit Power | Soft-power control failure | Asserted',
      '4 | 01/15/27 | 08:00:00 UTC | System Event Boot order | System Reconfigured | Asserted',
      '5 | 01/15/27 | 08:00:00 UTC | OS Boot Deployment | Installation failed | Asserted',
    ])
      expect(list).toContain(line)
    expect(await said(suite, 'sel', 'list')).toContain('Power Unit #0xf0 | Power off/down | Asserted')
    expect(await said(suite, 'sel', 'get', '2')).toMatch(/Sensor ID +: Power \(0xf0\)/)
    await said(suite, 'sel', 'clear')
    expect(done()).toEqual(['clearEvents by admin'])
    expect((await bed.ipmitool(suite, 'sel', 'list')).out).not.toContain('Power Unit')
    expect(await said(suite, 'sel', 'time', 'get')).toMatch(/^\d\d\/\d\d\/\d\d \d\d:\d\d:\d\d UTC\n$/)
  })

  test('reads the settings of the network and of the channel', async () => {
    const lan = await said(suite, 'lan', 'print', '1')
    expect(lan).toMatch(/IP Address Source +: Static Address\nIP Address +: 127\.0\.0\.1\n/)
    expect(lan).toMatch(/RMCP\+ Cipher Suites +: 3,17\n/)
    expect(lan).toMatch(/Cipher Suite Priv Max +: aaX/)
    expect(lan).not.toMatch(/community/i)
    expect((await bed.ipmitool(suite, 'lan', 'set', '1', 'ipaddr', '192.0.2.1')).code).not.toBe(0)
    const channel = await said(suite, 'channel', 'info', '1')
    expect(channel).toMatch(/802\.3 LAN[\s\S]*multi-session[\s\S]*always available/)
    const ciphers = await said(suite, 'channel', 'getciphers', 'ipmi', '1')
    expect(ciphers).toMatch(/^17 +N\/A +hmac_sha256 +sha256_128 +aes_cbc_128/m)
    expect(ciphers).toMatch(/^3 +N\/A +hmac_sha1 +hmac_sha1_96 +aes_cbc_128/m)
    expect(ciphers.trim().split('\n')).toHaveLength(3)
    expect(await said(suite, 'session', 'info', 'active')).toMatch(/privilege level +: ADMINISTRATOR/)
    expect(await said(suite, 'sol', 'info')).toMatch(/Enabled +: true\nForce Encryption +: true[\s\S]*: OPERATOR/)
  })

  test('keeps accounts', async () => {
    const name = `guest${suite ?? 'any'}`
    await said(suite, 'user', 'set', 'name', '5', name)
    await said(suite, 'user', 'set', 'password', '5', 'first-secret')
    await said(suite, 'user', 'enable', '5')
    await said(suite, 'user', 'priv', '5', '3', '1')
    const list = await said(suite, 'user', 'list', '1')
    expect(list).toMatch(/^1 +true +false +false +NO ACCESS$/m)
    expect(list).toMatch(/^2 +admin +true +false +true +ADMINISTRATOR$/m)
    expect(list).toMatch(new RegExp(`^5 +${name} +true +false +true +OPERATOR$`, 'm'))
    expect(await said(suite, 'user', 'test', '5', '20', 'first-secret')).toBe('Success\n')
    expect((await bed.ipmitool(suite, 'user', 'test', '5', '20', 'other-secret')).code).not.toBe(0)
    expect(await said(suite, 'channel', 'getaccess', '1', '5')).toMatch(/Privilege Level +: OPERATOR/)
    await said(suite, 'user', 'disable', '5')
    expect(bed.bmc.bmc.users.find((user) => user.slot === 5)).toMatchObject({ name, enabled: false })
    expect((await bed.ipmitool(suite, 'user', 'set', 'name', '1', 'nobody')).code).not.toBe(0)
    expect((await bed.ipmitool(suite, 'user', 'enable', '1')).code).not.toBe(0)
  })

  test('resets the BMC and never the machine', async () => {
    await said(suite, 'mc', 'reset', 'cold')
    await said(suite, 'mc', 'reset', 'warm')
    expect(done()).toEqual([])
    expect(await said(suite, 'chassis', 'power', 'status')).toBe('Chassis Power is on\n')
    await expect.poll(() => bed.gateway.sessionsOf('machine-1')).toEqual([])
  })

  test('refuses what it does not know', async () => {
    for (const words of [
      ['raw', '0x30', '0x01'],
      ['raw', '0x2c', '0x01', '0xdc'],
      ['raw', '0x2c', '0x3e', '0x00', '0x02'],
      ['raw', '0x06', '0x25'],
    ])
      expect((await bed.ipmitool(suite, ...words)).err).toContain('rsp=0xc1): Invalid command')
    expect((await bed.ipmitool(suite, 'raw', '0x00', '0x02', '0x09')).err).toContain('rsp=0xcc')
    expect((await bed.ipmitool(suite, 'raw', '0x00', '0x02')).err).toContain('rsp=0xc7')
  })

  test('types on the console and sees what comes back', async () => {
    const typed = `echo through suite ${suite ?? 'any'}`
    const seen = await bed.terminal(
      'ipmitool',
      [...bed.ipmitoolArgs({ suite }), 'sol', 'activate'],
      [
        [/SOL Session operational/, `${typed}\r`],
        [new RegExp(typed), '~.'],
      ],
    )
    expect(seen).toContain('terminated ipmitool')
    expect(bed.bmc.lines.at(-1)!.typed).toContain(typed)
    await expect.poll(() => bed.bmc.lines.at(-1)!.closed).toBe(true)
  })
})

test('another session takes the console from whoever has it', async () => {
  const lines = bed.bmc.lines.length
  // ipmitool itself never looks whether its console is still its own.
  const stolen = bed.terminal('ipmiconsole', bed.consoleArgs(17), [[/SOL established/, 'mine']])
  await expect.poll(() => bed.bmc.lines[lines]?.typed, { timeout: 60_000 }).toBe('mine')
  const second = await bed.ipmitool(17, 'sol', 'activate')
  expect(second.out + second.err).toMatch(/already active on another session/)
  expect(await said(17, 'sol', 'deactivate')).toBe('')
  expect(await stolen).toMatch(/\[(error received|closing)/)
  expect(bed.bmc.lines[lines]!.closed).toBe(true)
  const again = await bed.ipmitool(17, 'sol', 'deactivate')
  expect(again.out + again.err).toMatch(/already de-activated/)
})

test('an image is put into the virtual drive by the commands of Supermicro', async () => {
  const name = [...Buffer.from('debian-12.iso')].map((byte) => `0x${byte.toString(16)}`)
  await said(17, 'raw', '0x3c', '0x01', ...name, '0x00')
  await said(17, 'raw', '0x3c', '0x02')
  expect(await said(17, 'raw', '0x3c', '0x03')).toBe(' 01\n')
  expect(bed.bmc.bmc.media).toBe('debian-12.iso')
  await said(17, 'raw', '0x3c', '0x00')
  expect(bed.bmc.bmc.media).toBeNull()
  expect(await said(17, 'raw', '0x3c', '0x03')).toBe(' 00\n')
})

describe('who may not', () => {
  const NOT_IN = 'Unable to establish IPMI v2 / RMCP+ session'

  test.each([
    ['a wrong password', { suite: 17, password: 'wrong' }],
    ['an unknown user', { suite: 17, user: 'nobody' }],
    ['no user', { suite: 3, user: '', password: '' }],
    ['cipher suite 0', { suite: 0 }],
    ['cipher suite 1', { suite: 1 }],
    ['cipher suite 2', { suite: 2 }],
    ['a level above the account', { suite: 17, user: 'oper', password: 'operator-secret', level: 'ADMINISTRATOR' }],
  ])('%s does not get in', async (_, who) => {
    const ran = await bed.ipmitoolAs(who, 'chassis', 'power', 'status')
    expect(ran.code).not.toBe(0)
    expect(ran.err + ran.out).toContain(NOT_IN)
    expect(bed.bmc.calls).not.toContain('powerState')
  })

  test('an account does what its level allows, and nothing more', async () => {
    const oper = { suite: 17, user: 'oper', password: 'operator-secret', level: 'OPERATOR' }
    expect(await bed.ipmitoolAs(oper, 'chassis', 'power', 'off')).toMatchObject({ code: 0 })
    expect((await bed.ipmitoolAs(oper, 'user', 'set', 'name', '6', 'other')).err).toMatch(/Insufficient privilege/i)
    const user = { suite: 17, user: 'user', password: 'user-secret', level: 'USER' }
    expect(await bed.ipmitoolAs(user, 'chassis', 'power', 'status')).toMatchObject({ code: 0 })
    expect(await bed.ipmitoolAs(user, 'sdr', 'list')).toMatchObject({ code: 0 })
    // `mc reset cold` says that it was sent, for it waits for no answer.
    expect((await bed.ipmitoolAs(user, 'raw', '6', '2')).err).toContain('rsp=0xd4')
    bed.bmc.calls.length = 0
    expect((await bed.ipmitoolAs(user, 'chassis', 'power', 'on')).err).toMatch(/Insufficient privilege/i)
    expect((await bed.ipmitoolAs(user, 'raw', '0', '8', '5', '0x80', '4', '0', '0', '0')).err).toContain('rsp=0xd4')
    expect((await bed.ipmitoolAs(user, 'raw', '0x06', '0x48', '1', '1', '0xc0', '0', '0', '0')).err).toContain(
      'rsp=0xd4',
    )
    expect(done()).toEqual([])
  })
})

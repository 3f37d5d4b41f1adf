import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { AT, cli } from '../../test/fakes/cli.ts'
import type { Bmc } from '../api/contract/bmcs.ts'
import type { PowerDriverInfo, PowerStatus } from '../api/contract/power.ts'
import { CIPHER_SUITES, PRIVILEGES } from '../gateway/bmc.ts'
import { COMMAND_CLASSES } from '../gateway/routes.ts'
import { BOOT_DEVICES } from '../power/boot-order.ts'
import { POWER_ACTIONS } from '../power/power.ts'
import { DRIVER_KINDS } from '../power/settings.ts'
import * as bmc from './commands/bmc.ts'
import * as driver from './commands/driver.ts'
import * as hardware from './commands/hardware.ts'
import * as power from './commands/power.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reveille-power-'))
  await writeFile(join(folder, 'password'), 's3cret pass\nnever read\n')
  await writeFile(join(folder, 'key'), '-----BEGIN KEY-----\nx\n-----END KEY-----\n')
})
afterAll(() => rm(folder, { recursive: true }))

const STATUS: PowerStatus = { state: 'on', driver: 'bmc', checkedAt: AT, confirmed: null, problems: [] }
const DRIVER: PowerDriverInfo = {
  name: 'bmc',
  kind: 'ipmi',
  position: 0,
  settings: {
    kind: 'ipmi',
    address: '10.0.0.5',
    port: 623,
    user: 'admin',
    cipherSuite: 'auto',
    privilege: 'operator',
    unseenRestart: 'judge',
  },
  secrets: ['password'],
  capabilities: ['state', 'on', 'off'],
  missing: ['console'],
  health: {
    score: 90,
    circuit: 'closed',
    retryAt: null,
    lastSuccessAt: AT,
    lastFailureAt: null,
    lastFailure: null,
    medianMs: 12,
  },
  builtIn: false,
}
const BMC: Bmc = {
  machine: 'm_1',
  machineName: 'web1',
  enabled: true,
  listening: true,
  problem: '',
  address: null,
  port: 6230,
  host: '10.0.0.1',
  redfish: null,
  guid: '00',
  users: [{ slot: 2, name: 'admin', privilege: 'administrator', enabled: true }],
  cipherSuites: [17, 3],
  clients: [],
  routes: { 'power.soft': 'os' },
  bootOrder: null,
  media: null,
  sessions: 0,
  rule: null,
  createdAt: AT,
}

test('words of the contract are repeated here as they are', () => {
  expect(power.POWER_ACTIONS).toEqual(POWER_ACTIONS)
  expect([...driver.DRIVER_KINDS, 'lab', 'agent'].sort()).toEqual([...DRIVER_KINDS].sort())
  expect(hardware.BOOT_DEVICES).toEqual(BOOT_DEVICES)
  expect(bmc.COMMAND_CLASSES).toEqual(COMMAND_CLASSES)
  expect(bmc.PRIVILEGES).toEqual(PRIVILEGES)
  expect(CIPHER_SUITES).toEqual([17, 3])
})

describe('power', () => {
  test('says what was read, by whom, and what did not work on the way', async () => {
    const problems = [{ driver: 'cloud', cause: 'it does not answer' }]
    const { out, last } = await cli(['power', 'web1'], { getPower: () => ({ ...STATUS, problems }) })
    expect(out).toBe('web1 is on (bmc)\ndriver cloud: it does not answer\n')
    expect(last?.params).toEqual({ machine: 'web1' })
  })

  test('switches, and fails when what was ordered was not seen', async () => {
    const setPower = () => ({ ...STATUS, confirmed: false })
    const { status, out, err, last } = await cli(['power', 'web1', 'off', '--wait', '3', '--driver', 'bmc'], {
      setPower,
    })
    expect(last).toMatchObject({ body: { action: 'off', wait: 3 }, query: { driver: 'bmc' } })
    expect(out).toContain('off was accepted, but it was not seen to happen')
    expect(err).toContain('web1 was not seen to obey off')
    expect(status).toBe(1)
  })

  test('without a machine lists what was read last', async () => {
    const item = {
      machine: 'm_1',
      name: 'web1',
      state: 'unknown' as const,
      driver: 'bmc',
      readAt: AT,
      problem: 'no answer',
      score: 20,
    }
    const { out } = await cli(['power'], { listPower: () => ({ items: [item], next: null }) })
    expect(out).toMatch(/web1 +unknown +bmc +5 min ago +20 % +no answer/)
  })

  test('a power cycle that nobody saw is said to be one', async () => {
    const said = 'nothing tells whether it happened: its power could not be read'
    const step = { at: AT, driver: 'bmc', action: 'cycle', outcome: 'open', said } as const
    const { out, status } = await cli(['power', 'web1', 'cycle'], { setPower: () => ({ ...STATUS, steps: [step] }) })
    expect(out).toBe(`web1 is on (bmc)\ncycle was accepted by bmc; ${said}\n`)
    expect(status).toBe(0)
    const seen = await cli(['power', 'web1', 'cycle'], { setPower: () => ({ ...STATUS, confirmed: true }) })
    expect(seen.out).toBe('web1 is on (bmc)\n')
  })

  test('a power cycle that took several orders is told step by step, and nothing twice', async () => {
    const steps = [
      { at: AT, driver: 'bmc', action: 'cycle', outcome: 'refuted', said: 'its power was on at each of 37 looks' },
      { at: AT, driver: 'bmc', action: 'off', outcome: 'refuted', said: 'the power is on after 15 s' },
      { at: AT, driver: 'outlet', action: 'off', outcome: 'confirmed', said: 'the power is off' },
      { at: AT, driver: 'outlet', action: 'on', outcome: 'confirmed', said: 'the power is on' },
    ] as const
    const problems = [
      { driver: 'bmc', cause: 'it took the order to power-cycle, but its power was on at each of 37 looks' },
      { driver: 'bmc', cause: 'it took the order to switch off, but the power is on after 15 s' },
      { driver: 'ssh', cause: 'it does not answer' },
    ]
    const { out } = await cli(['power', 'web1', 'cycle'], {
      setPower: () => ({ ...STATUS, driver: 'outlet', confirmed: true, problems, steps: [...steps] }),
    })
    expect(out.trim().split('\n')).toEqual([
      'web1 is on (outlet)',
      'cycle by bmc: its power was on at each of 37 looks',
      'off by bmc: the power is on after 15 s',
      'off by outlet: the power is off',
      'on by outlet: the power is on',
      'driver ssh: it does not answer',
    ])
  })

  test('a cached state comes with its age', async () => {
    const { out, last } = await cli(['power', 'web1', '--cached'], { getPower: () => STATUS })
    expect(last?.query).toMatchObject({ cached: 'true' })
    expect(out).toBe('web1 is on (bmc)\nread 5 min ago\n')
  })

  test('many machines are switched one after the other, and those that failed are named', async () => {
    const one = (machine: string, state: 'succeeded' | 'failed', detail: string) => ({ machine, state, detail })
    const batch = {
      id: 'b_1',
      action: 'off' as const,
      profile: null,
      state: 'finished' as const,
      done: 1,
      failed: 1,
      total: 2,
      machines: [one('web1', 'succeeded', 'it is off'), one('web2', 'failed', 'it does not answer')],
      orderedBy: 'admin',
      startedAt: AT,
      endedAt: AT,
    }
    const ran = await cli(['power', '--tag', 'rack-a', 'off', '--stagger', '2'], { startBatch: () => batch })
    expect(ran.last?.body).toMatchObject({ action: 'off', tag: 'rack-a', staggerSeconds: 2 })
    expect(ran).toMatchObject({ status: 1 })
    expect(ran.out).toMatch(/1 of 2 done, 1 failed\n[\s\S]*web2 +failed +it does not answer/)
    const named = await cli(['power', 'on', '--machines', 'web1,web2'], { startBatch: () => ({ ...batch, failed: 0 }) })
    expect(named.last?.body).toMatchObject({ action: 'on', machines: ['web1', 'web2'] })
    const listed = await cli(['power', '--tag', 'rack-a'], { listPower: () => ({ items: [], next: null }) })
    expect(listed.last?.query).toMatchObject({ tag: 'rack-a' })
  })

  test.each([
    [['power', 'web1', 'explode']],
    [['power', '--tag', 'rack-a', 'web1', 'off']],
    [['power', '--tag', 'rack-a', 'explode']],
    [['power', '--tag', 'rack-a', 'reset']],
    [['power', '--tag', 'rack-a', 'off', '--driver', 'bmc']],
    [['power', 'web1', 'off', '--stagger', '3']],
    [['power', 'web1', '--wait', '3']],
    [['power', 'web1', 'on', '--cached']],
  ])('%j is wrong use and nothing is sent', async (words) => {
    expect(await cli(words, {})).toMatchObject({ status: 2, asked: [] })
  })
})

describe('driver', () => {
  const putPowerDriver = () => DRIVER
  const listPowerDrivers = () => ({ items: [] })

  test('set sends settings and secrets, and shows no secret', async () => {
    const words = ['driver', 'set', 'web1', 'strip', '--kind', 'snmp', '--address', '10.0.0.6']
    const more = ['--set', 'model=apc', '--set', 'outlet=3', '--secret', `community=${join(folder, 'password')}`]
    const { last, out } = await cli([...words, ...more, '--position', '0'], { putPowerDriver, listPowerDrivers })
    expect(last?.params).toEqual({ machine: 'web1', driver: 'strip' })
    expect(last?.body).toMatchObject({
      settings: { kind: 'snmp', address: '10.0.0.6', model: 'apc', outlet: 3 },
      position: 0,
    })
    expect(out).not.toContain('s3cret')
    const key = ['driver', 'set', 'web1', 'os', '--kind', 'ssh', '--secret', `privateKey=${join(folder, 'key')}`]
    expect((await cli(key, { putPowerDriver, listPowerDrivers })).last?.body).toMatchObject({
      secrets: { privateKey: '-----BEGIN KEY-----\nx\n-----END KEY-----\n' },
    })
    const password = [
      'driver',
      'set',
      'web1',
      'bmc',
      '--kind',
      'ipmi',
      '--address',
      'b',
      '--password-file',
      join(folder, 'password'),
    ]
    expect((await cli(password, { putPowerDriver, listPowerDrivers })).last?.body).toMatchObject({
      secrets: { password: 's3cret pass' },
    })
    const bare = ['driver', 'set', 'web1', 'wake', '--kind', 'wol']
    expect((await cli(bare, { putPowerDriver, listPowerDrivers })).last?.body).toMatchObject({ secrets: null })
  })

  test('set says which secrets were forgotten, and why', async () => {
    const words = ['driver', 'set', 'web1', 'bmc', '--kind', 'ipmi', '--address', '10.0.0.6']
    const handlers = {
      listPowerDrivers: () => ({ items: [DRIVER] }),
      putPowerDriver: () => ({ ...DRIVER, secrets: [] }),
    }
    expect((await cli(words, handlers)).out).toContain(
      'its password was forgotten, because it would now be sent elsewhere',
    )
    expect((await cli(words, { ...handlers, putPowerDriver })).out).not.toContain('forgotten')
  })

  test('list and show say what each can do and how healthy it is', async () => {
    const listPowerDrivers = () => ({ items: [DRIVER] })
    expect((await cli(['driver', 'list', 'web1'], { listPowerDrivers })).out).toMatch(/bmc +ipmi +10.0.0.5 +90 %/)
    expect((await cli(['driver', 'show', 'web1', 'bmc'], { listPowerDrivers })).out).toMatch(/cannot +console/)
    expect(await cli(['driver', 'show', 'web1', 'other'], { listPowerDrivers })).toMatchObject({ status: 1 })
    expect((await cli(['driver', 'list', 'web1'], { listPowerDrivers: () => ({ items: [] }) })).out).toContain(
      'add a driver',
    )
  })

  test('list says what a person is asked to do', async () => {
    const asking = { action: 'on' as const, instructions: 'hall 2', askedAt: AT, deadlineAt: AT }
    const { out } = await cli(['driver', 'list', 'web1'], {
      listPowerDrivers: () => ({ items: [{ ...DRIVER, asking }] }),
    })
    expect(out).toContain('bmc asks for a person: on (hall 2); when it is done: reveille driver done web1 bmc on|off')
  })

  test('probe fails with what to do next', async () => {
    const probePowerDriver = () => ({ ok: false, detail: 'wrong password', next: 'set it again' })
    const { status, out, err } = await cli(['driver', 'probe', 'web1', 'bmc'], { probePowerDriver })
    expect([status, out, err]).toEqual([1, 'it does not work: wrong password\n', 'reveille: set it again\n'])
  })

  test.each([
    [['driver', 'set', 'web1', 'x']],
    [['driver', 'set', 'web1', 'x', '--kind', 'telepathy']],
    [['driver', 'set', 'web1', 'x', '--kind', 'wol', '--set', 'port']],
    [['driver', 'done', 'web1', 'x', 'maybe']],
  ])('%j is wrong use and nothing is sent', async (words) => {
    expect(await cli(words, {})).toMatchObject({ status: 2, asked: [] })
  })
})

describe('hardware', () => {
  test('orders a boot device and says when the BMC lied', async () => {
    const order = { device: 'pxe', persistent: false, efi: true }
    const setBootOrder = () => ({ order: null, driver: 'bmc', confirmed: false })
    const { last, status, err } = await cli(['hardware', 'boot-order', 'web1', 'pxe', '--efi'], { setBootOrder })
    expect(last?.body).toEqual({ order })
    expect(status).toBe(1)
    expect(err).toContain('what it reads back is not what was ordered')
    const taken = await cli(['hardware', 'boot-order', 'web1', 'none'], {
      setBootOrder: () => ({ order: null, driver: 'bmc', confirmed: true }),
    })
    expect(taken).toMatchObject({ status: 0, out: 'web1 is told to boot nothing in particular (bmc)\n' })
  })

  test('prints what a BMC says so that it cannot move the cursor', async () => {
    const sensor = {
      name: 'CPU\u001b[2J',
      kind: 'temperature' as const,
      unit: '°C',
      value: 42.5,
      state: 'ok' as const,
      lowCritical: null,
      lowWarning: null,
      highWarning: 80,
      highCritical: 95,
      text: '',
    }
    const { out } = await cli(['hardware', 'sensors', 'web1'], {
      readSensors: () => ({ driver: 'bmc', items: [sensor] }),
    })
    expect(out).toMatch(/CPU\\x1b\[2J +42.5 °C +ok +- +95/)
  })

  test('lights the lamp and changes the disc', async () => {
    const identifyMachine = () => undefined
    expect((await cli(['hardware', 'identify', 'web1', '--off'], { identifyMachine })).last?.body).toEqual({
      seconds: 0,
    })
    expect((await cli(['hardware', 'identify', 'web1', '--on'], { identifyMachine })).last?.body).toEqual({
      seconds: null,
    })
    const setMedia = () => ({ url: null, driver: 'bmc' })
    expect((await cli(['hardware', 'media', 'web1', '--eject'], { setMedia })).last?.body).toEqual({ media: null })
    expect((await cli(['hardware', 'media', 'web1', 'boot'], { setMedia })).last?.body).toEqual({ media: 'boot' })
  })
})

describe('bmc', () => {
  test('add prints address, user and password, and how to try them', async () => {
    const createBmc = () => ({ bmc: BMC, user: 'admin', password: 'aB3dE6gH9jK2mN5p' })
    const words = ['bmc', 'add', 'web1', '--route', 'power.soft=os', '--route', 'console=bmc', '--suites', '17']
    const { out, last } = await cli(words, { createBmc })
    expect(last?.body).toMatchObject({
      machine: 'web1',
      routes: { 'power.soft': 'os', console: 'bmc' },
      cipherSuites: [17],
    })
    expect(out).toContain('password  aB3dE6gH9jK2mN5p\n')
    expect(out).toContain('ipmitool -I lanplus -C 17 -H 10.0.0.1 -p 6230 -U admin -a power status')
  })

  test('routes shows them, changes them, and takes them back', async () => {
    const shown = await cli(['bmc', 'routes', 'web1'], { getBmc: () => BMC })
    expect(shown.out).toMatch(/power.soft +os/)
    expect(shown.out).toMatch(/power.hard +\(as usual\)/)
    const patchBmc = () => BMC
    const changed = await cli(['bmc', 'routes', 'web1', 'power.hard=cloud', 'console='], { patchBmc })
    expect(changed.last?.body).toEqual({ routes: { 'power.hard': 'cloud', console: null } })
  })

  test('explain prints the steps, and fails when it would not work', async () => {
    const said = {
      command: 'power soft',
      class: 'power.soft' as const,
      target: 'os',
      because: 'machine' as const,
      steps: ['SSH to it.'],
      works: false,
    }
    const { out, status, last } = await cli(['bmc', 'explain', 'web1', 'chassis', 'power', 'soft'], {
      explainBmc: () => said,
    })
    expect(last?.query).toEqual({ command: 'chassis power soft' })
    expect([out, status]).toEqual(['SSH to it.\n', 1])
  })

  test('user shows a new password once', async () => {
    const user = { slot: 2, name: 'admin', privilege: 'administrator' as const, enabled: true }
    const setBmcUser = () => ({ user, password: 'aB3dE6gH9jK2mN5p' })
    const { out, last } = await cli(['bmc', 'user', 'web1', 'admin', '--new-password'], { setBmcUser })
    expect(last).toMatchObject({ params: { machine: 'web1', user: 'admin' }, body: { newPassword: true } })
    expect(out).toContain('aB3dE6gH9jK2mN5p (shown this once)')
  })

  test.each([
    [['bmc', 'add', 'web1', '--route', 'everything=os']],
    [['bmc', 'add', 'web1', '--suites', '0']],
    [['bmc', 'set', 'web1']],
    [['bmc', 'set', 'web1', '--on', '--off']],
    [['bmc', 'routes', 'web1', 'nonsense']],
    [['bmc', 'rule', 'set', 'x']],
  ])('%j is wrong use and nothing is sent', async (words) => {
    expect(await cli(words, {})).toMatchObject({ status: 2, asked: [] })
  })
})

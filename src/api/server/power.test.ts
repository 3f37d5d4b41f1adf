import { afterEach, beforeEach, expect, test } from 'vitest'
import { DUMB, openWorld, type World } from '../../../test/api/world.ts'
import { Refusal } from '../../kit/errors.ts'

let world: World
let machine: string

beforeEach(async () => {
  world = await openWorld()
  const { client } = await world.as('operator')
  machine = (await client.createMachine({ body: { name: 'pc01', macs: ['52:54:00:00:00:01'] } })).name
})
afterEach(() => world.close())

const IPMI = { kind: 'ipmi', address: '10.0.0.9', user: 'admin' } as const
const ORDER = { device: 'pxe', persistent: false, efi: true } as const

async function withBmc(secrets: Record<string, string> | null = { password: 'hunter2-of-the-bmc' }) {
  const { client } = await world.as('operator')
  await client.putPowerDriver({ params: { machine, driver: 'bmc' }, body: { settings: IPMI, secrets } })
  return client
}

test('drivers are added, listed in their order, changed and removed; the ones that are there by themselves stay', async () => {
  const client = await withBmc()
  const params = { machine, driver: 'cloud' }
  const http = { kind: 'http', url: 'https://cloud.example/api' } as const
  const put = await client.putPowerDriver({
    params,
    body: { settings: http, secrets: { token: 't0ken' }, position: 0 },
  })
  expect(put).toMatchObject({ name: 'cloud', kind: 'http', position: 0, secrets: ['token'], builtIn: false })
  const { items } = await client.listPowerDrivers({ params: { machine } })
  expect(items.map(({ name, position }) => `${position} ${name}`)).toEqual(['0 cloud', '1 bmc', '2 fake'])
  expect(items[2]).toMatchObject({ builtIn: true, missing: ['raw'], health: { score: 100, circuit: 'closed' } })
  await client.removePowerDriver({ params })
  await expect(client.removePowerDriver({ params })).rejects.toMatchObject({ code: 'not-found' })
  await expect(client.removePowerDriver({ params: { machine, driver: 'fake' } })).rejects.toMatchObject({
    code: 'conflict',
  })
  expect((await client.listPowerDrivers({ params: { machine } })).items).toHaveLength(2)
})

test('what is no driver is refused: names, kinds, secrets, settings', async () => {
  const client = await withBmc()
  const put = (driver: string, settings: object, secrets: Record<string, string> | null = null) =>
    client.putPowerDriver({ params: { machine, driver }, body: { settings: settings as typeof IPMI, secrets } })
  await expect(put('Not A Name', IPMI)).rejects.toMatchObject({ status: 400 })
  await expect(put('x', { kind: 'ipmi' })).rejects.toMatchObject({ status: 400 })
  await expect(put('x', { kind: 'amt', address: 'a' })).rejects.toMatchObject({ status: 400 })
  await expect(put('x', { ...IPMI, password: 'in the wrong place' })).rejects.toMatchObject({ status: 400 })
  await expect(put('x', { kind: 'redfish', url: 'https://root:pass@bmc' })).rejects.toMatchObject({ status: 400 })
  const media = client.setMedia({ params: { machine }, body: { media: 'http://root:pa55@files/a.iso' } })
  await expect(media).rejects.toMatchObject({ code: 'validation-failed' })
  expect(JSON.stringify(world.accessRows.log)).not.toContain('pa55')
  await expect(put('x', IPMI, { token: 'x' })).rejects.toMatchObject({ code: 'validation-failed' })
  await expect(put('x', { kind: 'lab' })).rejects.toMatchObject({ code: 'validation-failed' })
  await expect(put('x', { kind: 'wol' })).rejects.toMatchObject({ code: 'not-available' })
  await expect(put('fake', IPMI)).rejects.toMatchObject({ code: 'conflict' })
  expect([...world.powerRows.rows.keys()]).toHaveLength(1)
})

test('the state comes from the first driver that tells; a cached one with its age', async () => {
  const client = await withBmc()
  world.configured.now = 'on'
  const first = await client.getPower({ params: { machine } })
  expect(first).toEqual({ state: 'on', driver: 'bmc', checkedAt: expect.any(String), confirmed: null, problems: [] })
  world.clock.advance(90_000)
  world.configured.now = 'off'
  expect(await client.getPower({ params: { machine }, query: { cached: 'true' } })).toEqual(first)
  const aged = await client.getPower({ params: { machine }, query: { maxAge: 3600 } })
  expect(aged).toEqual(first)
  expect(await client.getPower({ params: { machine }, query: { driver: 'fake' } })).toMatchObject({ driver: 'fake' })
  const { items } = await client.listPower()
  expect(items).toEqual([
    {
      machine: world.machines.find(machine)!.id,
      name: 'pc01',
      state: 'off',
      driver: 'fake',
      readAt: new Date(world.clock.now()).toISOString(),
      problem: '',
      score: 100,
    },
  ])
})

test('a list of power has only machines that something can switch', async () => {
  const { client } = await world.as('operator')
  await client.createMachine({ body: { name: 'dumb', macs: [DUMB] } })
  const { items, total } = await client.listPower()
  expect(items).toMatchObject([{ name: 'pc01', state: 'unknown', readAt: null, driver: null, score: null }])
  expect(total).toBe(1)
})

test('switching says whether it was confirmed, and what did not work on the way', async () => {
  const client = await withBmc()
  world.configured.fails = new Refusal('not-available', 'no answer from 10.0.0.9')
  expect(await client.setPower({ params: { machine }, body: { action: 'on' } })).toMatchObject({
    state: 'on',
    driver: 'fake',
    confirmed: true,
    problems: [{ driver: 'bmc', cause: 'no answer from 10.0.0.9' }],
  })
  const named = client.setPower({ params: { machine }, query: { driver: 'bmc' }, body: { action: 'off', wait: 1 } })
  await expect(named).rejects.toMatchObject({ code: 'not-available' })
  expect(world.accessRows.log.at(-1)).toMatchObject({ action: 'machine.power', outcome: 'refused' })
  const user = await world.as('user')
  await user.client.setPower({ params: { machine }, body: { action: 'off' } })
  expect(world.accessRows.log.at(-1)).toMatchObject({ who: 'user-user', subject: 'pc01', detail: 'off' })
})

test('a driver is probed: what it found, or why it could not', async () => {
  const client = await withBmc()
  const params = { machine, driver: 'bmc' }
  expect(await client.probePowerDriver({ params })).toEqual({ ok: true, detail: 'a fake, well', next: null })
  world.configured.fails = new Refusal('wrong-credentials', 'wrong password', { next: 'set it again' })
  expect(await client.probePowerDriver({ params })).toEqual({
    ok: false,
    detail: 'wrong password',
    next: 'set it again',
  })
  expect((await client.listPowerDrivers({ params: { machine } })).items[0]).toMatchObject({
    health: { circuit: 'open', lastFailure: 'wrong password' },
  })
  await expect(client.probePowerDriver({ params: { machine, driver: 'gone' } })).rejects.toMatchObject({
    code: 'not-found',
  })
})

test('firmware, lamp, sensors, log, parts and drive', async () => {
  const client = await withBmc()
  const params = { machine }
  expect(await client.setBootOrder({ params, body: { order: ORDER } })).toMatchObject({
    order: ORDER,
    driver: 'bmc',
    confirmed: true,
  })
  expect(await client.getBootOrder({ params })).toEqual({ order: ORDER, driver: 'bmc' })
  await client.identifyMachine({ params, body: { seconds: null } })
  expect(await client.readSensors({ params })).toMatchObject({ driver: 'bmc', items: [{ name: 'CPU', value: 41 }] })
  expect(await client.readHardwareEvents({ params, query: { driver: 'fake' } })).toMatchObject({
    driver: 'fake',
    items: [{ at: '2027-01-15T08:00:00.000Z', severity: 'critical' }],
  })
  await client.clearHardwareEvents({ params })
  expect(await client.readFru({ params })).toMatchObject({ driver: 'bmc', manufacturer: 'Acme' })
  expect(await client.setMedia({ params, body: { media: 'boot' } })).toEqual({
    url: 'http://10.0.0.1/boot/boot',
    driver: 'bmc',
  })
  expect(await client.getMedia({ params })).toMatchObject({ url: 'http://10.0.0.1/boot/boot' })
  expect(await client.setMedia({ params, body: { media: null } })).toMatchObject({ url: null })
  for (const done of ['boot order pxe', 'identify null', 'clear events']) expect(world.configured.done).toContain(done)
  const manual = client.answerManualPower({ params: { machine, driver: 'bmc' }, body: { state: 'on' } })
  await expect(manual).rejects.toMatchObject({ code: 'wrong-state' })
  world.configured.answer = (state) => void world.configured.done.push(`answered ${state}`)
  await client.answerManualPower({ params: { machine, driver: 'bmc' }, body: { state: 'on' } })
  expect(world.configured.done).toContain('answered on')
})

test('reading is for viewers, switching for users, drivers for operators', async () => {
  await withBmc()
  const params = { machine }
  const { client: viewer } = await world.as('viewer')
  const { client: user } = await world.as('user')
  await viewer.listPowerDrivers({ params })
  await viewer.readSensors({ params })
  const forbidden = { status: 403 }
  await expect(viewer.setPower({ params, body: { action: 'on' } })).rejects.toMatchObject(forbidden)
  await expect(viewer.setBootOrder({ params, body: { order: null } })).rejects.toMatchObject(forbidden)
  await user.setBootOrder({ params, body: { order: null } })
  const put = user.putPowerDriver({ params: { machine, driver: 'b' }, body: { settings: IPMI } })
  await expect(put).rejects.toMatchObject(forbidden)
  await expect(user.setMedia({ params, body: { media: null } })).rejects.toMatchObject(forbidden)
  await expect(user.clearHardwareEvents({ params })).rejects.toMatchObject(forbidden)
})

test('secrets of drivers are in no answer, no log, no audit entry and no row', async () => {
  const client = await withBmc()
  const params = { machine, driver: 'bmc' }
  world.configured.fails = new Error('socket hang up')
  await client.getPower({ params: { machine } })
  await client
    .setPower({ params: { machine }, query: { driver: 'bmc' }, body: { action: 'on' } })
    .catch(() => undefined)
  const probed = await client.probePowerDriver({ params }).catch((error: Error) => error.message)
  const wrong = { settings: IPMI, secrets: { password: 'hunter2-of-the-bmc', other: 'hunter2-of-the-bmc' } }
  const refused = await client.putPowerDriver({ params, body: wrong }).catch((error: Error) => JSON.stringify(error))
  const moved = await client.putPowerDriver({ params, body: { settings: { ...IPMI, address: '10.0.0.10' } } })
  expect(moved.secrets).toEqual([])
  const seen = {
    answers: JSON.stringify([await client.listPowerDrivers({ params: { machine } }), await client.listPower(), probed]),
    refused: String(refused),
    audit: JSON.stringify(world.accessRows.log),
    log: world.log.lines.join('\n'),
    rows: JSON.stringify([...world.powerRows.rows.values()].map((row) => ({ ...row, sealed: '' }))),
    metrics: await (await fetch(`${world.url}/metrics`, await asViewer())).text(),
  }
  for (const [place, text] of Object.entries(seen)) expect(text.includes('hunter2'), place).toBe(false)
  expect(seen.audit).toContain('driver bmc, kind ipmi, secrets password given')
  expect(seen.metrics).toMatch(/reveille_power_driver_calls_total\{kind="ipmi",result="failed"\} \d/)
  expect(seen.metrics).toMatch(/reveille_power_drivers\{circuit="closed"\} \d/)
  expect(seen.metrics).toMatch(/reveille_power_machines\{state="unknown"\} \d/)
})

test('what became of a machine that is gone: nothing of its drivers', async () => {
  const client = await withBmc()
  world.events.listen(({ topic, id, change }) => {
    if (topic === 'machine' && change === 'removed') void world.powers.forget(id)
  })
  await client.deleteMachine({ params: { machine } })
  await expect.poll(() => world.powerRows.rows.size).toBe(0)
})

async function asViewer() {
  return { headers: { authorization: `Bearer ${(await world.as('viewer')).token}` } }
}

import { afterEach, beforeEach, expect, test } from 'vitest'
import { DUMB, openWorld, type World } from '../../../test/api/world.ts'

let world: World
beforeEach(async () => {
  world = await openWorld()
  await world.control.createMachine({ body: { name: 'web1', macs: ['52:54:00:00:00:01'], tags: ['ipmi'] } })
  await world.control.createMachine({ body: { name: 'web2', macs: [DUMB] } })
})
afterEach(() => world.close())

const of = (machine: string) => ({ params: { machine } })

test('a BMC is made, shown, listed, changed, explained and removed; its password is in one answer only', async () => {
  const { client } = await world.as('operator')
  const made = await client.createBmc({ body: { machine: 'web1' } })
  expect(made).toMatchObject({ user: 'admin', bmc: { machineName: 'web1', port: 6230, host: '10.0.0.1', sessions: 0 } })
  expect(made.password).toMatch(/^.{16}$/)
  expect(await client.getBmc(of('52:54:00:00:00:01'))).toEqual(made.bmc)
  expect(await client.listBmcs({})).toMatchObject({ items: [made.bmc], total: 1 })

  const count = async (query: object) => (await client.listBmcs({ query })).total
  const { enabled, listening } = made.bmc
  expect(await count({ state: !enabled ? 'off' : listening ? 'answers' : 'fails' })).toBe(1)
  expect(await count({ state: 'off' })).toBe(0)
  expect(await count({ q: 'WEB1' })).toBe(1)
  expect(await count({ q: `:${made.bmc.port}` })).toBe(1)
  expect(await count({ q: 'elsewhere' })).toBe(0)

  const body = { routes: { 'power.soft': 'fake', raw: 'drivers' }, clients: ['10.0.0.0/24'] }
  const changed = await client.patchBmc({ ...of('web1'), body })
  expect(changed).toMatchObject({ routes: { 'power.soft': 'fake', raw: 'drivers' }, clients: ['10.0.0.0/24'] })
  const back = await client.patchBmc({ ...of('web1'), body: { routes: { raw: null }, enabled: false } })
  expect(back).toMatchObject({ routes: { 'power.soft': 'fake' }, enabled: false, listening: false, problem: '' })
  await client.patchBmc({ ...of('web1'), body: { enabled: true } })
  const refused = client.patchBmc({ ...of('web1'), body: { routes: { console: 'gone' } } })
  await expect(refused).rejects.toMatchObject({
    code: 'validation-failed',
    next: expect.stringContaining('console can go to'),
  })

  const told = await client.explainBmc({ ...of('web1'), query: { command: 'chassis power soft' } })
  expect(told).toMatchObject({ class: 'power.soft', target: 'fake', because: 'machine', works: true })
  expect(told.steps.join(' ')).toContain('fake (lab) is asked')

  const user = { machine: 'web1', user: 'monitor' }
  const added = await client.setBmcUser({ params: user, body: { privilege: 'user' } })
  expect(added).toMatchObject({ user: { slot: 3, name: 'monitor', privilege: 'user', enabled: true } })
  expect(added.password).toMatch(/^.{16}$/)
  expect((await client.setBmcUser({ params: user, body: { enabled: false } })).password).toBeNull()
  const renewed = await client.setBmcUser({ params: user, body: { newPassword: true } })
  expect(renewed.password).not.toBe(added.password)
  await client.removeBmcUser({ params: user })

  expect(await client.listBmcEvents(of('web1'))).toEqual({ items: [] })
  expect(await client.listBmcSessions(of('web1'))).toEqual({ items: [] })
  await client.removeBmc(of('web1'))
  await expect(client.getBmc(of('web1'))).rejects.toMatchObject({ code: 'not-found' })
  const kept = JSON.stringify([world.log.lines, world.accessRows.log])
  for (const { password } of [made, added, renewed]) expect(kept).not.toContain(password)
  const deeds = world.accessRows.log.map(({ action, subject }) => `${action} ${subject}`)
  expect(deeds).toEqual(
    expect.arrayContaining(['bmc.create web1', 'bmc.update web1', 'bmc.user.set web1', 'bmc.remove web1']),
  )
})

test('what clients order through a BMC is in its log and in the audit log', async () => {
  await world.control.createBmc({ body: { machine: 'web1' } })
  const backEnd = world.bmcs.gateway.get(world.machines.find('web1')!.id)
  expect(backEnd?.users).toHaveLength(1)
  const directory = world.bmcs.gateway as unknown as import('../../gateway/gateway.ts').Gateway
  await directory.ofMachine(backEnd!.machine)!.perform('on', { face: 'redfish', user: 'admin', address: '10.0.0.7' })
  expect((await world.control.listBmcEvents(of('web1'))).items).toMatchObject([
    { kind: 'power', severity: 'ok', text: 'power on by admin (Redfish from 10.0.0.7)' },
  ])
  expect(world.power.done).toContain('on')
  expect(world.accessRows.log.at(-1)).toMatchObject({
    ...{ who: 'admin', via: 'redfish', address: '10.0.0.7', action: 'bmc.power', subject: 'web1', outcome: 'ok' },
  })
})

test('a rule makes BMCs, and machines that are deleted take theirs along', async () => {
  const { client } = await world.as('operator')
  const rule = await client.putBmcRule({ params: { rule: 'racks' }, body: { tag: 'ipmi' } })
  expect(rule).toMatchObject({ name: 'racks', tag: 'ipmi', user: 'admin', machines: 1, routes: {} })
  expect(await client.getBmc(of('web1'))).toMatchObject({ rule: 'racks' })
  await client.updateMachine({ params: { machine: 'web2' }, body: { tags: ['ipmi'] } })
  await expect.poll(async () => (await client.listBmcRules({})).items[0]?.machines).toBe(2)
  await expect(client.removeBmc(of('web1'))).rejects.toMatchObject({ code: 'in-use' })
  await client.deleteMachine({ params: { machine: 'web1' } })
  await expect
    .poll(async () => (await client.listBmcs({})).items.map(({ machineName }) => machineName))
    .toEqual(['web2'])
  await client.removeBmcRule({ params: { rule: 'racks' }, query: { remove: 'true' } })
  expect((await client.listBmcs({})).items).toEqual([])
})

test('viewers read, and change nothing', async () => {
  await world.control.createBmc({ body: { machine: 'web1' } })
  const { client } = await world.as('viewer')
  expect(await client.getBmc(of('web1'))).not.toHaveProperty('password')
  expect(JSON.stringify(await client.getBmc(of('web1')))).not.toContain('sealed')
  await expect(client.createBmc({ body: { machine: 'web2' } })).rejects.toMatchObject({ code: 'forbidden' })
  await expect(client.removeBmc(of('web1'))).rejects.toMatchObject({ code: 'forbidden' })
  await expect(client.setBmcUser({ params: { machine: 'web1', user: 'me' }, body: {} })).rejects.toMatchObject({
    code: 'forbidden',
  })
})

import { beforeEach, describe, expect, test } from 'vitest'
import { GatewayWorld, gatewayMachine } from '../../test/fakes/gateway-world.ts'
import type { Gateway } from './gateway.ts'
import type { NewBmc } from './making.ts'
import { sharedName } from './shared-names.ts'

let world: GatewayWorld
let gateway: Gateway
beforeEach(async () => {
  world = new GatewayWorld()
  gateway = await world.open()
})
const create = (machine: string, wanted: Partial<NewBmc> = {}) =>
  gateway.create(machine, { user: 'admin', privilege: 'administrator', clients: [], routes: {}, ...wanted })
const setUser = (machine: string, name: string, wanted: object = {}) =>
  gateway.setUser(machine, name, { newPassword: false, ...wanted })
const ports = () => gateway.list().map(({ bmc }) => bmc.port)

describe('a new BMC', () => {
  test('has a random password that is told once and kept sealed, and the next free port', async () => {
    const { bmc, user, password } = await create('m_1')
    expect([user, bmc.port, bmc.address, bmc.enabled]).toEqual(['admin', 6230, null, true])
    expect(password.reveal()).toMatch(/^[a-zA-Z2-9]{16}$/)
    expect(bmc.guid).toMatch(/^[0-9a-f]{32}$/)
    expect(bmc.users).toMatchObject([{ slot: 2, name: 'admin', privilege: 'administrator', enabled: true }])
    expect(JSON.stringify(bmc)).not.toContain(password.reveal())
    const backEnd = gateway.ofMachine('m_1')!
    expect(backEnd.passwordOf(bmc.users[0]!)).toBe(password.reveal())
    expect(backEnd.machine).toMatchObject({ name: 'name-of-m_1' })
    const other = await create('m_2')
    expect(other.password.reveal()).not.toBe(password.reveal())
    expect(other.bmc.port).toBe(6231)
    expect(world.published).toEqual(['m_1 saved', 'm_2 saved'])
  })

  test('may have an address of its own, where its port is 623', async () => {
    expect((await create('m_1', { address: '10.0.0.9' })).bmc).toMatchObject({ address: '10.0.0.9', port: 623 })
    await expect(create('m_2', { address: '10.0.0.9' })).rejects.toThrow("10.0.0.9:623 is another BMC's already")
    await expect(create('m_2', { address: '10.0.0.8', port: 700 })).rejects.toThrow('has the UDP port 623')
    expect((await create('m_2')).bmc.port).toBe(6230)
  })

  test.each([
    ['twice', 'm_1', {}, 'has a BMC already'],
    ['for nobody', 'm_9', {}, 'there is no machine m_9'],
    ['on a port that another has', 'm_2', { port: 6230 }, "is another BMC's already"],
    ['with a password too short', 'm_2', { password: 'short' }, '8 to 20 printable characters'],
    ['with clients that are no subnet', 'm_2', { clients: ['10.0.0.0/99'] }, 'no address or subnet'],
    ['routed to a driver that is not there', 'm_2', { routes: { console: 'bmc' } }, 'there is no driver bmc'],
  ])('is refused %s', async (_, machine, wanted, message) => {
    await create('m_1')
    await expect(create(machine, wanted)).rejects.toThrow(message)
    expect(gateway.list()).toHaveLength(1)
    expect(world.rows.bmcRows.size).toBe(1)
  })

  test('is refused when all ports are taken', async () => {
    world.machines.set('m_4', gatewayMachine('m_4'))
    for (const id of ['m_1', 'm_2', 'm_3']) await create(id)
    await expect(create('m_4')).rejects.toThrow('all UDP ports of gateway.ports (6230-6232) are taken')
    await gateway.remove('m_2')
    expect((await create('m_4')).bmc.port).toBe(6231)
  })

  test('without suite 3, where the settings forbid it', async () => {
    gateway = await world.open({ suite3: false })
    expect((await create('m_1')).bmc.cipherSuites).toEqual([17])
    await expect(create('m_2', { cipherSuites: [3] })).rejects.toThrow('gateway.cipherSuite3')
  })
})

test('everything is there again after a restart; what belongs to machines that are gone is not', async () => {
  const { password } = await create('m_1', { routes: { 'power.soft': 'os' } })
  await create('m_2')
  await gateway.ofMachine('m_1')!.record({ kind: 'other', severity: 'ok', text: 'kept' })
  world.machines.delete('m_2')
  const again = await world.open()
  expect(again.list().map(({ bmc }) => bmc)).toEqual([gateway.get('m_1')])
  expect(again.ofMachine('m_1')!.passwordOf(gateway.get('m_1')!.users[0]!)).toBe(password.reveal())
  expect(await again.eventsOf('m_1')).toMatchObject([{ id: 1, text: 'kept' }])
  expect([...world.rows.bmcRows.keys()]).toEqual(['m_1'])
})

describe('a change', () => {
  test('takes effect at once, merges routes and takes them back', async () => {
    await create('m_1', { routes: { 'power.soft': 'os' } })
    await gateway.update('m_1', { routes: { console: 'bmc', 'power.soft': null }, clients: ['10.0.0.0/24'] })
    expect(gateway.get('m_1')).toMatchObject({ routes: { console: 'bmc' }, clients: ['10.0.0.0/24'] })
    expect(gateway.get('m_1')!.routes).not.toHaveProperty(['power.soft'])
    expect(gateway.consoleDriver('m_1')).toBe('bmc')
    expect(gateway.explain('m_1', 'sol activate')).toMatchObject({ target: 'bmc', works: true })
    await expect(gateway.update('m_1', { routes: { console: 'os' } })).rejects.toMatchObject({
      message: 'name-of-m_1 cannot be routed like this: the driver os (ssh) cannot do console',
      next: 'console can go to bmc (ipmi), drivers, none',
    })
    await gateway.update('m_1', { enabled: false })
    expect([gateway.all(), gateway.ofMachine('m_1')]).toEqual([[], undefined])
    expect(gateway.bootFor('m_1')).toBeUndefined()
  })

  test('moves it to another place and back', async () => {
    await create('m_1')
    expect(await gateway.update('m_1', { address: '10.0.0.9' })).toMatchObject({ address: '10.0.0.9', port: 623 })
    expect(await gateway.update('m_1', { clients: [] })).toMatchObject({ port: 623 })
    expect(await gateway.update('m_1', { address: null })).toMatchObject({ address: null, port: 6230 })
    expect(await gateway.update('m_1', { port: 7000 })).toMatchObject({ port: 7000 })
  })

  test('of what is not there is refused', async () => {
    await expect(gateway.update('m_1', { enabled: false })).rejects.toThrow('name-of-m_1 has no BMC here')
    await expect(gateway.remove('m_1')).rejects.toThrow('has no BMC here')
    await gateway.forget('m_1')
    await gateway.obeyed('m_1', 'o_1')
  })

  test('that the store refuses is not seen', async () => {
    await create('m_1')
    world.rows.saveBmc = async () => {
      throw new Error('disk full')
    }
    await expect(gateway.update('m_1', { port: 7000 })).rejects.toThrow('disk full')
    expect(ports()).toEqual([6230])
  })
})

describe('accounts', () => {
  test('are added with a random password, changed, and removed', async () => {
    await create('m_1')
    const added = await setUser('m_1', 'monitor', { privilege: 'user' })
    expect(added.user).toMatchObject({ slot: 3, name: 'monitor', privilege: 'user', enabled: true })
    expect(added.password?.reveal()).toMatch(/^.{16}$/)
    const disabled = await setUser('m_1', 'monitor', { enabled: false })
    expect(disabled.password).toBeNull()
    expect(disabled.user).toMatchObject({ sealed: added.user.sealed, enabled: false, privilege: 'user' })
    const renewed = await setUser('m_1', 'monitor', { newPassword: true })
    expect(renewed.password?.reveal()).not.toBe(added.password?.reveal())
    const given = await setUser('m_1', 'monitor', { password: 'given by hand' })
    expect(gateway.ofMachine('m_1')!.passwordOf(given.user)).toBe('given by hand')
    await gateway.removeUser('m_1', 'monitor')
    await expect(gateway.removeUser('m_1', 'monitor')).rejects.toThrow('has no user monitor')
    await expect(setUser('m_1', 'with space')).rejects.toThrow('16 printable characters')
  })

  test('are at most fourteen, and what was sealed for one opens for no other', async () => {
    await create('m_1')
    for (let i = 0; i < 13; i++) await setUser('m_1', `user${i}`)
    await expect(setUser('m_1', 'onemore')).rejects.toThrow('at most 14 users')
    const [first, second] = gateway.get('m_1')!.users
    expect(gateway.ofMachine('m_1')!.passwordOf({ ...first!, sealed: second!.sealed })).toBeUndefined()
  })

  test('are found by name on the shared endpoint where one machine has it, or with the machine', async () => {
    await create('m_1')
    await create('m_2', { user: 'root' })
    expect(gateway.ofUser('admin')?.bmc.machine).toBe('m_1')
    expect(gateway.ofUser('root')?.bmc.machine).toBe('m_2')
    await setUser('m_2', 'admin')
    expect(gateway.ofUser('admin')).toBeUndefined()
    world.machines.set('m_2', gatewayMachine('m_2', { name: 'web2' }))
    await gateway.machineChanged('m_2')
    expect(gateway.ofUser(sharedName('admin', 'web2'))?.bmc.machine).toBe('m_2')
    expect(sharedName('administrator', 'web2')).toBe('administrator@we')
    expect(gateway.ofUser('nobody')).toBeUndefined()
    await gateway.update('m_2', { enabled: false })
    expect(gateway.ofUser('root')).toBeUndefined()
  })

  test('of one machine cannot be called so that the clients of another do not find theirs any more', async () => {
    world.machines.set('m_2', gatewayMachine('m_2', { name: 'web2' }))
    await create('m_1')
    await create('m_2', { user: 'root' })
    await setUser('m_1', 'root@web2')
    expect(gateway.ofUser('root@web2')?.bmc.machine).toBe('m_2')
  })
})

describe('a rule', () => {
  const rule = { name: 'racks', tag: 'ipmi', user: 'ops', routes: { 'power.soft': 'os' } }
  const tag = (id: string, ...tags: string[]) => world.machines.set(id, gatewayMachine(id, { tags }))

  test('is applied to hundreds of machines that come at once without going through all of them for each', async () => {
    const ids = Array.from({ length: 300 }, (_, n) => `m_n${n}`)
    let asked = 0
    const around = world.around()
    const many = await world.open({
      places: { ...around.places, lastPort: 9999 },
      machines: () => {
        asked += 1
        return around.machines()
      },
    })
    await many.putRule(rule)
    for (const id of ids) world.machines.set(id, { ...gatewayMachine(id), tags: ['ipmi'] })
    await Promise.all(ids.map((id) => many.machineChanged(id)))
    expect(ids.every((id) => many.get(id)?.rule === 'racks')).toBe(true)
    expect(asked).toBeLessThan(6)
  })

  test('gives every machine with its tag a BMC, those that are tagged later too', async () => {
    tag('m_2', 'ipmi')
    await gateway.putRule(rule)
    expect(gateway.list().map(({ bmc }) => bmc)).toMatchObject([
      { machine: 'm_2', rule: 'racks', routes: { 'power.soft': 'os' }, port: 6230, users: [{ name: 'ops' }] },
    ])
    tag('m_3', 'other', 'ipmi')
    await gateway.machineChanged('m_3')
    await gateway.machineChanged('m_3')
    expect(ports()).toEqual([6230, 6231])
    expect(gateway.madeBy('racks')).toBe(2)
    const { password } = await setUser('m_3', 'ops', { newPassword: true })
    expect(password?.reveal()).toMatch(/^.{16}$/)
  })

  test('makes what was tagged while the server was down', async () => {
    await gateway.putRule(rule)
    tag('m_1', 'ipmi')
    expect((await world.open()).get('m_1')?.rule).toBe('racks')
  })

  test('that is changed reaches the BMCs that still have its routes', async () => {
    tag('m_1', 'ipmi')
    tag('m_2', 'ipmi')
    await gateway.putRule(rule)
    await gateway.update('m_1', { routes: { console: 'bmc' } })
    await gateway.putRule({ ...rule, routes: { fru: 'none' } })
    expect(gateway.get('m_1')!.routes).toEqual({ 'power.soft': 'os', console: 'bmc' })
    expect(gateway.get('m_2')!.routes).toEqual({ fru: 'none' })
    expect(gateway.rules()).toMatchObject([{ name: 'racks', routes: { fru: 'none' } }])
  })

  test('keeps its BMCs from being removed by hand, but not from being switched off', async () => {
    tag('m_1', 'ipmi')
    await gateway.putRule(rule)
    await expect(gateway.remove('m_1')).rejects.toThrow('the rule racks gives name-of-m_1 a BMC')
    await gateway.update('m_1', { enabled: false })
    tag('m_1')
    await gateway.remove('m_1')
    expect(gateway.list()).toEqual([])
  })

  test.each([
    [false, 1, null],
    [true, 0, undefined],
  ])('that is removed leaves its BMCs, or takes them along: %s', async (along, left, of) => {
    tag('m_1', 'ipmi')
    await gateway.putRule(rule)
    await gateway.removeRule('racks', along)
    expect(gateway.list()).toHaveLength(left)
    expect(gateway.get('m_1')?.rule).toBe(of)
    await expect(gateway.removeRule('racks', along)).rejects.toThrow('there is no rule racks')
  })

  test('with routes that no machine can have is refused', async () => {
    await expect(gateway.putRule({ ...rule, routes: { console: 'reveille' } })).rejects.toMatchObject({
      problems: [{ path: 'routes.console' }],
    })
    expect(gateway.rules()).toEqual([])
  })

  test('stops at the last free port, and the others stay as they are', async () => {
    for (const id of ['m_1', 'm_2', 'm_3', 'm_4']) tag(id, 'ipmi')
    await gateway.putRule(rule)
    expect(ports()).toHaveLength(3)
  })
})

test('the BMC of a machine that is removed goes with its log', async () => {
  await create('m_1')
  await gateway.ofMachine('m_1')!.record({ kind: 'other', severity: 'ok', text: 'x' })
  world.machines.delete('m_1')
  await gateway.forget('m_1')
  expect([gateway.get('m_1'), world.rows.bmcRows.size, world.rows.eventRows.size]).toEqual([undefined, 0, 0])
  expect(world.published.at(-1)).toBe('m_1 removed')
})

test('the end of a deployment is written into the log of the machine, once', async () => {
  await create('m_1')
  const of = { machine: 'm_1', what: 'debian' }
  world.ended.set('d_1', { ...of, succeeded: true, reason: '' })
  world.ended.set('d_2', { ...of, succeeded: false, reason: 'the disk is gone' })
  for (const id of ['d_1', 'd_1', 'd_2', 'd_3']) await gateway.deploymentChanged(id)
  expect(await gateway.eventsOf('m_1')).toMatchObject([
    { kind: 'deployment', severity: 'ok', text: 'deployment d_1 of debian succeeded' },
    { kind: 'deployment', severity: 'critical', text: 'deployment d_2 of debian failed: the disk is gone' },
  ])
})

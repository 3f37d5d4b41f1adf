import { afterAll, beforeAll, expect, test } from 'vitest'
import { openWorld, type World } from '../../../test/api/world.ts'
import { diskOf, inventoryOf } from '../../../test/fakes/deployment-world.ts'

let world: World

beforeAll(async () => {
  world = await openWorld()
  await world.control.createMachine({ body: { name: 'node-1', macs: ['52:54:00:00:00:dd'] } })
})
afterAll(() => world.close())

const params = { machine: 'node-1' }
const look = { action: { kind: 'inventory' } } as const

test('a deployment is ordered, shown, listed, logged and cancelled; the audit log names it', async () => {
  const { client } = await world.as('user')
  const made = await client.createDeployment({ params, body: look })
  expect(made).toMatchObject({ machine: 'node-1', state: 'powering', orderedBy: 'user-user', profile: null, ahead: 0 })
  const behind = await client.createDeployment({ params, body: look })
  expect(behind).toMatchObject({ state: 'queued', ahead: 1 })
  const first = await client.listDeployments({ query: { limit: 1, open: 'true', q: 'node' } })
  expect(first.items.map(({ id }) => id)).toEqual([behind.id])
  const second = await client.listMachineDeployments({ params, query: { limit: 1, cursor: first.next! } })
  expect([second.items[0]?.id, second.next]).toEqual([made.id, null])
  const one = { deployment: made.id }
  expect(await client.cancelDeployment({ params: one })).toMatchObject({ state: 'cancelled' })
  expect((await client.getDeployment({ params: { deployment: behind.id } })).state).toBe('powering')
  const { items, after } = await client.getDeploymentLog({ params: one, query: {} })
  expect(items[0]?.text).toBe('user-user ordered it')
  expect(await client.getDeploymentLog({ params: one, query: { after } })).toEqual({ items: [], after })
  await expect(client.releaseDeployment({ params: one })).rejects.toMatchObject({ code: 'wrong-state' })
  const audited = (await world.control.listAudit({ query: { subject: 'node-1' } })).items.map(({ action }) => action)
  expect(audited).toEqual(expect.arrayContaining(['deployment.create', 'deployment.cancel', 'deployment.release']))
})

test('an order names just one thing, arms a disk once, and is not for viewers', async () => {
  const { client } = await world.as('user')
  for (const body of [
    {},
    { ...look, profile: 'x' },
    { action: { kind: 'wipe' } as const, arm: [{ disk: 'A' }, { disk: 'A' }] },
  ])
    await expect(client.createDeployment({ params, body })).rejects.toMatchObject({ code: 'validation-failed' })
  const viewer = (await world.as('viewer')).client
  await expect(viewer.createDeployment({ params, body: look })).rejects.toMatchObject({ code: 'forbidden' })
  expect(await viewer.planDeployment({ params, body: { action: { kind: 'wipe' } } })).toMatchObject({ possible: false })
  await expect(viewer.getInventory({ params })).rejects.toMatchObject({ code: 'not-found' })
})

test('what the management OS found is told to who asks', async () => {
  const machine = world.machines.find('node-1')!
  const wanted = world.deployments.bootFor(machine.id)
  expect(wanted?.what).toBe('agent')
  const { agents } = world.deployments
  const expiresAt = world.clock.now() + 60_000
  await agents.takeBoot({ id: 'b_1', machine: machine.id, deployment: 'd', expiresAt })
  const boot = await agents.greet('b_1', { nonce: 'a', version: '1' }, 'b')
  await agents.inventory(boot!, inventoryOf(diskOf('SER1')))
  expect((await world.control.getInventory({ params })).inventory.disks[0]?.serial).toBe('SER1')
})

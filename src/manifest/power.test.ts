import { afterEach, beforeEach, expect, test } from 'vitest'
import { openWorld, type World } from '../../test/api/world.ts'
import type { Manifest } from '../api/contract/server.ts'
import { DriverSettings } from '../power/settings.ts'

let world: World
beforeEach(async () => {
  world = await openWorld()
})
afterEach(() => world.close())

const BMC = { name: 'bmc', settings: { kind: 'ipmi', address: '10.0.0.9', user: 'admin' } } as const
const CLOUD = { name: 'cloud', settings: { kind: 'http', url: 'https://cloud.example' } } as const
type Power = (typeof BMC | typeof CLOUD)[]

async function apply(power: (Power[number] & { secrets?: Record<string, string> })[] | undefined, dryRun = false) {
  const { client } = await world.as('operator')
  const machine = { name: 'pc1', macs: ['52:54:00:00:00:01'], ...(power ? { power } : {}) }
  const { changes } = await client.apply({ body: { machines: [machine] }, query: { dryRun: `${dryRun}` } })
  return changes.map(({ thing, change, fields }) => `${thing} ${change} ${fields.join()}`)
}
const drivers = async () => {
  const { client } = await world.as('viewer')
  const { items } = await client.listPowerDrivers({ params: { machine: 'pc1' } })
  return items.filter(({ builtIn }) => !builtIn).map(({ name, secrets }) => `${name}(${secrets.join()})`)
}

test('machines come with their drivers; the second time nothing changes', async () => {
  const power = [{ ...BMC, secrets: { password: 'hunter2' } }, CLOUD]
  expect(await apply(power, true)).toEqual(['machine pc1 create name,macs,power'])
  expect(world.powerRows.rows.size).toBe(0)
  await apply(power)
  expect(await drivers()).toEqual(['bmc(password)', 'cloud()'])
  expect(await apply(power)).toEqual(['machine pc1 none '])
  expect(await apply([BMC, CLOUD]), 'secrets that are left out stay').toEqual(['machine pc1 none '])
  expect(await apply(undefined), 'without drivers those it has stay').toEqual(['machine pc1 none '])
  expect(await drivers()).toEqual(['bmc(password)', 'cloud()'])
})

test('drivers that are not declared any more go, the order follows, and other secrets are a change', async () => {
  await apply([{ ...BMC, secrets: { password: 'hunter2' } }, CLOUD])
  expect(await apply([CLOUD, BMC])).toEqual(['machine pc1 update power'])
  expect(await drivers()).toEqual(['cloud()', 'bmc(password)'])
  expect(await apply([CLOUD, { ...BMC, secrets: { password: 'other' } }])).toEqual(['machine pc1 update power'])
  expect(await apply([CLOUD])).toEqual(['machine pc1 update power'])
  expect(await apply([])).toEqual(['machine pc1 update power'])
  expect(await drivers()).toEqual([])
})

test('one driver that is none, and nothing of the manifest is done', async () => {
  const { client } = await world.as('operator')
  const wrong: Manifest['machines'][number]['power'][] = [
    [BMC, { ...BMC, name: 'fake' }].map((each) => ({ ...each, settings: DriverSettings.parse(each.settings) })),
    [{ name: 'x', settings: { kind: 'lab' } }],
    [{ name: 'x', settings: { kind: 'wol', macs: [], broadcast: null, port: 9 } }],
  ]
  for (const power of wrong) {
    const body = { machines: [{ name: 'pc2', macs: ['52:54:00:00:00:02'], power }] }
    await expect(client.apply({ body })).rejects.toThrow()
  }
  await expect(apply([BMC, BMC])).rejects.toMatchObject({ code: 'conflict' })
  await expect(apply([{ ...BMC, secrets: { token: 'x' } }])).rejects.toMatchObject({ code: 'validation-failed' })
  expect(world.machines.find('pc2')).toBeUndefined()
})

import { beforeEach, describe, expect, test } from 'vitest'
import { ANN, DeploymentWorld, diskOf, inventoryOf, orderOf } from '../../test/fakes/deployment-world.ts'

let world: DeploymentWorld

beforeEach(async () => {
  world = await DeploymentWorld.open()
})

const install = (machine = 'm_1') => world.deployments.create(machine, orderOf(), ANN)
const assertForgettable = () => world.deployments.assertForgettable({ id: 'm_1', name: 'node-1' })

describe('forgetting a machine', () => {
  test('is refused while deployments are open, and says which', async () => {
    const [first, second] = [await install(), await install()]
    expect(assertForgettable).toThrow(`node-1 has open deployments: ${first.id}, ${second.id}`)
    for (const { id } of [second, first]) await world.deployments.cancel(id, ANN)
    expect(assertForgettable).not.toThrow()
  })

  test('is refused while a disk is half-written: added again it would boot that', async () => {
    const d = await install()
    const boot = await world.boot()
    await world.deployments.agents.inventory(boot, inventoryOf(diskOf('SER1')))
    const flash = await world.next(boot)
    await world.report(boot, flash!.id, true)
    await world.deployments.cancel(d.id, ANN)
    expect(assertForgettable).toThrow(`the disk SER1 of node-1 is half-written (${d.id}), and only node-1 knows`)
    await world.restart()
    expect(assertForgettable).toThrow('half-written')
    await install()
    await world.through()
    expect(assertForgettable).not.toThrow()
  })

  test('takes its hardware, disks and boots with it, and leaves its history', async () => {
    const d = await install()
    await world.through()
    expect(await world.rows.inventory('m_1')).toBeDefined()
    await world.deployments.forget('m_1')
    expect(await world.rows.inventory('m_1')).toBeUndefined()
    expect([await world.rows.disks(), await world.rows.boots()]).toEqual([[], []])
    expect(await world.deployments.get(d.id)).toMatchObject({ state: 'succeeded' })
  })

  test('is made up for at the next start when the server was killed in between', async () => {
    await install()
    await world.through()
    world.machines.delete('m_1')
    await world.restart()
    expect(await world.rows.inventory('m_1')).toBeUndefined()
    expect(await world.rows.disks()).toEqual([])
  })
})

test('a profile is held by its open deployments', async () => {
  const d = await install()
  expect(world.deployments.ordering('debian')).toEqual([`deployment ${d.id}`])
  expect(world.deployments.ordering('kept')).toEqual([])
  await world.through()
  expect(world.deployments.ordering('debian')).toEqual([])
})

test('old deployments are deleted with their logs, but none that is open and never the newest', async () => {
  const ended = await install()
  await world.through()
  const open = await install('m_2')
  const newest = await install()
  await world.through()
  await world.pass(2000, 1000)
  await world.deployments.prune(world.clock.now() + 1)
  expect(await world.deployments.get(ended.id)).toBeUndefined()
  expect(await world.deployments.log(ended.id, 0, 10)).toEqual([])
  expect(await world.deployments.get(open.id)).toBeDefined()
  expect(await world.deployments.get(newest.id)).toMatchObject({ state: 'succeeded' })
})

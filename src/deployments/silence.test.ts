import { beforeEach, describe, expect, test } from 'vitest'
import { ANN, DeploymentWorld, diskOf, GIB, hashOf, inventoryOf, orderOf } from '../../test/fakes/deployment-world.ts'
import type { Deployment } from './deployment.ts'

let world: DeploymentWorld

beforeEach(async () => {
  world = await DeploymentWorld.open()
})

const now = async (d: Pick<Deployment, 'id'>) => (await world.deployments.get(d.id))!
const install = (more = {}, by = ANN) => world.deployments.create('m_1', orderOf(more), by)

describe('when something is silent', () => {
  test('the reason says so, then it is begun anew, twice at most, then it fails by name', async () => {
    world.power = { state: 'off', actions: [] }
    const d = await install()
    await expect.poll(async () => (await now(d)).reason).toMatch(/power is on/)
    const boot = await world.boot()
    await world.deployments.agents.inventory(boot, inventoryOf(diskOf('SER1')))
    await world.pass(100_000)
    expect((await now(d)).reason).toMatch(/was last heard \d+ seconds ago/)
    await world.pass(520_000)
    expect(await now(d)).toMatchObject({ state: 'powering', attempts: 1 })
    await world.pass(1_000_000)
    expect(await now(d)).toMatchObject({ state: 'powering', attempts: 2 })
    await world.pass(1_000_000)
    expect(await now(d)).toMatchObject({
      state: 'failed',
      reason: expect.stringMatching(/2 new attempts did not help/),
    })
    expect(world.power.actions, 'who was not heard of is not trusted to have restarted').toEqual([
      'on',
      'off, seen off, on',
      'off, seen off, on',
    ])
  })

  test('a machine that nobody switches on is not waited for without end', async () => {
    const d = await install()
    await world.pass(24 * 3_600_000, 600_000)
    expect(await now(d)).toMatchObject({ state: 'failed', reason: expect.stringMatching(/did not ask for its boot/) })
  })

  test('a machine that is not seen booting its disk is restarted; what it has is whole all the same', async () => {
    const d = await install()
    const boot = await world.boot()
    await world.deployments.agents.inventory(boot, inventoryOf(diskOf('SER1')))
    await world.work(boot)
    await world.pass(16 * 60_000)
    expect(await now(d)).toMatchObject({ state: 'rebooting', attempts: 1, reason: expect.stringMatching(/restart it/) })
    expect(world.deployments.bootFor('m_1')?.what).toBe('local')
    await world.pass(25 * 3_600_000, 600_000)
    expect(await now(d)).toMatchObject({ state: 'failed', dirty: false, reason: expect.stringMatching(/whole/) })
    expect(world.machines.get('m_1')).toMatchObject({ state: 'failed', profile: 'debian' })
  })

  test('an agent that is heard again goes on', async () => {
    const d = await install()
    const boot = await world.boot()
    await world.deployments.agents.inventory(boot, inventoryOf(diskOf('SER1')))
    const flash = (await world.next(boot))!
    await world.pass(200_000)
    expect(await world.report(boot, flash.id, false)).toMatchObject({ stop: false })
    expect((await now(d)).reason).toBe('write debian@2 to the disk SER1')
  })
})

describe('passes', () => {
  test('are taken once, and one agent says hello with each', async () => {
    await install()
    const boot = await world.boot()
    expect(await world.deployments.agents.takeBoot(boot)).toBe(false)
    const again = await world.deployments.agents.greet(boot.id, { nonce: 'c'.repeat(32), version: '1' }, 'd'.repeat(32))
    expect(again).toMatchObject({ nonce: 'a'.repeat(32), serverNonce: 'b'.repeat(32) })
    await world.restart()
    expect(world.deployments.agents.boot(boot.id)).toMatchObject({ nonce: 'a'.repeat(32) })
    await world.pass(3_700_000, 600_000)
    expect(world.deployments.agents.boot(boot.id)).toBeUndefined()
  })

  test('of one machine tell nothing of the tasks of another', async () => {
    await install()
    await world.deployments.create('m_2', orderOf(), ANN)
    const one = await world.boot('m_1')
    const two = await world.boot('m_2')
    await world.deployments.agents.inventory(one, inventoryOf(diskOf('SER1')))
    const flash = (await world.next(one))!
    await expect(world.done(two, flash.id)).rejects.toMatchObject({ code: 'not-found' })
    expect(await world.report(two, flash.id, true)).toMatchObject({ stop: true })
    expect(world.deployments.agents.lists(two)).toEqual([])
    expect(world.deployments.agents.lists(one)).toEqual([hashOf(2)])
  })

  test('a script that somebody asks for does not disturb an agent that speaks', async () => {
    const d = await install()
    const boot = await world.boot()
    await world.deployments.agents.inventory(boot, inventoryOf(diskOf('SER1')))
    await world.deployments.bootSeen('m_1')
    expect((await now(d)).state).toBe('running')
  })
})

test('a server that was killed between the end of a deployment and its machine brings both together', async () => {
  await install()
  await world.through()
  world.machines.set('m_1', { ...world.machines.get('m_1')!, state: 'deploying', profile: null })
  await world.restart()
  expect(world.machines.get('m_1')).toMatchObject({ state: 'active', profile: 'debian' })
})

test('the second result of a task changes nothing', async () => {
  const d = await install()
  const boot = await world.boot()
  await world.deployments.agents.inventory(boot, inventoryOf(diskOf('SER1')))
  const flash = (await world.next(boot))!
  await world.report(boot, flash.id, true)
  await world.done(boot, flash.id)
  const before = await now(d)
  await world.deployments.agents.result(boot, flash.id, { ok: false, clean: false, summary: 'no', detail: {} })
  expect(await now(d)).toEqual(before)
})

test('a dry run says what is there, what would be gone, and what is missing', async () => {
  await world.deployments.create('m_1', orderOf({ action: { kind: 'inventory' }, arm: [] }), ANN)
  const root = {
    number: 1,
    name: 'root',
    type: 'x',
    startBytes: 1,
    bytes: GIB,
    filesystem: { type: 'ext4', label: 'data', uuid: null },
  }
  await world.through('m_1', [diskOf('SER1', { table: 'gpt', partitions: [root], fingerprint: hashOf(3) })])
  const plan = await world.deployments.plan('m_1', orderOf(), ANN)
  expect(plan).toMatchObject({
    possible: true,
    problems: [],
    steps: expect.arrayContaining(['write debian@2 to the disk SER1']),
  })
  expect(plan.overwrites).toMatchObject([{ disk: 'SER1', armed: true, fingerprint: hashOf(3), image: 'debian@2' }])
  expect(plan.overwrites[0]?.contents.join('\n')).toMatch(
    /GPT partition table with 1 .*\npartition 1 "root", 1 GiB, ext4 labelled "data"/,
  )
  const unarmed = await world.deployments.plan('m_1', orderOf({ arm: [] }), ANN)
  expect(unarmed).toMatchObject({ possible: false })
  expect(unarmed.problems[0]).toMatch(/--arm disk=SER1/)
  expect((await world.deployments.plan('m_2', orderOf(), ANN)).inventoryAt).toBeNull()
})

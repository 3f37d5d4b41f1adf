import { beforeEach, expect, test } from 'vitest'
import {
  ANN,
  DeploymentWorld,
  diskOf,
  installProfile,
  inventoryOf,
  orderOf,
} from '../../test/fakes/deployment-world.ts'
import type { NewOrder } from './order.ts'

const MINUTE = 60_000

let world: DeploymentWorld

beforeEach(async () => {
  world = await DeploymentWorld.open()
  world.profiles.set('debian', installProfile('debian', { config: 'node' }))
  world.configs = {
    look: () => ({ pinned: 'node@1', kind: 'cloud-init', phonesHome: true, problem: undefined }),
    render: () => ({
      ...{ config: 'node', version: 1, kind: 'cloud-init', problems: [] },
      parts: [{ name: 'user-data', contentType: '', secret: false, content: '#cloud-config\n' }],
    }),
  }
})

const install = (more: Partial<NewOrder> = {}) => world.deployments.create('m_1', orderOf(more), ANN)
const now = async (id: string) => (await world.deployments.get(id))!
const log = async (id: string) => (await world.deployments.log(id, 0, 100)).map(({ text }) => text)

/** Everything is written, the system is started, and does not call in time. */
async function failed(more: Partial<NewOrder> = {}): Promise<string> {
  const { id } = await install(more)
  await world.through()
  world.clock.advance(20 * MINUTE)
  await world.deployments.tick()
  expect(await now(id)).toMatchObject({ state: 'failed' })
  return id
}

test('a call after the deadline makes the deployment good, and says how late it was', async () => {
  const id = await failed({ notify: { webhook: 'https://example.org/', email: null } })
  await expect.poll(() => world.told).toHaveLength(1)
  world.clock.advance(7 * MINUTE)
  await world.restart()
  expect(await world.deployments.phonedHome('m_1', id)).toEqual({
    counts: true,
    reason: `it called home 7 minutes after the deadline; ${id} had failed and has succeeded`,
  })
  expect(await now(id)).toMatchObject({
    state: 'succeeded',
    reason: 'its disk is written and verified, and its system phoned home, 7 minutes after the deadline',
    next: '',
  })
  expect(world.machines.get('m_1')).toMatchObject({ state: 'active', profile: 'debian' })
  expect(await log(id)).toEqual(
    expect.arrayContaining([expect.stringMatching(/^it had failed: its system was started/)]),
  )
  // Whoever was told of the failure is told of the success.
  await expect.poll(() => world.told.map(({ deployment }) => deployment.state)).toEqual(['failed', 'succeeded'])
  const before = await now(id)
  expect(await world.deployments.phonedHome('m_1', id)).toMatchObject({ counts: true })
  expect(await now(id)).toEqual(before)
})

test('it does so where nobody saw the start either: the call proves it', async () => {
  const { id } = await install()
  const boot = await world.boot()
  await world.deployments.agents.inventory(boot, inventoryOf(diskOf('SER1')))
  await world.work(boot)
  await world.pass(16 * MINUTE)
  await world.pass(25 * 60 * MINUTE, 10 * MINUTE)
  expect(await now(id)).toMatchObject({ state: 'failed', reason: expect.stringMatching(/not seen starting its disk/) })
  expect(await world.deployments.phonedHome('m_1', id)).toMatchObject({ counts: true })
  expect(world.stateOf('m_1')).toBe('active')
})

test('nothing changes when anything else was begun on the machine since', async () => {
  const id = await failed()
  const other = await world.deployments.create('m_1', orderOf({ action: { kind: 'wipe', method: 'auto' } }), ANN)
  const call = {
    counts: false,
    reason: `the call is of what ${id} wrote, and ${other.id} was begun on the machine since`,
  }
  expect(await world.deployments.phonedHome('m_1', id)).toEqual(call)
  await world.deployments.cancel(other.id, ANN)
  expect(await world.deployments.phonedHome('m_1', id)).toEqual(call)
  expect((await now(id)).state).toBe('failed')
})

test('the call of an older system does not end the wait for the new one', async () => {
  const old = await failed()
  const { id } = await install()
  await world.through()
  expect((await now(id)).state).toBe('rebooting')
  expect(await world.deployments.phonedHome('m_1', old)).toMatchObject({ counts: false })
  expect((await now(id)).state).toBe('rebooting')
})

test('what only waits behind it does not count as begun, and has its turn', async () => {
  const { id } = await install()
  const waits = await install()
  await world.through()
  world.machines.set('m_1', { ...world.machines.get('m_1')!, state: 'maintenance' })
  world.clock.advance(20 * MINUTE)
  await world.deployments.tick()
  expect([(await now(id)).state, (await now(waits.id)).state]).toEqual(['failed', 'queued'])
  expect(await world.deployments.phonedHome('m_1', id)).toMatchObject({ counts: true })
  expect(await now(id)).toMatchObject({ state: 'succeeded' })
  // Whoever took it out of use decides when it comes back.
  expect(world.stateOf('m_1')).toBe('maintenance')
})

test('a deployment that was cancelled, or failed of something else, stays what it is', async () => {
  const cancelled = await install()
  await world.through()
  await world.deployments.cancel(cancelled.id, ANN)
  expect(await world.deployments.phonedHome('m_1', cancelled.id)).toMatchObject({ counts: false })
  expect((await now(cancelled.id)).state).toBe('cancelled')
  const broken = await install()
  const boot = await world.boot()
  await world.deployments.agents.inventory(boot, inventoryOf(diskOf('SER1')))
  const flash = (await world.next(boot))!
  await world.report(boot, flash.id, true)
  await world.deployments.agents.result(boot, flash.id, { ok: false, clean: false, summary: 'no', detail: {} })
  expect(await world.deployments.phonedHome('m_1', broken.id)).toMatchObject({
    counts: false,
    reason: expect.stringMatching(/failed otherwise/),
  })
  expect(await now(broken.id)).toMatchObject({ state: 'failed', dirty: true })
  expect(world.stateOf('m_1')).toBe('failed')
  expect(await world.deployments.phonedHome('m_2', broken.id)).toMatchObject({ counts: false })
  expect(await world.deployments.phonedHome('m_1', 'd_gone')).toMatchObject({ counts: false })
})

test('what an operator made of the machine meanwhile stays: its state, and its profile', async () => {
  const id = await failed()
  world.machines.set('m_1', { ...world.machines.get('m_1')!, profile: 'rescue' })
  await world.deployments.phonedHome('m_1', id)
  expect(world.machines.get('m_1')).toMatchObject({ state: 'active', profile: 'rescue' })
})

test('its reserved time holds from then on, but what was to follow one that is over is not done', async () => {
  const start = world.clock.now()
  const kept = await failed({ reservedUntil: start + 60 * MINUTE, release: 'wipe' })
  await world.deployments.phonedHome('m_1', kept)
  const waits = await install()
  expect(waits).toMatchObject({ state: 'queued', reason: expect.stringMatching(/is reserved for ann/) })
  await world.deployments.cancel(waits.id, ANN)
  world.clock.advance(60 * MINUTE)
  await world.deployments.tick()
  expect(await now(kept)).toMatchObject({ releasedAt: expect.any(Number) })
  const [wipe] = await world.deployments.ofMachine('m_1', { limit: 1 })
  expect(wipe).toMatchObject({ action: { kind: 'wipe' }, follows: kept })
  await world.deployments.cancel(wipe!.id, ANN)

  const over = await failed({ reservedUntil: world.clock.now() + 10 * MINUTE, release: 'wipe' })
  await world.deployments.phonedHome('m_1', over)
  await world.deployments.tick()
  expect(await now(over)).toMatchObject({
    state: 'succeeded',
    next: 'its reserved time is over: what was to follow (wipe) was not done',
    releasedAt: expect.any(Number),
  })
  expect((await world.deployments.ofMachine('m_1', { limit: 1 }))[0]?.id).toBe(over)
})

import { beforeEach, describe, expect, test } from 'vitest'
import {
  ANN,
  DeploymentWorld,
  diskOf,
  GIB,
  hashOf,
  installProfile,
  inventoryOf,
  orderOf,
} from '../../test/fakes/deployment-world.ts'
import type { Deployment } from './deployment.ts'

let world: DeploymentWorld

beforeEach(async () => {
  world = await DeploymentWorld.open()
})

const now = async (d: Pick<Deployment, 'id'>) => (await world.deployments.get(d.id))!
const install = (more = {}, by = ANN) => world.deployments.create('m_1', orderOf(more), by)
const armed = (...serials: string[]) => serials.map((disk) => ({ disk, bytes: null, fingerprint: null }))

describe('nothing is written', () => {
  const ended = async (d: Deployment, ...disks: Parameters<typeof inventoryOf>) => {
    const boot = await world.boot()
    await world.deployments.agents.inventory(boot, inventoryOf(...disks))
    return now(d)
  }
  test('when the armed disk is not there, is there twice, or is another by size or content', async () => {
    for (const [arm, disks, says] of [
      [armed('SER1'), [diskOf('SER2')], /no disk fits serial SER1; there is SER2/],
      [armed('SER1'), [diskOf('SER1'), diskOf('SER1')], /2 disks fit serial SER1/],
      [[{ disk: 'SER1', bytes: 5, fingerprint: null }], [diskOf('SER1')], /was to have 5 bytes/],
      [
        [{ disk: 'SER1', bytes: null, fingerprint: hashOf(1) }],
        [diskOf('SER1')],
        /content of the disk SER1 has changed/,
      ],
      [armed('SER1'), [diskOf('SER1', { bytes: GIB })], /debian@2 has 4 GiB, more than/],
      [armed('SER1'), [diskOf('SER1', { readOnly: true })], /read-only/],
      [armed('SER1'), [], /there is no disk at all/],
    ] as const) {
      world = await DeploymentWorld.open()
      const d = await ended(await install({ arm: arm }), ...disks)
      expect(d).toMatchObject({ state: 'failed', reason: expect.stringMatching(says), dirty: false, tasks: [] })
      expect(d.reason).toMatch(/no byte of a disk was changed/)
      expect(world.stateOf('m_1')).toBe('failed')
      expect(world.deployments.bootFor('m_1')).toBeUndefined()
    }
  })

  test('when hints fit two disks, or a disk that is not armed', async () => {
    world.profiles.set(
      'debian',
      installProfile('debian', { targets: [{ image: 'debian', disk: { transport: 'sata' } }] }),
    )
    const two = await ended(await install(), diskOf('SER1'), diskOf('SER2'))
    expect(two.reason).toMatch(/2 disks fit transport sata, and just one must: SER1 .*; SER2/)
    world = await DeploymentWorld.open()
    world.profiles.set('debian', installProfile('debian', { targets: [{ image: 'debian', disk: { serial: 'SER2' } }] }))
    const other = await ended(await install(), diskOf('SER1'), diskOf('SER2'))
    expect(other.reason).toMatch(/SER2 .* of node-1 is not armed/)
  })

  test('after a cancel: the agent is told to stop before its first byte', async () => {
    const d = await install()
    const boot = await world.boot()
    await world.deployments.agents.inventory(boot, inventoryOf(diskOf('SER1')))
    const flash = (await world.next(boot))!
    const cancelled = await world.deployments.cancel(d.id, ANN)
    expect(cancelled).toMatchObject({ state: 'cancelled', dirty: false, reason: expect.stringMatching(/no byte/) })
    expect(await world.report(boot, flash.id, true)).toMatchObject({ stop: true })
    expect((await now(d)).dirty).toBe(false)
    expect(await world.next(boot)).toMatchObject({ task: { kind: 'finish' } })
    expect(world.stateOf('m_1')).toBe('ready')
  })
})

describe('a half-written disk', () => {
  const half = async () => {
    const d = await install()
    const boot = await world.boot()
    await world.deployments.agents.inventory(boot, inventoryOf(diskOf('SER1')))
    const flash = (await world.next(boot))!
    await world.report(boot, flash.id, true)
    return { d, boot, flash }
  }
  test('is parked when it was cancelled, also after a restart, until it is written whole', async () => {
    const { d } = await half()
    expect(await world.deployments.cancel(d.id, ANN)).toMatchObject({
      dirty: true,
      reason: expect.stringMatching(/parked/),
    })
    await world.restart()
    expect(world.deployments.bootFor('m_1')).toMatchObject({ what: 'park', reason: expect.stringContaining('SER1') })
    await install()
    await world.through()
    expect(world.deployments.bootFor('m_1')).toBeUndefined()
  })

  test('is whole after all when the agent finishes in spite of the cancel', async () => {
    const { d, boot, flash } = await half()
    await world.deployments.cancel(d.id, ANN)
    await world.done(boot, flash.id)
    expect(await now(d)).toMatchObject({ state: 'cancelled', dirty: false })
    expect(world.deployments.bootFor('m_1')).toBeUndefined()
  })

  test('is gone on with after a power cut, by the same task, and its fingerprint no longer matters', async () => {
    world.profiles.set('debian', installProfile('debian'))
    const arm = [{ disk: 'SER1', bytes: null, fingerprint: hashOf(5) }]
    const d = await install({ arm })
    const disk = diskOf('SER1', { fingerprint: hashOf(5) })
    const boot = await world.boot()
    await world.deployments.agents.inventory(boot, inventoryOf(disk))
    const flash = (await world.next(boot))!
    expect(flash.task).toMatchObject({ to: { fingerprint: hashOf(5) } })
    await world.report(boot, flash.id, true)
    world.clock.advance(60_000)
    const second = await world.boot()
    expect(world.deployments.agents.boot(boot.id), 'the boot before is over').toBeUndefined()
    await world.deployments.agents.inventory(second, inventoryOf(diskOf('SER1', { fingerprint: hashOf(6) })))
    const again = (await world.next(second))!
    expect(again).toMatchObject({ id: flash.id, task: { kind: 'flash', to: { fingerprint: null } } })
    expect((await now(d)).attempts).toBe(0)
  })

  test('that failed clean is not half-written', async () => {
    const { d, boot, flash } = await half()
    await world.deployments.agents.result(boot, flash.id, {
      ok: false,
      clean: true,
      summary: 'a chunk is damaged',
      detail: {},
    })
    expect(await now(d)).toMatchObject({
      state: 'failed',
      dirty: false,
      reason: expect.stringMatching(/a chunk is damaged/),
    })
  })

  test('of a machine that has this disk no more parks it no longer', async () => {
    const { d } = await half()
    await world.deployments.cancel(d.id, ANN)
    await world.deployments.create('m_1', orderOf({ action: { kind: 'inventory' }, arm: [] }), ANN)
    await world.through('m_1', [diskOf('NEW')])
    expect(world.deployments.bootFor('m_1')).toBeUndefined()
  })
})

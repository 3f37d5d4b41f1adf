import { beforeEach, describe, expect, test } from 'vitest'
import {
  ANN,
  BOB,
  DeploymentWorld,
  diskImage,
  diskOf,
  hashOf,
  installProfile,
  inventoryOf,
  OPERATOR,
  orderOf,
} from '../../test/fakes/deployment-world.ts'
import { Refusal } from '../kit/errors.ts'
import type { Deployment } from './deployment.ts'

let world: DeploymentWorld

beforeEach(async () => {
  world = await DeploymentWorld.open()
})

const now = async (d: Pick<Deployment, 'id'>) => (await world.deployments.get(d.id))!
const texts = async (d: Pick<Deployment, 'id'>) => (await world.deployments.log(d.id, 0, 100)).map(({ text }) => text)
const install = (more = {}, by = ANN) => world.deployments.create('m_1', orderOf(more), by)
const armed = (...serials: string[]) => serials.map((disk) => ({ disk, bytes: null, fingerprint: null }))

describe('from order to end', () => {
  test('it waits for a person where nothing can switch the machine, writes the armed disk, and is seen booting it', async () => {
    const d = await install()
    expect(await now(d)).toMatchObject({ state: 'powering', reason: expect.stringMatching(/switch it on/) })
    expect(world.stateOf('m_1')).toBe('deploying')
    const boot = await world.boot()
    expect((await now(d)).state).toBe('running')
    await world.deployments.agents.inventory(boot, inventoryOf(diskOf('SER1')))
    const flash = (await world.next(boot))!
    expect(flash.task).toMatchObject({ kind: 'flash', image: 'debian@2', chunks: hashOf(2), to: { serial: 'SER1' } })
    await world.report(boot, flash.id, true)
    expect(await now(d)).toMatchObject({ state: 'writing', dirty: true })
    await world.report(boot, flash.id, true, { phase: 'verifying' })
    expect((await now(d)).state).toBe('verifying')
    await world.done(boot, flash.id)
    expect(await now(d)).toMatchObject({ state: 'running', dirty: false })
    expect(await world.work(boot)).toEqual(['boot-entry', 'finish'])
    expect((await now(d)).state).toBe('rebooting')
    expect(world.deployments.bootFor('m_1')).toMatchObject({ what: 'local', profile: 'debian' })
    await world.deployments.launchedLocal('m_1')
    expect((await now(d)).state).toBe('succeeded')
    expect(world.machines.get('m_1')).toMatchObject({ state: 'active', profile: 'debian' })
    expect(world.deployments.bootFor('m_1')).toBeUndefined()
  })

  test('a kernel that could not be started directly is a restart, and is waited for as one', async () => {
    world.profiles.set('debian', installProfile('debian', { finish: 'kexec' }))
    const d = await install()
    const boot = await world.boot()
    await world.deployments.agents.inventory(boot, inventoryOf(diskOf('SER1')))
    await world.work(boot, (kind) => (kind === 'finish' ? { how: 'reboot' } : {}))
    expect((await now(d)).state).toBe('rebooting')
    await world.deployments.launchedLocal('m_1')
    expect((await now(d)).state).toBe('succeeded')
  })

  test('firmware is told to boot from the network before the machine is switched', async () => {
    world.power = { state: 'off', actions: [], untold: null }
    const told = await install()
    await expect.poll(async () => (await now(told)).reason).toMatch(/fake says the power is on/)
    expect(world.power.actions).toEqual(['pxe', 'on'])
    expect((await texts(told)).join()).not.toContain('firmware')
  })

  test('a machine whose firmware could not be told is switched all the same, and the log says so', async () => {
    world.power = { state: 'off', actions: [], untold: 'bmc: it does not answer' }
    const d = await install()
    await expect.poll(async () => (await now(d)).reason).toMatch(/fake says the power is on/)
    expect(await texts(d)).toContain('the firmware could not be told to boot from the network: bmc: it does not answer')
  })

  test('a restart that took more than one order is told step by step', async () => {
    const besides = 'power cycle by bmc: its power was on at each of 30 looks; off by outlet: the power is off'
    world.power = { state: 'on', actions: [], besides }
    const d = await install()
    await expect.poll(async () => (await now(d)).reason).toMatch(/fake says the power is on/)
    expect(await texts(d)).toContain(`the machine was switched in several steps: ${besides}`)
  })

  test('power is switched and read back where a driver can', async () => {
    world.power = { state: 'off', actions: [] }
    const d = await install()
    await expect.poll(async () => (await now(d)).reason).toMatch(/fake says the power is on/)
    expect(world.power.actions).toEqual(['on'])
  })

  test('a driver that fails leaves it to a person, and says why', async () => {
    world.power = { state: 'on', actions: [], fails: 'no route to the BMC' }
    const d = await install()
    await expect.poll(async () => (await now(d)).reason).toMatch(/no route to the BMC/)
  })

  test('a machine that was seen starting its own disk is switched again for the next, for it does not restart by itself', async () => {
    world.power = { state: 'on', actions: [] }
    const first = await install()
    await world.through()
    const second = await install()
    expect((await now(first)).state).toBe('succeeded')
    await expect.poll(async () => (await now(second)).reason).toMatch(/fake says the power is on/)
  })

  test('the image is the version that was newest when it was ordered', async () => {
    await install()
    const image = world.images.get('debian')!
    world.images.set('debian', {
      ...image,
      versions: image.versions.map((each) => ({ ...each, number: each.number + 7 })),
    })
    const boot = await world.boot()
    await world.deployments.agents.inventory(boot, inventoryOf(diskOf('SER1')))
    expect((await world.next(boot))?.task).toMatchObject({ image: 'debian@2' })
  })

  test('inventory, wipe, capture and script end at their last task, and the machine goes back to what it was', async () => {
    for (const action of [
      { kind: 'inventory' },
      { kind: 'wipe', method: 'auto' },
      { kind: 'capture', disk: {}, partition: null, image: 'mine', note: 'n' },
      { kind: 'script', script: 'true', timeoutSeconds: 5 },
    ] as const) {
      const d = await world.deployments.create(
        'm_1',
        orderOf({ action, arm: action.kind === 'wipe' ? armed('SER1') : [] }),
        OPERATOR,
      )
      const kinds = await world.through()
      expect((await now(d)).state, action.kind).toBe('succeeded')
      expect(kinds.at(-1)).toBe('finish')
      expect(world.stateOf('m_1')).toBe('ready')
    }
    expect(world.saved).toEqual([{ image: 'mine', chunks: hashOf(77), by: 'olga' }])
  })

  test('after a wipe a machine no longer boots the disk it was installed to', async () => {
    await install()
    await world.through()
    await world.deployments.create('m_1', orderOf({ action: { kind: 'wipe', method: 'auto' } }), ANN)
    await world.through()
    expect(world.machines.get('m_1')).toMatchObject({ state: 'ready', profile: null })
  })

  test('those who asked are told how it ended, once', async () => {
    const d = await install({ notify: { webhook: null, email: 'ann@example.org' } })
    await world.through()
    await expect.poll(() => texts(d)).toContain('somebody was told')
    expect(world.told).toHaveLength(1)
    await world.restart()
    expect(world.told).toHaveLength(1)
  })
})

describe('refused', () => {
  test('without an armed disk; known disks are listed with the command', async () => {
    const refused = install({ arm: [] })
    await expect(refused).rejects.toMatchObject({ code: 'wrong-state', next: expect.stringContaining('--inventory') })
    await world.deployments.create('m_1', orderOf({ action: { kind: 'inventory' }, arm: [] }), ANN)
    await world.through()
    await expect(install({ arm: [] })).rejects.toMatchObject({
      message: expect.stringMatching(/SER1 \(20 GiB, QEMU HARDDISK, sata\)/),
      next: expect.stringContaining('reveille deploy node-1 debian --arm disk=SER1'),
    })
    const wipe = install({ arm: [], action: { kind: 'wipe', method: 'auto' } })
    await expect(wipe).rejects.toMatchObject({ next: expect.stringContaining('deploy node-1 --wipe --arm disk=SER1') })
  })

  test('on machines that are not approved, in maintenance or retired', async () => {
    for (const state of ['discovered', 'maintenance', 'retired'] as const) {
      world.machines.set('m_1', { ...world.machines.get('m_1')!, state })
      await expect(install()).rejects.toMatchObject({ code: 'wrong-state' })
    }
  })

  test('with images that one may not see, without telling that they exist', async () => {
    world.images.set('debian', diskImage('debian', { visibility: 'private' }))
    await expect(install({}, BOB)).rejects.toThrow('there is no image debian')
    await expect(install({}, OPERATOR)).resolves.toBeDefined()
  })

  test('writing back to, or capturing over, an image of somebody else', async () => {
    await expect(install({ action: { kind: 'install', profile: 'kept' } }, BOB)).rejects.toMatchObject({
      code: 'forbidden',
    })
    const capture = { kind: 'capture', disk: {}, partition: null, image: 'debian', note: '' } as const
    await expect(install({ action: capture }, BOB)).rejects.toMatchObject({ code: 'forbidden' })
  })

  test('scripts of who is no operator', async () => {
    const action = { kind: 'script', script: 'true', timeoutSeconds: 5 } as const
    await expect(install({ action })).rejects.toMatchObject({ code: 'forbidden' })
  })

  test('profiles that install nothing, and images that are no disks', async () => {
    world.profiles.set('debian', { kind: 'local', name: 'debian', description: '', createdAt: 1, updatedAt: 1 })
    await expect(install()).rejects.toThrow('of kind local')
    world.profiles.set('debian', installProfile('debian'))
    world.images.set('debian', diskImage('debian', { kind: 'iso' }))
    await expect(install()).rejects.toThrow('of kind iso')
  })

  test('a release without a reserved time, and a reserved time in the past', async () => {
    await expect(install({ release: 'wipe' })).rejects.toMatchObject({ code: 'validation-failed' })
    await expect(install({ reservedUntil: 5 })).rejects.toMatchObject({ code: 'validation-failed' })
  })

  test('cancelling what belongs to somebody else', async () => {
    const d = await install()
    await expect(world.deployments.cancel(d.id, BOB)).rejects.toMatchObject({ code: 'forbidden' })
    await expect(world.deployments.cancel(d.id, OPERATOR)).resolves.toMatchObject({ state: 'cancelled' })
    await expect(world.deployments.cancel(d.id, OPERATOR)).rejects.toMatchObject({ code: 'wrong-state' })
  })
})

describe('write-back', () => {
  const kept = { action: { kind: 'install', profile: 'kept' } } as const
  test('saves what the deployment before left, before anything is written', async () => {
    await install(kept)
    await world.through()
    expect(await install({})).toBeDefined()
    expect(await world.through()).toEqual(['capture', 'flash', 'boot-entry', 'finish'])
    expect(world.saved).toEqual([{ image: 'debian', chunks: hashOf(77), by: 'ann' }])
    await install({})
    expect(await world.through(), 'saved once').toEqual(['flash', 'boot-entry', 'finish'])
  })

  test('makes no version of what has not changed', async () => {
    await install(kept)
    await world.through()
    const d = await install({})
    const boot = await world.boot()
    await world.deployments.agents.inventory(boot, inventoryOf(diskOf('SER1')))
    const save = (await world.next(boot))!
    expect(save.task).toMatchObject({ kind: 'capture', image: 'debian', onlyIfChangedFrom: hashOf(2) })
    await world.done(boot, save.id, { chunks: hashOf(2) })
    expect(world.saved).toEqual([])
    expect((await now(d)).tasks[0]?.summary).toMatch(/needed no new version/)
  })

  test('that fails overwrites nothing, and is tried again by the next deployment', async () => {
    await install(kept)
    await world.through()
    for (const fails of [true, false]) {
      const d = await install({})
      const boot = await world.boot()
      await world.deployments.agents.inventory(boot, inventoryOf(diskOf('SER1')))
      const save = (await world.next(boot))!
      if (fails) {
        const detail = {}
        await world.deployments.agents.result(boot, save.id, { ok: false, clean: true, summary: 'read error', detail })
      } else {
        world.failSaving = new Refusal('no-space', 'the disk of the server is full')
        await world.done(boot, save.id, { chunks: hashOf(8) })
      }
      const ended = await now(d)
      expect(ended.reason).toMatch(/what was to be saved to debian could not be: .*; nothing was overwritten/)
      expect(ended).toMatchObject({ state: 'failed', dirty: false })
      expect(ended.tasks.map(({ state }) => state)).toEqual(['failed', 'skipped', 'skipped', 'skipped'])
    }
    world.failSaving = undefined
    await install({})
    expect(await world.through()).toEqual(['capture', 'flash', 'boot-entry', 'finish'])
  })
})

describe('one after another', () => {
  test('first in, first out on a machine; others go their own way', async () => {
    const first = await install()
    const second = await install({}, BOB)
    const third = await install()
    const other = await world.deployments.create('m_2', orderOf(), BOB)
    expect((await now(other)).state).toBe('powering')
    expect([second, third].map((d) => [d.state, world.deployments.ahead(d)])).toEqual([
      ['queued', 1],
      ['queued', 2],
    ])
    await world.through()
    expect([(await now(first)).state, (await now(second)).state]).toEqual(['succeeded', 'powering'])
    await world.deployments.cancel(second.id, BOB)
    expect((await now(third)).state).toBe('powering')
  })

  test('a reserved machine is kept from others until its time is over, or given back', async () => {
    const until = world.clock.now() + 3_600_000
    const first = await install({ reservedUntil: until })
    await world.through()
    const second = await install({}, BOB)
    expect(second).toMatchObject({ state: 'queued', reason: expect.stringMatching(/reserved for ann until 20\d\d-/) })
    await world.restart()
    await world.pass(3_500_000, 100_000)
    expect((await now(second)).state).toBe('queued')
    await world.pass(200_000, 100_000)
    expect((await now(second)).state).toBe('powering')
    expect((await now(first)).releasedAt).not.toBeNull()
  })

  test('a machine that is to be wiped at release is wiped before the next begins, and saved before that', async () => {
    const until = world.clock.now() + 3_600_000
    const kept = { kind: 'install', profile: 'kept' } as const
    const first = await install({ action: kept, reservedUntil: until, release: 'wipe' })
    await world.through()
    const second = await install({}, BOB)
    await expect(world.deployments.release(first.id, BOB)).rejects.toMatchObject({ code: 'forbidden' })
    await world.deployments.release(first.id, ANN)
    const [wipe] = await world.deployments.ofMachine('m_1', { limit: 1 })
    expect(wipe).toMatchObject({ action: { kind: 'wipe' }, follows: first.id, state: 'powering' })
    expect(await world.through()).toEqual(['capture', 'wipe', 'finish'])
    expect(await now(second)).toMatchObject({ state: 'powering', reason: expect.stringMatching(/restarts by itself/) })
    await expect(world.deployments.release(first.id, ANN)).rejects.toMatchObject({ code: 'wrong-state' })
  })

  test('saved at release: nothing is wiped, and nothing is done when nothing is to be saved', async () => {
    const until = world.clock.now() + 3_600_000
    const kept = { kind: 'install', profile: 'kept' } as const
    const first = await install({ action: kept, reservedUntil: until, release: 'save' })
    await world.through()
    await world.deployments.release(first.id, ANN)
    expect(await world.through()).toEqual(['capture', 'finish'])
    const plain = await install({ reservedUntil: until, release: 'save' })
    await world.through()
    expect(await world.deployments.release(plain.id, ANN)).toMatchObject({ next: '' })
    expect(world.deployments.bootFor('m_1')).toBeUndefined()
  })
})

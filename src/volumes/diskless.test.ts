import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openWorld, type World } from '../../test/api/world.ts'
import { CHUNK_BYTES, encodeChunkList } from '../protocols/chunks/list.ts'
import type { BootDisks, DiskAnswer } from './boot-disks.ts'

let world: World
beforeEach(async () => {
  world = await openWorld()
  await push('os', 0x11)
  for (const n of [1, 2, 3])
    await world.machines.create({ name: `pc${n}`, macs: [`52:54:00:00:00:0${n}`] } as never, 'op')
})
afterEach(() => world.close())

async function push(name: string, fill: number) {
  const { sha256: chunk } = await world.images.chunks.add(new Uint8Array(CHUNK_BYTES).fill(fill))
  const list = encodeChunkList({ bytes: CHUNK_BYTES, chunks: [chunk] })
  const bytes = (async function* () {
    yield list
  })()
  const { sha256 } = await world.images.blobs.put(bytes, { limit: list.length })
  if (!world.images.get(name)) await world.images.create({ name, kind: 'disk' })
  await world.images.addVersion(name, { files: [{ role: 'chunks', name: 'd', sha256 }], cmdline: '', note: '' }, 'op')
}

const profile = async (disks: readonly object[], name = 'desk') => {
  world.clock.advance(1)
  return world.profiles.replace({ name, kind: 'diskless', description: '', hideGateway: false, disks } as never)
}
const OVERLAY = { use: 'overlay', image: 'os', bytes: null, limitBytes: null, policy: 'keep' }
const idOf = (name: string) => world.machines.find(name)!.id

function prepare(machine = 'pc1', name = 'desk', address = '10.0.0.7'): Promise<DiskAnswer> {
  return world.disks.diskless.prepare({
    machine: idOf(machine),
    profile: world.profiles.get(name)!,
    host: 'srv',
    address,
  })
}
async function boot(machine = 'pc1', name = 'desk'): Promise<BootDisks & { session: string }> {
  const answer = await prepare(machine, name)
  if (answer.outcome === 'refused') throw new Error(answer.reason)
  return { ...answer.disks, session: await world.engine.login(answer.disks.target, answer.disks.initiator) }
}
/** The machine is switched off, and its sessions end. */
async function off({ session }: { session: string }) {
  await world.engine.kick(session)
  world.clock.advance(600_000)
}
const overlay = (machine: string, name = 'desk', lun = 0) =>
  world.disks.volumes.ledger.overlay(idOf(machine), name, lun)!
const content = (id: string) => world.pool.kept.get(id)!.content

describe('an overlay', () => {
  test('is made at the first boot, kept at the next, and nobody else may log in to it', async () => {
    await profile([OVERLAY])
    const first = await boot()
    expect(first).toMatchObject({
      host: 'srv',
      port: 3260,
      initiator: `iqn.2026-11.org.reveille:${idOf('pc1').replace('_', '-')}`,
      luns: 1,
      firstLun: 0,
      chap: { secret: expect.stringMatching(/^[A-Za-z0-9]{12,16}$/) },
    })
    await expect(world.engine.login(first.target, 'iqn.2026-01.x:other')).rejects.toMatchObject({ code: 'forbidden' })
    const { id } = overlay('pc1')
    content(id).fill(0x99)
    await off(first)
    const second = await boot()
    expect(second.target).toBe(first.target)
    expect(second.chap?.secret).not.toBe(first.chap?.secret)
    expect(overlay('pc1').id).toBe(id)
    expect(content(id)[0]).toBe(0x99)
  })

  test('is reset at every boot, but not between two fetches of one boot', async () => {
    await profile([{ ...OVERLAY, policy: 'reset-at-boot' }])
    const one = await prepare()
    const two = await prepare()
    expect(two).toMatchObject({ disks: { chap: (one as { disks: BootDisks }).disks.chap } })
    const disks = await boot()
    content(overlay('pc1').id).fill(0x99)
    // It asks for its script again without a word of its end, as after a reset button.
    await prepare()
    expect(content(overlay('pc1').id)[0]).toBe(0x11)
    expect((await world.engine.sessions()).length).toBe(0)
    expect(disks.luns).toBe(1)
  })

  test('moves to a new version when it is reset, and what somebody froze stays as a volume of its own', async () => {
    await profile([{ ...OVERLAY, policy: 'reset-at-boot' }])
    await off(await boot())
    const { id } = overlay('pc1')
    await world.disks.volumes.snapshot(id, 'mine', '', 'op')
    await push('os', 0x22)
    await off(await boot())
    expect(overlay('pc1').base).toMatchObject({ version: 2 })
    expect(content(overlay('pc1').id)[0]).toBe(0x22)
    expect(world.disks.volumes.ledger.get(id)).toMatchObject({ use: { kind: 'own' }, snapshots: [{ name: 'mine' }] })
    await push('os', 0x33)
    const same = overlay('pc1').id
    await off(await boot())
    expect(overlay('pc1').id).toBe(same)
    expect(content(same)[0]).toBe(0x33)
  })

  test('is reset on demand: at the next boot while it is on, at once when it is off or is to be cut off', async () => {
    await profile([{ ...OVERLAY, policy: 'reset-on-demand' }])
    const on = await boot()
    const machine = world.machines.find('pc1')!
    const { id, name } = overlay('pc1')
    content(id).fill(0x99)
    expect(await world.disks.diskless.resetMachine(machine, { kick: false })).toEqual({ reset: [], atNextBoot: [name] })
    expect(content(id)[0]).toBe(0x99)
    await off(on)
    const again = await boot()
    expect(content(id)[0]).toBe(0x11)
    content(id).fill(0x99)
    expect(await world.disks.diskless.resetMachine(machine, { kick: true })).toEqual({ reset: [name], atNextBoot: [] })
    expect(content(id)[0]).toBe(0x11)
    expect(again.luns).toBe(1)
  })

  test('that is kept is reset only when its profile is named', async () => {
    await profile([OVERLAY])
    await off(await boot())
    const machine = world.machines.find('pc1')!
    await expect(world.disks.diskless.resetMachine(machine, { kick: false })).rejects.toMatchObject({
      code: 'wrong-state',
    })
    expect(await world.disks.diskless.resetMachine(machine, { kick: false, profile: 'desk' })).toMatchObject({
      reset: [overlay('pc1').name],
    })
  })

  test('begins anew with the newest version when it was reset while it was off', async () => {
    await profile([OVERLAY])
    await off(await boot())
    await push('os', 0x22)
    await off(await boot())
    expect(content(overlay('pc1').id)[0], 'it keeps what it has until then').toBe(0x11)
    await world.disks.diskless.resetMachine(world.machines.find('pc1')!, { kick: false, profile: 'desk' })
    await off(await boot())
    expect(content(overlay('pc1').id)[0]).toBe(0x22)
    content(overlay('pc1').id).fill(0x99)
    await off(await boot())
    expect(content(overlay('pc1').id)[0], 'once').toBe(0x99)
  })

  test('is not cut off by somebody at another address while it works', async () => {
    await profile([OVERLAY])
    const { session } = await boot()
    await world.disks.tick()
    world.clock.advance(1000)
    world.engine.count(session, { writes: 5 })
    await world.disks.tick()
    expect(await prepare('pc1', 'desk', '10.0.0.66')).toMatchObject({ outcome: 'refused' })
    expect((await world.engine.sessions()).length).toBe(1)
    expect(await prepare('pc1', 'desk', '10.0.0.7')).toMatchObject({ outcome: 'disks' })
  })

  test('goes with its machine, and its name can be used again', async () => {
    await profile([OVERLAY])
    await boot()
    const { id } = overlay('pc1')
    await world.disks.diskless.forget(idOf('pc1'))
    expect(world.disks.volumes.ledger.get(id)).toBeUndefined()
    expect(world.pool.kept.has(id)).toBe(false)
    expect(world.engine.targets.size).toBe(0)
  })
})

test('an overlay that could not go with its machine goes later', async () => {
  await profile([OVERLAY])
  await boot()
  const machine = idOf('pc1')
  const { id, name } = overlay('pc1')
  await world.engine.kick((await world.engine.sessions())[0]!.id)
  const reader = await world.pool.open(id, { readOnly: true })
  await world.machines.remove(machine, 'op')
  await expect(world.disks.diskless.forget(machine)).rejects.toMatchObject({ code: 'in-use' })
  await world.disks.diskless.forgetOrphans()
  expect(world.disks.volumes.ledger.find(name)).toMatchObject({ pending: null })
  await reader.close()
  await world.disks.diskless.forgetOrphans()
  expect(world.disks.volumes.ledger.volumes()).toEqual([])
  expect(world.pool.kept.size).toBe(0)
})

test('another profile has other disks, and takes the place of the first', async () => {
  await profile([OVERLAY])
  await profile([OVERLAY, { ...OVERLAY, bytes: 2 * CHUNK_BYTES }], 'other')
  const first = await boot()
  const second = await boot('pc1', 'other')
  expect(second.target).not.toBe(first.target)
  expect(second.luns).toBe(2)
  expect([...world.engine.targets.keys()]).toEqual([second.target])
  expect(overlay('pc1', 'other', 1).bytes).toBe(2 * CHUNK_BYTES)
})

describe('volumes that several may have', () => {
  test('exclusive: for one machine at a time, and an idle one gives way', async () => {
    await world.disks.volumes.create({ name: 'data', bytes: CHUNK_BYTES }, 'op')
    await profile([OVERLAY, { use: 'volume', volume: 'data', access: 'exclusive' }])
    const first = await boot('pc1')
    expect(await prepare('pc2')).toMatchObject({ outcome: 'refused', reason: expect.stringContaining('machine pc1') })
    await off(first)
    await boot('pc2')
    expect(await prepare('pc1')).toMatchObject({ outcome: 'refused', reason: expect.stringContaining('machine pc2') })
  })

  test('shared read-only: for all', async () => {
    await world.disks.volumes.create({ name: 'data', image: 'os' }, 'op')
    await profile([OVERLAY, { use: 'volume', volume: 'data', access: 'shared-read-only' }])
    for (const name of ['pc1', 'pc2', 'pc3']) await boot(name)
    const readOnly = [...world.engine.targets.values()].map(({ luns }) => luns[1]?.readOnly)
    expect(readOnly).toEqual([true, true, true])
  })

  test('in rotation, with boots that are used up and a revert that brings them back', async () => {
    for (const name of ['a', 'b'])
      await world.disks.volumes.create({ name, bytes: CHUNK_BYTES, labels: { rotation: 'r' }, bootsLeft: 1 }, 'op')
    await profile([{ use: 'rotation', rotation: 'r' }])
    const used: string[] = []
    const volumeOf = (target: string) => {
      const { id } = { id: world.engine.targets.get(target)!.luns[0]!.volume }
      return world.disks.volumes.ledger.get(id)!
    }
    for (let n = 0; n < 2; n++) {
      const disks = await boot()
      used.push(volumeOf(disks.target).name)
      await off(disks)
    }
    expect(used).toEqual(['a', 'b'])
    expect(await prepare()).toMatchObject({ outcome: 'refused', reason: expect.stringContaining('none of the 2') })
    const a = world.disks.volumes.ledger.known('a')
    expect(a).toMatchObject({ condition: 'modified', bootsLeft: 0 })
    await world.disks.volumes.revert(a.id, null, { kick: false })
    await world.disks.volumes.update(a.id, { bootsLeft: 2 })
    expect(volumeOf((await boot()).target).name).toBe('a')
  })

  test('many machines that start together get different volumes of a rotation', async () => {
    for (const name of ['a', 'b', 'c'])
      await world.disks.volumes.create({ name, bytes: CHUNK_BYTES, labels: { rotation: 'r' } }, 'op')
    await profile([{ use: 'rotation', rotation: 'r' }])
    const targets = await Promise.all(['pc1', 'pc2', 'pc3'].map((name) => boot(name)))
    const volumes = targets.map(({ target }) => world.engine.targets.get(target)?.luns[0]?.volume)
    expect(new Set(volumes).size).toBe(3)
  })
})

test('a full pool refuses new disks and lets the old ones boot', async () => {
  await profile([OVERLAY])
  await off(await boot('pc1'))
  world.pool.freeBytes = 0
  expect(await prepare('pc2')).toMatchObject({ outcome: 'refused', reason: expect.stringContaining('too full') })
  expect(await prepare('pc1')).toMatchObject({ outcome: 'disks' })
})

test('a preview changes nothing', async () => {
  await profile([OVERLAY])
  const request = { machine: idOf('pc1'), profile: world.profiles.get('desk')!, host: 'srv', address: '' }
  expect(world.disks.diskless.preview(request)).toMatchObject({ disks: { luns: 1, chap: { secret: 'preview' } } })
  expect(world.pool.kept.size).toBe(0)
  expect(world.engine.targets.size).toBe(0)
})

test('who boots an installer is told again what it was given, as long as it has it', async () => {
  await profile([OVERLAY])
  const request = { machine: idOf('pc1'), profile: world.profiles.get('desk')!, host: 'srv', address: '' }
  expect(world.disks.diskless.given(request)).toBeUndefined()
  const { chap, initiator, target } = await boot()
  expect(world.disks.diskless.given(request)).toMatchObject({ chap, initiator, target, host: 'srv', luns: 1 })
  expect(world.disks.diskless.given({ ...request, machine: idOf('pc2') })).toBeUndefined()
})

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openWorld, type World } from '../../../test/api/world.ts'
import { CHUNK_BYTES, encodeChunkList } from '../../protocols/chunks/list.ts'
import type { ApiClient } from '../client/client.ts'

const MIB = 2 ** 20
let world: World
let client: ApiClient
let viewer: ApiClient

beforeAll(async () => {
  world = await openWorld()
  client = (await world.as('operator')).client
  viewer = (await world.as('viewer')).client
  await pushDisk('debian', [0x11, null, 0x33])
  await client.createMachine({ body: { name: 'pc1', macs: ['52:54:00:00:00:01'], tags: ['room-a'] } })
  await client.createMachine({ body: { name: 'pc2', macs: ['52:54:00:00:00:02'], tags: ['room-a', 'canary'] } })
})
afterAll(() => world.close())

/** A version whose chunks are filled with one byte each, or zeros. */
async function pushDisk(name: string, fills: readonly (number | null)[], bytes = fills.length * CHUNK_BYTES) {
  const chunks: (string | null)[] = []
  for (const fill of fills)
    chunks.push(fill === null ? null : (await world.images.chunks.add(new Uint8Array(CHUNK_BYTES).fill(fill))).sha256)
  const list = encodeChunkList({ bytes, chunks })
  const { sha256 } = await world.images.blobs.put(
    (async function* () {
      yield list
    })(),
    { limit: list.length },
  )
  if (!world.images.get(name)) await world.images.create({ name, kind: 'disk', owner: 'admin' })
  const files = [{ role: 'chunks' as const, name: 'disk', sha256 }]
  await world.images.addVersion(name, { files, cmdline: '', note: '' }, 'admin')
}

const content = (name: string) => world.pool.kept.get(world.disks.volumes.ledger.known(name).id)!.content
const at = (volume: string) => ({ params: { volume } })

async function finished(job: { id: string }) {
  await world.disks.jobs.ended(job.id)
  return viewer.getVolumeJob({ params: { job: job.id } })
}

describe('a volume', () => {
  test('is made of an image version, and holds it', async () => {
    const made = await client.createVolume({ body: { name: 'one', image: 'debian' } })
    expect(made).toMatchObject({
      name: 'one',
      bytes: 12 * MIB,
      base: { image: 'debian', version: 1 },
      condition: 'ready',
    })
    expect(content('one')[0]).toBe(0x11)
    await expect(client.deleteVersion({ params: { image: 'debian', version: 1 } })).rejects.toMatchObject({
      code: 'in-use',
      message: expect.stringContaining('volume one'),
    })
  })

  test('is empty with a size, refused without one, and its name is taken once', async () => {
    await client.createVolume({ body: { name: 'empty', bytes: 8 * MIB, labels: { rack: '1' } } })
    const labels = Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`label${i}`, '']))
    await expect(client.createVolume({ body: { name: 'many', bytes: MIB, labels } })).rejects.toMatchObject({
      code: 'validation-failed',
    })
    await expect(client.createVolume({ body: { name: 'x' } })).rejects.toMatchObject({ code: 'validation-failed' })
    await expect(client.createVolume({ body: { name: 'empty', bytes: MIB } })).rejects.toMatchObject({
      code: 'conflict',
    })
    expect((await viewer.listVolumes({ query: { label: 'rack=1' } })).items.map(({ name }) => name)).toEqual(['empty'])
  })

  test('is kept, and keeps its name, while a profile names it; a profile names none that is not there', async () => {
    await client.createVolume({ body: { name: 'games', bytes: MIB } })
    const disks = (volume: string) => [{ use: 'volume' as const, volume, access: 'shared-read-only' as const }]
    const profile = (volume: string) => ({ name: 'gaming', kind: 'diskless' as const, disks: disks(volume) })
    await expect(client.createProfile({ body: profile('nothing') })).rejects.toMatchObject({
      problems: [{ path: 'disks.0.volume', message: expect.stringContaining('no volume nothing') }],
    })
    await client.createProfile({ body: profile('games') })
    const used = { code: 'in-use', message: expect.stringContaining('profile gaming') }
    await expect(client.deleteVolume(at('games'))).rejects.toMatchObject(used)
    await expect(client.updateVolume({ ...at('games'), body: { name: 'other' } })).rejects.toMatchObject(used)
    await client.deleteProfile({ params: { profile: 'gaming' } })
    await client.deleteVolume(at('games'))
  })

  test('is not called like a part of the API', async () => {
    await expect(client.createVolume({ body: { name: 'sessions', bytes: MIB } })).rejects.toMatchObject({
      code: 'validation-failed',
    })
  })

  test('comes with a manifest, before the profiles that name it', async () => {
    const body = {
      volumes: [{ name: 'declared', bytes: MIB, labels: { a: 'b' } }],
      profiles: [
        {
          name: 'declaring',
          kind: 'diskless' as const,
          disks: [{ use: 'volume' as const, volume: 'declared', access: 'exclusive' as const }],
        },
      ],
    }
    const changes = async (dryRun: 'true' | 'false') =>
      (await client.apply({ query: { dryRun }, body })).changes.map(({ thing, change }) => `${change} ${thing}`)
    expect(await changes('true')).toEqual(['create volume declared', 'create profile declaring'])
    await expect(client.getVolume(at('declared'))).rejects.toMatchObject({ code: 'not-found' })
    expect(await changes('false')).toEqual(['create volume declared', 'create profile declaring'])
    expect(await changes('false')).toEqual(['none volume declared', 'none profile declaring'])
    expect((await client.getVolume(at('declared'))).labels).toEqual({ a: 'b' })
    await client.deleteProfile({ params: { profile: 'declaring' } })
    await client.deleteVolume(at('declared'))
  })

  test('goes back to snapshots, and snapshots are found in clones', async () => {
    content('one').fill(0x55, 0, 10)
    await client.createSnapshot({ ...at('one'), body: { name: 's1', note: 'good' } })
    content('one').fill(0x66, 0, 10)
    await client.createVolume({ body: { name: 'two', clone: { volume: 'one', snapshot: 's1' } } })
    expect(content('two')[0]).toBe(0x55)
    expect(await client.revertVolume({ ...at('one'), body: { snapshot: 's1' } })).toMatchObject({ active: 's1' })
    expect(content('one')[0]).toBe(0x55)
    expect(await client.revertVolume({ ...at('one'), body: {} })).toMatchObject({ active: null })
    expect(content('one')[0]).toBe(0x11)
    await client.deleteSnapshot({ params: { volume: 'one', snapshot: 's1' } })
    expect((await viewer.getVolume(at('one'))).snapshots).toEqual([])
  })

  test('grows, and shrinks only on purpose', async () => {
    await client.resizeVolume({ ...at('two'), body: { bytes: 16 * MIB } })
    await expect(client.resizeVolume({ ...at('two'), body: { bytes: 8 * MIB } })).rejects.toMatchObject({
      code: 'validation-failed',
    })
    expect(await client.resizeVolume({ ...at('two'), body: { bytes: 8 * MIB, shrink: true } })).toMatchObject({
      bytes: 8 * MIB,
    })
  })

  test('begins anew', async () => {
    expect(content('two')[0]).toBe(0x55)
    await client.recreateVolume({ ...at('two'), body: {} })
    expect(content('two')[0]).toBe(0x11)
    expect(content('two').length).toBe(8 * MIB)
  })

  test('is refused when the pool is full, and the pool says so', async () => {
    world.pool.freeBytes = 40 * MIB
    expect((await viewer.listPools()).items).toMatchObject([{ state: 'full', kind: 'file' }])
    await expect(client.createVolume({ body: { name: 'late', bytes: MIB } })).rejects.toMatchObject({
      code: 'no-space',
    })
    world.pool.freeBytes = 150 * MIB
    expect((await viewer.listPools()).items).toMatchObject([{ state: 'warning' }])
    world.pool.freeBytes = 900 * MIB
  })
})

describe('an export', () => {
  test('tells its secret once, and guards the volume', async () => {
    const made = await client.exportVolume({
      ...at('one'),
      body: { chap: true, initiator: 'iqn.2026-01.org.example:a' },
    })
    expect(made.chapSecret).toMatch(/^[A-Za-z0-9]{12,16}$/)
    expect(made.uri).toBe(`iscsi://10.0.0.1:3260/${made.iqn}/0`)
    const shown = JSON.stringify([await viewer.getVolume(at('one')), await viewer.listSessions(), world.log.lines])
    expect(shown).not.toContain(made.chapSecret)
    expect(JSON.stringify(world.accessRows.log)).not.toContain(made.chapSecret)
    expect((await viewer.getVolume(at('one'))).exports).toMatchObject([
      { id: made.id, for: 'an export by operator-user' },
    ])
    await expect(client.deleteVolume(at('one'))).rejects.toMatchObject({ code: 'in-use' })
    await expect(client.exportVolume({ ...at('one'), body: { readOnly: true } })).rejects.toMatchObject({
      code: 'in-use',
    })
    await expect(world.engine.login(made.iqn, 'iqn.2026-01.org.example:b')).rejects.toMatchObject({ code: 'forbidden' })

    const session = await world.engine.login(made.iqn, 'iqn.2026-01.org.example:a')
    expect((await viewer.listSessions()).items).toMatchObject([{ id: session, volumes: ['one'], machine: null }])
    await expect(client.revertVolume({ ...at('one'), body: {} })).rejects.toMatchObject({ code: 'in-use' })
    await client.revertVolume({ ...at('one'), body: { kick: true } })
    expect((await viewer.listSessions()).items).toEqual([])
    // It is served again afterwards.
    const again = await world.engine.login(made.iqn, 'iqn.2026-01.org.example:a')
    await client.endSession({ params: { session: again } })
    await client.endExport({ params: { volume: 'one', export: made.id } })
    expect((await viewer.getVolume(at('one'))).exports).toEqual([])
  })

  test('that the engine refuses leaves nothing behind', async () => {
    world.engine.failing = new Error('no')
    await expect(client.exportVolume({ ...at('one'), body: {} })).rejects.toMatchObject({ code: 'internal' })
    expect((await viewer.getVolume(at('one'))).exports).toEqual([])
  })

  test('of a set-aside volume goes read-only to an examining machine', async () => {
    await client.updateVolume({ ...at('two'), body: { condition: 'modified' } })
    const made = await client.examineVolume({ ...at('two'), body: { machine: 'pc1' } })
    expect(made).toMatchObject({ readOnly: true, for: 'examination by machine pc1' })
    expect(await viewer.getVolume(at('two'))).toMatchObject({ condition: 'mounted' })
    await expect(client.revertVolume({ ...at('two'), body: {} })).rejects.toMatchObject({ code: 'in-use' })
    await client.endExport({ params: { volume: 'two', export: made.id } })
    expect(await client.revertVolume({ ...at('two'), body: {} })).toMatchObject({ condition: 'ready' })
  })
})

describe('long work', () => {
  test('publishes only what changed', async () => {
    content('one').fill(0x77, CHUNK_BYTES, CHUNK_BYTES + 512)
    const job = await finished(await client.publishVolume({ ...at('one'), body: { image: 'debian', note: 'n' } }))
    expect(job).toMatchObject({ state: 'succeeded', image: 'debian@2', doneBytes: 12 * MIB })
    const { files } = world.images.resolve('debian@2')!.version
    const list = await world.images.disks.list(files[0]!.sha256)
    const before = await world.images.disks.list(world.images.resolve('debian@1')!.version.files[0]!.sha256)
    expect(list.chunks.map((chunk, i) => chunk === before.chunks[i])).toEqual([true, false, true])
  })

  test('publishes a volume that was made larger and smaller than its base', async () => {
    await pushDisk('odd', [0x21, 0x22], CHUNK_BYTES + 4096).catch(() => undefined)
    for (const bytes of [6 * MIB, 14 * MIB]) {
      const name = `sized-${bytes / MIB}`
      await client.createVolume({ body: { name, image: 'debian@1' } })
      await client.resizeVolume({ ...at(name), body: { bytes, shrink: true } })
      const job = await finished(await client.publishVolume({ ...at(name), body: { image: name } }))
      expect(job).toMatchObject({ state: 'succeeded', image: `${name}@1` })
      const { version } = world.images.resolve(`${name}@1`)!
      const list = await world.images.disks.list(version.files[0]!.sha256)
      const read = await world.images.disks.reader(list)(0, bytes)
      expect(Buffer.compare(read, content(name))).toBe(0)
    }
  })

  test('dumps and restores files of the export folder, and nothing else', async () => {
    const job = await finished(await client.dumpVolume({ ...at('one'), body: { file: 'one.img' } }))
    expect(job).toMatchObject({ state: 'succeeded' })
    expect(await finished(await client.dumpVolume({ ...at('one'), body: { file: 'one.img' } }))).toMatchObject({
      state: 'failed',
      detail: expect.stringContaining('already'),
    })
    await client.createVolume({ body: { name: 'restored', bytes: 16 * MIB } })
    expect(await finished(await client.restoreVolume({ ...at('restored'), body: { file: 'one.img' } }))).toMatchObject({
      state: 'succeeded',
    })
    expect(Buffer.compare(content('restored').subarray(0, 12 * MIB), content('one'))).toBe(0)
    expect(
      content('restored')
        .subarray(12 * MIB)
        .every((byte) => byte === 0),
    ).toBe(true)
    await expect(client.restoreVolume({ ...at('restored'), body: { file: '../x' } })).rejects.toMatchObject({
      code: 'validation-failed',
    })
    expect(await finished(await client.restoreVolume({ ...at('empty'), body: { file: 'one.img' } }))).toMatchObject({
      state: 'failed',
      detail: expect.stringContaining('larger'),
    })
    expect(await viewer.getVolume(at('empty'))).toMatchObject({ condition: 'ready' })
    expect(world.pool.kept.get(world.disks.volumes.ledger.known('one').id)!.snapshots.size).toBe(0)
  })

  test('that fails half-way leaves a damaged volume, which can begin anew', async () => {
    const { id } = world.disks.volumes.ledger.known('restored')
    const device = await world.pool.open(id, { readOnly: true })
    await device.close()
    await expect(
      world.disks.volumes.overwrite(id, MIB, async () => {
        throw new Error('the file went away')
      }),
    ).rejects.toThrow('went away')
    expect(await viewer.getVolume(at('restored'))).toMatchObject({ condition: 'damaged' })
    await expect(client.exportVolume({ ...at('restored'), body: {} })).rejects.toBeDefined()
    expect(await client.recreateVolume({ ...at('restored'), body: {} })).toMatchObject({ condition: 'ready' })
  })
})

describe('masters and rollouts', () => {
  const desk = () => world.disks.diskless as import('../../volumes/diskless.ts').Diskless
  const prepare = async (name: string) => {
    const machine = world.machines.find(name)!
    const profile = world.profiles.get('desk')!
    return desk().prepare({ machine: machine.id, profile, host: '10.0.0.1', address: '10.0.0.7' })
  }
  const baseOf = (name: string) => {
    const id = world.machines.find(name)!.id
    return world.disks.volumes.ledger.overlay(id, 'desk', 0)?.base?.version
  }

  test('a master is edited on one machine while others keep theirs, published, rolled out and back', async () => {
    const disks = [{ use: 'overlay' as const, image: 'debian', policy: 'reset-at-boot' as const }]
    await client.createProfile({ body: { name: 'desk', kind: 'diskless', disks } })
    const begun = await client.startMaintenance({ body: { profile: 'desk', machine: 'pc1' } })
    expect(begun).toMatchObject({ image: 'debian', from: 2, state: 'open', machine: 'pc1' })
    await expect(client.startMaintenance({ body: { profile: 'desk', machine: 'pc2' } })).rejects.toMatchObject({
      code: 'in-use',
    })
    await expect(client.deleteProfile({ params: { profile: 'desk' } })).rejects.toMatchObject({ code: 'in-use' })
    await expect(client.deleteMachine({ params: { machine: 'pc1' } })).rejects.toMatchObject({ code: 'in-use' })

    const given = await prepare('pc1')
    if (given.outcome !== 'disks') throw new Error(given.reason)
    const session = await world.engine.login(given.disks.target, given.disks.initiator)
    await expect(client.publishMaintenance({ params: { maintenance: begun.id }, body: {} })).rejects.toMatchObject({
      code: 'in-use',
    })
    content(begun.volume).fill(0x99, 0, 100)
    expect(await prepare('pc2')).toMatchObject({ outcome: 'disks' })
    expect(baseOf('pc2')).toBe(2)
    await world.engine.kick(session)
    const job = await client.publishMaintenance({
      params: { maintenance: 'desk' },
      body: { note: 'new', rollout: 'canary', canary: 'canary' },
    })
    expect(await finished(job)).toMatchObject({ state: 'succeeded', image: 'debian@3' })
    expect((await viewer.listMaintenances()).items).toMatchObject([{ state: 'published', published: 3 }])
    expect(world.profiles.get('desk')).toMatchObject({ disks: [{ image: 'debian@2' }] })

    await prepare('pc1')
    await world.engine.withdraw('x')
    await prepare('pc2')
    expect([baseOf('pc1'), baseOf('pc2')]).toEqual([2, 2])
    // A fetch soon after another gets the same disks; a later boot gets the canary's version.
    world.clock.advance(300_000)
    await prepare('pc2')
    expect([baseOf('pc1'), baseOf('pc2')]).toEqual([2, 3])
    const [rollout] = (await viewer.listRollouts()).items
    await client.changeRollout({ params: { rollout: rollout!.id }, body: { state: 'all' } })
    expect(world.profiles.get('desk')).toMatchObject({ disks: [{ image: 'debian@3' }] })
    await expect(client.deleteVersion({ params: { image: 'debian', version: 2 } })).rejects.toMatchObject({
      code: 'in-use',
    })
    await client.changeRollout({ params: { rollout: 'desk' }, body: { state: 'rolled-back' } })
    expect(world.profiles.get('desk')).toMatchObject({ disks: [{ image: 'debian@2' }] })
  })

  test('a master is discarded, and its volume with it', async () => {
    const begun = await client.startMaintenance({ body: { profile: 'desk', machine: 'pc1', others: 'refuse' } })
    expect(await prepare('pc2')).toMatchObject({
      outcome: 'refused',
      reason: expect.stringContaining('maintained on pc1'),
    })
    await client.discardMaintenance({ params: { maintenance: begun.id } })
    expect((await viewer.listVolumes({ query: { use: 'maintenance' } })).items).toEqual([])
    expect(await prepare('pc2')).toMatchObject({ outcome: 'disks' })
  })
})

describe('rooms', () => {
  test('act on many machines, and tell what failed', async () => {
    await client.createMachine({ body: { name: 'dumb', macs: ['52:54:00:00:00:dd'], tags: ['room-a'] } })
    const begun = await client.startBatch({ body: { action: 'on', tag: 'room-a', staggerSeconds: 1 } })
    await world.disks.batches.ended(begun.id)
    const ended = await viewer.getBatch({ params: { batch: begun.id } })
    expect(ended).toMatchObject({ state: 'finished', done: 3, failed: 1, total: 3 })
    expect(ended.machines.find(({ machine }) => machine === 'dumb')).toMatchObject({ state: 'failed' })
    const reset = await client.startBatch({ body: { action: 'reset', tag: 'room-a' } })
    expect(await world.disks.batches.ended(reset.id)).toMatchObject({ state: 'finished' })
    expect((await viewer.listBatches()).items.map(({ id }) => id).sort()).toEqual([begun.id, reset.id].sort())
    await expect(client.startBatch({ body: { action: 'on', tag: 'nobody' } })).rejects.toMatchObject({
      code: 'validation-failed',
      detail: 'no machine has the tag nobody',
    })
  })
})

test('metrics tell of volumes, sessions and the pool', async () => {
  const { token } = await world.as('viewer')
  const text = await (await fetch(`${world.url}/metrics`, { headers: { authorization: `Bearer ${token}` } })).text()
  expect(text).toMatch(/reveille_volumes\{condition="ready"\} [1-9]/)
  expect(text).toContain('reveille_iscsi_sessions 0')
  expect(text).toContain(`reveille_pool_bytes{what="total"} ${1000 * MIB}`)
})

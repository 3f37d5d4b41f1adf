import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openWorld, type World } from '../../test/api/world.ts'
import { CHUNK_BYTES, encodeChunkList } from '../protocols/chunks/list.ts'

let world: World
beforeEach(async () => {
  world = await openWorld()
  const { sha256: chunk } = await world.images.chunks.add(new Uint8Array(CHUNK_BYTES).fill(0x11))
  const list = encodeChunkList({ bytes: CHUNK_BYTES, chunks: [chunk] })
  const bytes = (async function* () {
    yield list
  })()
  const { sha256 } = await world.images.blobs.put(bytes, { limit: list.length })
  await world.images.create({ name: 'os', kind: 'disk' })
  await world.images.addVersion('os', { files: [{ role: 'chunks', name: 'd', sha256 }], cmdline: '', note: '' }, 'op')
  await world.machines.create({ name: 'pc1', macs: ['52:54:00:00:00:01'] } as never, 'op')
  const disks = [{ use: 'overlay', image: 'os', bytes: null, limitBytes: null, policy: 'keep' }]
  await world.profiles.replace({ name: 'desk', kind: 'diskless', description: '', hideGateway: false, disks } as never)
})
afterEach(() => world.close())

const start = () =>
  world.disks.maintenances.start({ profile: 'desk', machine: world.machines.find('pc1')!, others: 'keep' }, 'op')
const publish = (id: string) => world.disks.maintenances.publish(id, { note: '', rollout: 'none', canary: null }, 'op')
const stateOf = (id: string) => world.disks.maintenances.all().find((each) => each.id === id)?.state

describe('a master that cannot be published', () => {
  test('because other work has hold of it stays open', async () => {
    const { id, volume } = await start()
    const ledger = world.disks.volumes.ledger
    const dump = world.disks.jobs.dump(ledger.known(volume), 'master.img', { snapshot: null, replace: true })
    await expect(publish(id)).rejects.toMatchObject({ code: 'in-use' })
    expect(stateOf(id)).toBe('open')
    await world.disks.jobs.ended(dump.id)
    const { id: job } = await publish(id)
    expect(await world.disks.jobs.ended(job)).toMatchObject({ state: 'succeeded', image: 'os@2' })
  })

  test('because it is damaged can be discarded', async () => {
    const { id, volume } = await start()
    await world.disks.volumes.ledger.change(volume, { condition: 'damaged' })
    await expect(publish(id)).rejects.toMatchObject({ code: 'corrupt' })
    expect(stateOf(id)).toBe('open')
    expect(await world.disks.maintenances.discard(id)).toMatchObject({ state: 'discarded' })
  })
})

test('of two that end a maintenance at once, one does', async () => {
  for (const [first, second] of [
    ['publish', 'discard'],
    ['discard', 'publish'],
    ['publish', 'publish'],
  ]) {
    const { id } = await start()
    const end = { publish: () => publish(id), discard: () => world.disks.maintenances.discard(id) } as Record<
      string,
      () => Promise<unknown>
    >
    const ended = await Promise.allSettled([end[first as string]?.(), end[second as string]?.()])
    expect(ended.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
    await world.disks.jobs.settled()
    expect(stateOf(id)).toBe(first === 'publish' ? 'published' : 'discarded')
    expect(world.disks.jobs.all().filter(({ state }) => state === 'failed')).toEqual([])
  }
})

test('two that start one at once: one does, and no master is left over', async () => {
  const begun = await Promise.allSettled([start(), start(), start()])
  expect(begun.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected', 'rejected'])
  expect(world.disks.volumes.ledger.volumes()).toHaveLength(1)
})

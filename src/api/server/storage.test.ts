import { afterAll, beforeAll, expect, test } from 'vitest'
import { openWorld, type World } from '../../../test/api/world.ts'
import { Refusal } from '../../kit/errors.ts'
import type { StorageAdministration } from '../../volumes/storage.ts'

const done: string[] = []
const note =
  (what: string) =>
  async (...given: readonly unknown[]) =>
    void done.push(`${what} ${given.map((each) => JSON.stringify(each)).join(' ')}`)
const storage: StorageAdministration = {
  state: async () => ({
    ...{ devices: [], physicalVolumes: [], logicalVolumes: [] },
    volumeGroups: [{ name: 'vg1', bytes: 8, freeBytes: 4, extentBytes: 4, missing: 0, ours: false }],
  }),
  createPhysicalVolume: note('pv'),
  removePhysicalVolume: note('no pv'),
  createGroup: note('vg'),
  extendGroup: note('more'),
  reduceGroup: note('less'),
  async removeGroup() {
    throw new Refusal('in-use', 'it has logical volumes')
  },
  createVolume: note('lv'),
  resizeVolume: note('resize'),
  renameVolume: note('rename'),
  removeVolume: note('no lv'),
}

let world: World
beforeAll(async () => {
  world = await openWorld({ storage })
})
afterAll(() => world.close())

test('storage is for admins, and what they do is in the audit log', async () => {
  const { client: operator } = await world.as('operator')
  await expect(operator.getStorage({})).rejects.toMatchObject({ status: 403 })
  const { client } = await world.as('admin')
  expect((await client.getStorage({})).volumeGroups).toMatchObject([{ name: 'vg1' }])
  const [path, group, params] = ['/dev/sdb', 'vg1', { group: 'vg1', name: 'data' }]
  await client.createPhysicalVolume({ body: { path, wipe: { path, bytes: 7 } } })
  await client.deletePhysicalVolume({ query: { path } })
  await client.createVolumeGroup({ body: { name: group, devices: [path] } })
  await client.extendVolumeGroup({ params: { group }, body: { devices: [path] } })
  await client.reduceVolumeGroup({ params: { group }, query: { path } })
  await expect(client.deleteVolumeGroup({ params: { group } })).rejects.toMatchObject({ code: 'in-use' })
  await client.createLogicalVolume({ body: { ...params, bytes: 9 } })
  await client.resizeLogicalVolume({ params, body: { bytes: 5, shrink: true } })
  await client.renameLogicalVolume({ params, body: { to: 'games' } })
  await client.deleteLogicalVolume({ params })
  expect(done).toEqual([
    'pv "/dev/sdb" {"path":"/dev/sdb","bytes":7}',
    'no pv "/dev/sdb"',
    'vg "vg1" ["/dev/sdb"]',
    'more "vg1" ["/dev/sdb"]',
    'less "vg1" "/dev/sdb"',
    'lv "vg1" "data" 9',
    'resize "vg1" "data" 5 true',
    'rename "vg1" "data" "games"',
    'no lv "vg1" "data"',
  ])
  const { items } = await client.listAudit({ query: {} })
  const told = items.filter(({ action }) => action.startsWith('storage.'))
  expect(told.length).toBe(10)
  expect(told.find(({ outcome }) => outcome === 'refused')).toMatchObject({ action: 'storage.volume-group.delete' })
})

test('what is no device is refused before anything is asked', async () => {
  const { client } = await world.as('admin')
  for (const path of ['sdb', '--force', '/etc/passwd', '/dev/sd b', '/dev/-x'])
    await expect(client.createPhysicalVolume({ body: { path } })).rejects.toMatchObject({ code: 'validation-failed' })
})

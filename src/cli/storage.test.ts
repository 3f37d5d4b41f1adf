import { describe, expect, test } from 'vitest'
import { cli } from '../../test/fakes/cli.ts'
import type { StorageState } from '../api/contract/storage.ts'

const GIB = 2 ** 30
const STATE: StorageState = {
  devices: [
    {
      ...{ path: '/dev/sdb', bytes: 4 * GIB, model: 'Evil\u001b[2J disk', partitions: [] },
      ...{ state: 'holds-data', holds: ['ext4 signature'] },
    },
  ],
  physicalVolumes: [{ path: '/dev/sdc', group: 'vg1', bytes: 8 * GIB, usedBytes: GIB }],
  volumeGroups: [
    { name: 'vg1', bytes: 8 * GIB, freeBytes: 7 * GIB, extentBytes: 4 * 2 ** 20, missing: 0, ours: false },
  ],
  logicalVolumes: [
    { name: 'data', group: 'vg1', bytes: GIB, layout: 'linear', open: true, origin: '', ours: false },
    { name: 'reveille', group: 'vg1', bytes: GIB, layout: 'thin,pool', open: false, origin: '', ours: true },
  ],
}
const answer = () => STATE

test('storage list tells all of it, for people and for programs', async () => {
  const { out, status } = await cli(['storage', 'list'], { getStorage: answer })
  expect(status).toBe(0)
  for (const word of ['/dev/sdb', '4294967296', 'holds-data', 'ext4 signature', '7.00 GiB', 'vg1/data', "Reveille's"])
    expect(out).toContain(word)
  expect(out).not.toContain('\u001b')
  expect(JSON.parse((await cli(['storage', 'list', '--json'], { getStorage: answer })).out)).toEqual(STATE)
})

describe('what is asked for', () => {
  test.each([
    [
      'pv add /dev/sdb --wipe /dev/sdb=4294967296',
      'createPhysicalVolume',
      { body: { path: '/dev/sdb', wipe: { path: '/dev/sdb', bytes: 4 * GIB } } },
    ],
    [
      'vg create vg2 /dev/sdb /dev/sdd',
      'createVolumeGroup',
      { body: { name: 'vg2', devices: ['/dev/sdb', '/dev/sdd'] } },
    ],
    ['vg extend vg1 /dev/sdb', 'extendVolumeGroup', { params: { group: 'vg1' }, body: { devices: ['/dev/sdb'] } }],
    ['lv create vg1/data 1.5M', 'createLogicalVolume', { body: { group: 'vg1', name: 'data', bytes: 1_572_864 } }],
    [
      'lv resize vg1/data 2G --shrink',
      'resizeLogicalVolume',
      { params: { group: 'vg1', name: 'data' }, body: { bytes: 2 * GIB, shrink: true } },
    ],
    [
      'lv rename vg1/data games',
      'renameLogicalVolume',
      { params: { group: 'vg1', name: 'data' }, body: { to: 'games' } },
    ],
    ['lv rm vg1/data', 'deleteLogicalVolume', { params: { group: 'vg1', name: 'data' } }],
    ['vg rm vg1', 'deleteVolumeGroup', { params: { group: 'vg1' } }],
    ['vg reduce vg1 /dev/sdc', 'reduceVolumeGroup', { params: { group: 'vg1' }, query: { path: '/dev/sdc' } }],
    ['pv rm /dev/sdc', 'deletePhysicalVolume', { query: { path: '/dev/sdc' } }],
  ] as const)('storage %s', async (words, operation, sent) => {
    const { status, last } = await cli(['storage', ...words.split(' ')], { [operation]: answer })
    expect(status).toBe(0)
    expect(last).toMatchObject(sent)
  })

  test.each(['pv add /dev/sdb --wipe yes', 'lv rm data', 'lv create vg1/ 1G', 'lv create vg1/a 10'])(
    'storage %s is wrong use, and nothing is sent',
    async (words) => {
      const { status, asked } = await cli(['storage', ...words.split(' ')], {})
      expect({ status, asked }).toEqual({ status: 2, asked: [] })
    },
  )
})

import { describe, expect, test } from 'vitest'
import { Refusal } from '../kit/errors.ts'
import {
  checkExtendedGroup,
  checkNewGroup,
  checkNewPhysicalVolume,
  checkNewVolume,
  checkReducedGroup,
  checkRemovedGroup,
  checkRemovedPhysicalVolume,
  checkRemovedVolume,
  checkRenamedVolume,
  checkResizedVolume,
  type LogicalVolume,
  type StorageDevice,
  type StorageState,
} from './storage.ts'

const MIB = 2 ** 20
const device = (path: string, state: StorageDevice['state'], holds: string[] = [], partitions: string[] = []) => ({
  ...{ path, bytes: 1000 * MIB, model: '', state, holds, partitions },
})
const lv = (group: string, name: string, more: Partial<LogicalVolume> = {}): LogicalVolume => ({
  ...{ group, name, bytes: 100 * MIB, layout: 'linear', open: false, origin: '', ours: false, ...more },
})
const vg = (name: string, more: object = {}) => ({
  ...{ name, bytes: 1000 * MIB, freeBytes: 50 * MIB, extentBytes: 4 * MIB, missing: 0, ours: false, ...more },
})
const STATE: StorageState = {
  devices: [
    device('/dev/sdb', 'free'),
    device('/dev/sdc', 'holds-data', ['gpt signature', 'partition /dev/sdc1'], ['/dev/sdc1']),
    device('/dev/sda', 'in-use', ['mounted at /']),
    device('/dev/sdd', 'physical-volume', ['physical volume of the volume group vg1']),
  ],
  physicalVolumes: [
    { path: '/dev/sdd', group: 'vg1', bytes: 1000 * MIB, usedBytes: 100 * MIB },
    { path: '/dev/sde', group: 'vg1', bytes: 1000 * MIB, usedBytes: 0 },
    { path: '/dev/sdf', group: '', bytes: 1000 * MIB, usedBytes: 0 },
    { path: '/dev/sdg', group: 'empty', bytes: 1000 * MIB, usedBytes: 0 },
    { path: '/dev/sdh', group: 'broken', bytes: 1000 * MIB, usedBytes: 0 },
  ],
  volumeGroups: [vg('vg1'), vg('empty'), vg('ours', { ours: true }), vg('broken', { missing: 1 })],
  logicalVolumes: [
    lv('vg1', 'data'),
    lv('vg1', 'mounted', { open: true }),
    lv('vg1', 'frozen', { layout: 'linear,snapshot', origin: 'source' }),
    lv('vg1', 'source'),
    lv('ours', 'reveille', { layout: 'thin,pool', ours: true }),
    lv('ours', 'rv.v.1', { layout: 'thin,sparse', ours: true }),
    lv('ours', 'mine'),
  ],
}

function refusal(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    if (error instanceof Refusal) return `${error.code}: ${error.message}`
    throw error
  }
  return 'allowed'
}

describe('a new physical volume', () => {
  const add = (path: string, wiped?: [string, number]) =>
    refusal(() => checkNewPhysicalVolume(STATE, path, wiped === undefined ? null : { path: wiped[0], bytes: wiped[1] }))

  test('is made of an empty device', () => {
    expect(checkNewPhysicalVolume(STATE, '/dev/sdb', null)).toEqual([])
  })

  test('is not made of what is in use, whatever is said', () => {
    expect(add('/dev/sda')).toMatch(/^in-use.*mounted at \//)
    expect(add('/dev/sda', ['/dev/sda', 1000 * MIB])).toMatch(/^in-use/)
    expect(add('/dev/sdd', ['/dev/sdd', 1000 * MIB])).toMatch(/^conflict/)
    expect(add('/dev/../etc/passwd')).toMatch(/^not-found/)
  })

  test('is made of what holds something only by its path and its size; partitions are wiped first', () => {
    expect(add('/dev/sdc')).toMatch(/^in-use.*gpt signature, partition/)
    expect(add('/dev/sdc', ['/dev/sdb', 1000 * MIB])).toMatch(/^validation-failed/)
    expect(add('/dev/sdc', ['/dev/sdc', 1000 * MIB - 1])).toMatch(/^validation-failed/)
    const wipe = { path: '/dev/sdc', bytes: 1000 * MIB }
    expect(checkNewPhysicalVolume(STATE, '/dev/sdc', wipe)).toEqual(['/dev/sdc1', '/dev/sdc'])
  })
})

test('a physical volume is removed when it belongs to no group', () => {
  expect(refusal(() => checkRemovedPhysicalVolume(STATE, '/dev/sdf'))).toBe('allowed')
  expect(refusal(() => checkRemovedPhysicalVolume(STATE, '/dev/sde'))).toMatch(/^in-use/)
  expect(refusal(() => checkRemovedPhysicalVolume(STATE, '/dev/sdb'))).toMatch(/^not-found/)
})

test.each([
  ['made of a free physical volume', () => checkNewGroup(STATE, 'new', ['/dev/sdf']), /^allowed/],
  ['made of nothing', () => checkNewGroup(STATE, 'new', []), /^validation-failed/],
  ['made of one twice', () => checkNewGroup(STATE, 'new', ['/dev/sdf', '/dev/sdf']), /^validation-failed/],
  ['made of a device', () => checkNewGroup(STATE, 'new', ['/dev/sdb']), /^not-found/],
  ['made of what another has', () => checkNewGroup(STATE, 'new', ['/dev/sde']), /^in-use/],
  ['made a second time', () => checkNewGroup(STATE, 'vg1', ['/dev/sdf']), /^conflict/],
  ['called like an option', () => checkNewGroup(STATE, '-y', ['/dev/sdf']), /^validation-failed/],
  ['called like a path', () => checkNewGroup(STATE, '..', ['/dev/sdf']), /^validation-failed/],
  ['extended', () => checkExtendedGroup(STATE, 'ours', ['/dev/sdf']), /^allowed/],
  ['extended while parts are missing', () => checkExtendedGroup(STATE, 'broken', ['/dev/sdf']), /^wrong-state/],
  ['reduced by what is not used', () => checkReducedGroup(STATE, 'vg1', '/dev/sde'), /^allowed/],
  ['reduced by what is used', () => checkReducedGroup(STATE, 'vg1', '/dev/sdd'), /^in-use/],
  ['reduced by its last one', () => checkReducedGroup(STATE, 'empty', '/dev/sdg'), /^in-use/],
  ['reduced by a stranger', () => checkReducedGroup(STATE, 'empty', '/dev/sdf'), /^conflict/],
  ['removed when it is empty', () => checkRemovedGroup(STATE, 'empty'), /^allowed/],
  ['removed with volumes', () => checkRemovedGroup(STATE, 'vg1'), /^in-use.*4 logical/],
  ['removed though it is ours', () => checkRemovedGroup(STATE, 'ours'), /^in-use.*Reveille/],
] as const)('a group %s', (_what, work, expected) => {
  expect(refusal(work)).toMatch(expected)
})

const at = (place: string) => ({ group: place.split('/')[0]!, name: place.split('/')[1]! })
const make = (place: string, bytes: number) => () => checkNewVolume(STATE, at(place), bytes, 'reveille')
const resize =
  (place: string, bytes: number, shrink = false) =>
  () =>
    checkResizedVolume(STATE, at(place), bytes, shrink)
const rename = (place: string, to: string) => () => checkRenamedVolume(STATE, at(place), to, 'reveille')
const remove = (place: string) => () => checkRemovedVolume(STATE, at(place))

test.each([
  ['made', make('vg1/new', 48 * MIB), /^allowed/],
  ['made beside the pool', make('ours/new', MIB), /^allowed/],
  ['made larger than what is free, when extents are whole', make('vg1/new', 49 * MIB), /^no-space.*52428800 bytes/],
  ['made of nothing', make('vg1/new', 0), /^validation-failed/],
  ['made twice', make('vg1/data', MIB), /^conflict/],
  ['made with a name that LVM reserves', make('vg1/a_tmeta', MIB), /^validation-failed/],
  ['made with the name of an option', make('vg1/--yes', MIB), /^validation-failed/],
  ['made with a name of the pool', make('ours/rvt.x', MIB), /^conflict/],
  ['made with a name of ours elsewhere', make('vg1/rvt.x', MIB), /^allowed/],
  ['made in no group', make('nothing/x', MIB), /^not-found/],
  ['enlarged', resize('vg1/data', 148 * MIB), /^allowed/],
  ['enlarged beyond what is free', resize('vg1/data', 149 * MIB), /^no-space/],
  ['enlarged while it is open', resize('vg1/mounted', 120 * MIB), /^allowed/],
  ['made smaller by a slip', resize('vg1/data', 50 * MIB), /^validation-failed.*lost/],
  ['made smaller', resize('vg1/data', 50 * MIB, true), /^allowed/],
  ['made smaller while it is open', resize('vg1/mounted', 50 * MIB, true), /^in-use/],
  ['resized though it is the pool', resize('ours/reveille', 200 * MIB), /^in-use/],
  ['renamed', rename('vg1/data', 'games'), /^allowed/],
  ['renamed to what is there', rename('vg1/data', 'mounted'), /^conflict/],
  ['renamed to the pool', rename('ours/mine', 'reveille'), /^conflict/],
  ['renamed though it is in the pool', rename('ours/rv.v.1', 'x'), /^in-use/],
  ['removed', remove('vg1/data'), /^allowed/],
  ['removed while it is open', remove('vg1/mounted'), /^in-use/],
  ['removed with a snapshot', remove('vg1/source'), /^in-use.*frozen/],
  ['removed though it is something else', remove('vg1/frozen'), /^wrong-state/],
  ['removed though it is the pool', remove('ours/reveille'), /^in-use/],
  ['removed though it is not there', remove('vg1/nothing'), /^not-found/],
] as const)('a logical volume %s', (_what, work, expected) => {
  expect(refusal(work)).toMatch(expected)
})

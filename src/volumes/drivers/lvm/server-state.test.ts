import { describe, expect, test } from 'vitest'
import { DecodeError } from '../../../kit/errors.ts'
import {
  candidates,
  devicesOf,
  parseDevices,
  parseGroups,
  parseLogicalVolumes,
  parsePhysicalVolumes,
  parseSignatures,
} from './server-state.ts'

const OWN = { group: 'vg0', thinPool: 'reveille' }
const lvs = (...rows: object[]) => JSON.stringify({ report: [{ lv: rows }], log: [] })
const disk = (path: string, more: object = {}) => ({
  ...{ name: path.slice(5), path, size: 1_000_000, type: 'disk', ro: false, model: null, fstype: null, pttype: null },
  ...{ mountpoints: [null], ...more },
})
const part = (path: string, more: object = {}) => disk(path, { type: 'part', ...more })
const tree = (...blockdevices: object[]) => parseDevices(JSON.stringify({ blockdevices }))

describe('devices', () => {
  const PVS = [{ path: '/dev/sdp', group: 'vg1', bytes: 1_000_000, usedBytes: 0 }]
  const look = (device: object, signatures: [string, string[] | null][] = []) => {
    const [first] = devicesOf(tree(device), PVS, new Map(signatures))
    return first && [first.state, ...first.holds]
  }

  test('what is on them and who uses them', () => {
    expect(look(disk('/dev/sdb'))).toEqual(['free'])
    expect(look(disk('/dev/sdp'))).toEqual(['physical-volume', 'physical volume of the volume group vg1'])
    expect(look(disk('/dev/sdb'), [['/dev/sdb', ['ext4']]])).toEqual(['holds-data', 'ext4 signature'])
    expect(look(disk('/dev/sdb', { fstype: 'xfs' }))).toEqual(['holds-data', 'xfs signature'])
    expect(look(disk('/dev/sdb', { mountpoints: ['/srv'] }))).toEqual(['in-use', 'mounted at /srv'])
    expect(look(disk('/dev/sdb', { mountpoints: ['[SWAP]'] }))).toEqual(['in-use', 'swap'])
    expect(look(disk('/dev/sdb', { ro: true }))).toEqual(['in-use', 'read-only'])
    const raid = { children: [disk('/dev/md0', { type: 'raid1' })] }
    expect(look(disk('/dev/sdb', raid))).toEqual(['in-use', 'part of /dev/md0'])
  })

  test('what was read now counts, not what udev remembers', () => {
    expect(look(disk('/dev/sdb', { fstype: 'LVM2_member' }), [['/dev/sdb', []]])).toEqual(['free'])
  })

  test('what cannot be read, and physical volumes of others, are in use', () => {
    expect(look(disk('/dev/sdb'), [['/dev/sdb', null]])).toEqual(['in-use', 'it cannot be read'])
    expect(look(disk('/dev/sdb'), [['/dev/sdb', ['LVM2_member']]])?.[0]).toBe('in-use')
  })

  test('a disk is in use by its partitions', () => {
    const on = (more: object) => look(disk('/dev/sdb', { children: [part('/dev/sdb1', more)] }))
    expect(on({})).toEqual(['holds-data', 'partition /dev/sdb1'])
    expect(on({ mountpoints: ['/boot'] })?.slice(0, 2)).toEqual(['in-use', '/dev/sdb1 mounted at /boot'])
    expect(on({ fstype: 'LVM2_member' })?.slice(0, 2)).toEqual(['in-use', '/dev/sdb1 is a physical volume'])
    const mapped = { children: [disk('/dev/mapper/x', { type: 'crypt' })] }
    expect(on(mapped)?.slice(0, 2)).toEqual(['in-use', '/dev/mapper/x lies on it'])
  })

  test('what is no disk is left out', () => {
    const found = tree(
      ...[disk('/dev/sr0', { type: 'rom' }), disk('/dev/loop0', { size: 0, type: 'loop' }), disk('/dev/zram0')],
      disk('/dev/sdb', { children: [disk('/dev/mapper/vg0-x', { type: 'lvm' }), part('/dev/sdb1')] }),
    )
    expect(candidates(found)).toEqual([
      { path: '/dev/sdb', on: [] },
      { path: '/dev/sdb1', on: ['/dev/sdb'] },
    ])
  })
})

test('groups and logical volumes, and which of them are ours', () => {
  const row = { vg_name: 'vg0', lv_size: '4194304', lv_layout: 'linear', lv_device_open: '', origin: '', lv_tags: '' }
  const volumes = parseLogicalVolumes(
    lvs(
      ...[
        { ...row, lv_name: 'reveille', pool_lv: '' },
        { ...row, lv_name: 'thin', pool_lv: 'reveille' },
      ],
      { ...row, lv_name: 'data', pool_lv: '', lv_device_open: 'open' },
      { ...row, lv_name: 'reveille', vg_name: 'vg1', pool_lv: '' },
      { ...row, lv_name: 'x', vg_name: 'vg2', pool_lv: '', lv_tags: 'a,reveille' },
    ),
    OWN,
  )
  expect(volumes.map(({ group, name, ours }) => `${group}/${name} ${ours}`)).toEqual([
    ...['vg0/reveille true', 'vg0/thin true', 'vg0/data false', 'vg1/reveille false', 'vg2/x true'],
  ])
  expect(volumes[2]).toMatchObject({ bytes: 4_194_304, layout: 'linear', open: true })
  const group = (name: string) => ({ vg_name: name, vg_size: '8388608', vg_free: '4194304', vg_extent_size: '4194304' })
  const rows = ['vg0', 'vg1', 'vg2'].map((name) => ({ ...group(name), vg_missing_pv_count: '0' }))
  const groups = parseGroups(JSON.stringify({ report: [{ pv: [...rows, ...rows, { vg_name: '' }] }] }), volumes, OWN)
  expect(groups.map(({ ours }) => ours)).toEqual([true, false, true])
  expect(groups[0]).toMatchObject({ bytes: 8_388_608, freeBytes: 4_194_304, extentBytes: 4_194_304, missing: 0 })
  const [first] = parsePhysicalVolumes(
    '{"report":[{"pv":[{"pv_name":"/dev/sdb","vg_name":"","pv_size":"5","pv_used":"0","dev_size":"7"}]}]}',
  )
  expect(first).toEqual({ path: '/dev/sdb', group: '', bytes: 7, usedBytes: 0 })
})

test('what wipefs tells', () => {
  expect(parseSignatures('')).toEqual([])
  expect(parseSignatures('{"signatures":[]}')).toEqual([])
  const twice = '{"signatures":[{"device":"sdb","type":"gpt"},{"device":"sdb","type":"gpt"},{"type":"PMBR"}]}'
  expect(parseSignatures(twice)).toEqual(['gpt', 'PMBR'])
})

test('anything else is refused', () => {
  let deep: object = disk('/dev/x')
  for (let i = 0; i < 30; i++) deep = disk('/dev/x', { children: [deep] })
  const device = JSON.stringify({ blockdevices: [disk('/dev/sdb', { size: '7' })] })
  for (const text of ['', '[]', '{}', '{"blockdevices":[1]}', device, JSON.stringify({ blockdevices: [deep] })])
    expect(() => parseDevices(text)).toThrow(DecodeError)
  for (const text of ['x', '[]', '{}', '{"signatures":[1]}', '{"signatures":[{"type":1}]}'])
    expect(() => parseSignatures(text)).toThrow(DecodeError)
})

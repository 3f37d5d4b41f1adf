import { describe, expect, test } from 'vitest'
import { DecodeError, Refusal } from '../../../kit/errors.ts'
import { baseName, checkId, placeOf, snapshotName, tagsOf, volumeName } from './names.ts'
import { idleBases, recovery } from './recovery.ts'
import { type LogicalVolume, parseReport, parseVolumes } from './report.ts'
import { Room } from './room.ts'

const lv = (name: string, tags: readonly string[]): LogicalVolume => ({
  ...{
    name,
    tags,
    bytes: 4_194_304,
    dataPercent: 0,
    metadataPercent: null,
    open: false,
    pool: 'reveille',
    chunkBytes: 0,
  },
})
const volume = (id: string, name = volumeName(id)) =>
  lv(name, tagsOf({ kind: 'volume', id, bytes: 1_048_576, base: null, baseBytes: 0, limit: null }))
const snapshot = (id: string, of: string) =>
  lv(snapshotName(id, of), tagsOf({ kind: 'snapshot', id, snapshot: of, bytes: 512 }))

describe('what is kept in names and tags', () => {
  test('everything comes back from the tags', () => {
    const places = [
      { kind: 'volume', id: 'v_a1', bytes: 512, base: 'abc', baseBytes: 1024, limit: 7 },
      { kind: 'volume', id: 'v_a1', bytes: 512, base: null, baseBytes: 0, limit: null },
      { kind: 'snapshot', id: 'v_a1', snapshot: 'früh, um 7 = gut', bytes: 512 },
      { kind: 'base', chunks: 'abc', bytes: 512 },
    ] as const
    for (const place of places) expect(placeOf(lv('x', tagsOf(place)))).toEqual(place)
    for (const tag of places.flatMap(tagsOf)) expect(tag).toMatch(/^[A-Za-z0-9_+.\-/=!:#&]+$/)
  })

  test('what has not our tag is not ours', () => {
    expect(placeOf(lv('root', []))).toBeUndefined()
    expect(placeOf(lv('root', ['reveille:volume=v_a']))).toBeUndefined()
    expect(placeOf(lv('reveille', ['reveille']))).toBeUndefined()
  })

  test('no id makes a name that LVM reserves', () => {
    for (const id of ['v_tdata', 'v_x_rimage_0']) expect(volumeName(id)).not.toMatch(/_(tdata|tmeta|rimage|mlog)/)
    for (const id of ['../x', '', '-a', 'a b', 'a.b']) expect(() => checkId(id)).toThrow(Refusal)
  })
})

describe('what a killed server left', () => {
  const repairs = (...all: LogicalVolume[]) =>
    recovery(all).map(({ args }) => args.filter((word) => !word.startsWith('-')).join(' '))

  test('nothing to do', () => {
    expect(repairs(volume('v_a'), snapshot('v_a', 's'), lv('rvt.foreign', []), lv('root', []))).toEqual([])
  })

  test('what was being made goes', () => {
    expect(repairs(volume('v_a', 'rvt.rv.v.a'))).toEqual(['lvremove rvt.rv.v.a'])
  })

  test('what was being replaced comes back, or goes when its successor is there', () => {
    expect(repairs(volume('v_a', 'rvo.rv.v.a'), volume('v_a', 'rvt.rv.v.a'), snapshot('v_a', 's'))).toEqual([
      'lvremove rvt.rv.v.a',
      'lvrename rvo.rv.v.a rv.v.a',
    ])
    expect(repairs(volume('v_a', 'rvo.rv.v.a'), volume('v_a'))).toEqual(['lvremove rvo.rv.v.a'])
  })

  test('snapshots without a volume go', () => {
    expect(repairs(snapshot('v_a', 's'))).toEqual([`lvremove ${snapshotName('v_a', 's')}`])
  })
})

test('bases without a volume go, those with one stay', () => {
  const base = (chunks: string) => lv(baseName(chunks), tagsOf({ kind: 'base', chunks, bytes: 512 }))
  const over = lv(
    volumeName('v_a'),
    tagsOf({ kind: 'volume', id: 'v_a', bytes: 512, base: 'abc', baseBytes: 512, limit: null }),
  )
  expect(recovery([base('abc'), base('def'), over]).map(({ args }) => args.at(-1))).toEqual([baseName('def')])
  expect(idleBases([base('abc'), base('def'), over])).toEqual([baseName('def')])
  expect(idleBases([base('abc'), { ...over, tags: [] }, lv('rvb.foreign', [])])).toEqual([baseName('abc')])
})

describe('what LVM reports', () => {
  const REPORT = `{"report":[{"lv":[{"lv_name":"rv.v.a","lv_size":"4194304","lv_tags":"reveille,reveille:volume=v_a",
    "data_percent":"12.50","metadata_percent":"","lv_device_open":"open","pool_lv":"reveille","chunk_size":"0"}]}],"log":[]}`

  test('volumes', () => {
    expect(parseVolumes(REPORT)).toEqual([
      {
        ...{ name: 'rv.v.a', bytes: 4_194_304, tags: ['reveille', 'reveille:volume=v_a'], dataPercent: 12.5 },
        ...{ metadataPercent: null, open: true, pool: 'reveille', chunkBytes: 0 },
      },
    ])
    expect(parseVolumes('{"report":[{"lv":[]}]}')).toEqual([])
  })

  test('what is something else is refused', () => {
    for (const text of ['', '[]', '{}', '{"report":[1]}', '{"report":[{"lv":[1]}]}', REPORT.replace('12.50', 'much')])
      expect(() => parseVolumes(text)).toThrow(DecodeError)
    expect(() => parseReport('{"report":[{"vg":{}}]}', 'vg')).toThrow(DecodeError)
  })
})

test('a pool refuses before it is full', async () => {
  let usedBytes = 90
  const room = new Room(async () => ({ totalBytes: 100, usedBytes, freeBytes: 100 - usedBytes }), 95)
  await room.check()
  room.take(3)
  expect(() => room.take(3)).toThrow(Refusal)
  usedBytes = 96
  await expect(room.check()).rejects.toMatchObject({ code: 'no-space' })
})

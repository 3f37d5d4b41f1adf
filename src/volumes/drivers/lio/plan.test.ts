import { describe, expect, test } from 'vitest'
import { Refusal } from '../../../kit/errors.ts'
import type { Target, TargetLun } from '../../engine.ts'
import {
  changeTarget,
  endSessions,
  type LunStore,
  makeStore,
  makeTarget,
  mustBeAnew,
  removeTarget,
  type Step,
  storeName,
} from './plan.ts'

const PLACE = { hba: 7, portal: '0.0.0.0:3260' }
const SCSI = { vendor: 'REVEILLE', product: 'VOLUME', revision: '1' }
const lun = (number: number, more: Partial<TargetLun> = {}): TargetLun => ({
  ...{ lun: number, volume: `v_${number}`, readOnly: false, serial: `v_${number}`, scsi: SCSI },
  ...more,
})
const disk = (each: TargetLun): LunStore => ({
  lun: each,
  store: { kind: 'iblock', path: `/dev/vg0/${each.volume}`, bytes: 0 },
})
const TARGET: Target = { iqn: 'iqn.x:one', initiators: ['iqn.x:m'], addresses: null, chap: null, luns: [lun(0)] }
const AT = 'iscsi/iqn.x:one/tpgt_1'
const CHAP = { user: 'm', secret: 'not to be shown' }

const line = (step: Step) =>
  step.do === 'write'
    ? `${step.path}=${step.secret ? '***' : step.value}`
    : step.do === 'link'
      ? `${step.path}->${step.to}`
      : `${step.do} ${step.path}`
const lines = (steps: readonly Step[]) => steps.map(line)

describe('what the kernel is told of a target', () => {
  test('a new one is switched on last, demo mode is off, and disks are mapped to names', () => {
    const steps = lines(makeTarget(PLACE, { ...TARGET, chap: CHAP }, [disk(lun(0))]))
    expect(steps.at(-1)).toBe(`${AT}/enable=1`)
    expect(steps).toContain(`${AT}/attrib/generate_node_acls=0`)
    expect(steps).toContain(`${AT}/attrib/demo_mode_write_protect=1`)
    expect(steps).toContain(`${AT}/attrib/authentication=1`)
    expect(steps).toContain(`${AT}/lun/lun_0/store->core/iblock_7/v_0`)
    expect(steps).toContain(`${AT}/acls/iqn.x:m/lun_0/lun->${AT}/lun/lun_0`)
    expect(steps).toContain(`${AT}/acls/iqn.x:m/lun_0/write_protect=0`)
    expect(steps).toContain(`${AT}/acls/iqn.x:m/auth/userid=m`)
    expect(steps).toContain(`${AT}/acls/iqn.x:m/auth/password=***`)
    expect(steps).toContain(`mkdir ${AT}/np/0.0.0.0:3260`)
  })

  test('one for anybody has demo mode, and the proof for all', () => {
    const steps = lines(makeTarget(PLACE, { ...TARGET, initiators: null, chap: CHAP }, [disk(lun(0))]))
    expect(steps).toContain(`${AT}/attrib/generate_node_acls=1`)
    expect(steps).toContain(`${AT}/attrib/demo_mode_write_protect=0`)
    expect(steps).toContain(`${AT}/auth/password=***`)
    expect(steps.some((step) => step.includes('/acls/'))).toBe(false)
  })

  test('the same again: nothing', () => {
    const disks = [disk(lun(0))]
    expect(changeTarget(PLACE, { target: TARGET, disks }, TARGET, disks)).toEqual([])
  })

  test('other people: entries go with their sessions, others are not touched', () => {
    const disks = [disk(lun(0))]
    const before = { target: { ...TARGET, initiators: ['iqn.x:a', 'iqn.x:b'] }, disks }
    expect(lines(changeTarget(PLACE, before, { ...TARGET, initiators: ['iqn.x:b', 'iqn.x:c'] }, disks))).toEqual([
      `unlink ${AT}/acls/iqn.x:a/lun_0/lun`,
      `rmdir ${AT}/acls/iqn.x:a/lun_0`,
      `rmdir ${AT}/acls/iqn.x:a`,
      `mkdir ${AT}/acls/iqn.x:c`,
      `mkdir ${AT}/acls/iqn.x:c/lun_0`,
      `${AT}/acls/iqn.x:c/lun_0/lun->${AT}/lun/lun_0`,
      `${AT}/acls/iqn.x:c/lun_0/write_protect=0`,
    ])
  })

  test('another secret: the entry is made anew', () => {
    const disks = [disk(lun(0))]
    const steps = lines(changeTarget(PLACE, { target: TARGET, disks }, { ...TARGET, chap: CHAP }, disks))
    expect(steps.indexOf(`rmdir ${AT}/acls/iqn.x:m`)).toBeLessThan(steps.indexOf(`mkdir ${AT}/acls/iqn.x:m`))
    expect(steps).toContain(`${AT}/attrib/authentication=1`)
  })

  test('a disk more and a disk less', () => {
    const [one, two] = [disk(lun(0)), disk(lun(1, { readOnly: true }))]
    const both = { ...TARGET, luns: [one.lun, two.lun] }
    const more = lines(changeTarget(PLACE, { target: TARGET, disks: [one] }, both, [one, two]))
    expect(more[0]).toBe(`mkdir ${AT}/lun/lun_1`)
    expect(more.at(-1)).toBe(`${AT}/acls/iqn.x:m/lun_1/write_protect=1`)
    expect(lines(changeTarget(PLACE, { target: both, disks: [one, two] }, TARGET, [one]))).toEqual([
      `unlink ${AT}/acls/iqn.x:m/lun_1/lun`,
      `rmdir ${AT}/acls/iqn.x:m/lun_1`,
      `unlink ${AT}/lun/lun_1/store`,
      `rmdir ${AT}/lun/lun_1`,
    ])
  })

  test('who came while anybody might is forgotten only with the target', () => {
    const disks = [disk(lun(0))]
    expect(mustBeAnew({ target: { ...TARGET, initiators: null }, disks }, TARGET, disks)).toBe(true)
    expect(mustBeAnew({ target: TARGET, disks }, { ...TARGET, initiators: [] }, disks)).toBe(false)
  })

  test('a block device is let go of before it is opened for reading alone; a file need not be', () => {
    const file = (each: TargetLun, bytes = 512): LunStore => ({
      ...{ lun: each, store: { kind: 'fileio', path: `/volumes/${each.volume}`, bytes } },
    })
    const [writable, frozen] = [lun(0), lun(0, { readOnly: true })]
    const anew = (was: LunStore, is: LunStore) =>
      mustBeAnew({ target: { ...TARGET, luns: [was.lun] }, disks: [was] }, { ...TARGET, luns: [is.lun] }, [is])
    expect(anew(disk(writable), disk(frozen))).toBe(true)
    expect(anew(disk(frozen), disk(writable))).toBe(true)
    expect(anew(disk(writable), disk(writable))).toBe(false)
    expect(anew(file(writable), file(frozen))).toBe(false)
    // A backstore keeps the size that it was made with.
    expect(anew(file(writable), file(writable, 1024))).toBe(true)
  })

  test('nobody proves who it is before its disks are there: a system that comes back would lose them', () => {
    const steps = lines(endSessions({ ...TARGET, chap: CHAP }, 'iqn.x:m'))
    expect(steps.indexOf(`${AT}/acls/iqn.x:m/auth/userid=m`)).toBeGreaterThan(
      steps.indexOf(`${AT}/acls/iqn.x:m/lun_0/write_protect=0`),
    )
  })

  test('what the kernel cannot do is refused', () => {
    const anybody = { ...TARGET, initiators: null }
    expect(() => makeTarget(PLACE, { ...anybody, addresses: ['10.0.0.1'] }, [disk(lun(0))])).toThrow(Refusal)
    const file = (each: TargetLun): LunStore => ({ lun: each, store: { kind: 'fileio', path: '/v', bytes: 512 } })
    expect(() => makeTarget(PLACE, anybody, [file(lun(0)), file(lun(1, { readOnly: true }))])).toThrow(Refusal)
    expect(() => makeStore(PLACE, { lun: lun(0), store: { kind: 'fileio', path: '/a,b', bytes: 512 } })).toThrow(
      Refusal,
    )
  })
})

test('sessions of one name end with its entry, which comes back; of anybody with all others', () => {
  expect(lines(endSessions(TARGET, 'iqn.x:m'))).toContain(`rmdir ${AT}/acls/iqn.x:m`)
  expect(lines(endSessions({ ...TARGET, initiators: null }, 'iqn.x:m'))).toEqual([`${AT}/enable=0`, `${AT}/enable=1`])
})

test('whatever is found of a target is taken away from its leaves to its root', () => {
  const found = {
    ...{ iqn: 'iqn.x:one', group: true, portals: ['0.0.0.0:3260'] },
    luns: [{ name: 'lun_0', links: ['store'] }],
    acls: [{ initiator: 'iqn.x:m', luns: [{ name: 'lun_0', links: ['lun'] }] }],
  }
  expect(lines(removeTarget(found))).toEqual([
    `${AT}/enable=0`,
    `unlink ${AT}/acls/iqn.x:m/lun_0/lun`,
    `rmdir ${AT}/acls/iqn.x:m/lun_0`,
    `rmdir ${AT}/acls/iqn.x:m`,
    `unlink ${AT}/lun/lun_0/store`,
    `rmdir ${AT}/lun/lun_0`,
    `rmdir ${AT}/np/0.0.0.0:3260`,
    `rmdir ${AT}`,
    'rmdir iscsi/iqn.x:one',
  ])
  expect(lines(removeTarget({ ...found, group: false }))).toEqual(['rmdir iscsi/iqn.x:one'])
})

test('backstores are named after volume, snapshot and direction', () => {
  expect(storeName(lun(0))).toBe('v_0')
  expect(storeName(lun(0, { readOnly: true, snapshot: 'a' }))).toBe('v_0-a-ro')
  expect(storeName(lun(0, { snapshot: 'a/../b' }))).toMatch(/^=[0-9a-f]+$/)
})

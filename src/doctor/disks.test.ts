import { describe, expect, test } from 'vitest'
import { Settings, type SettingsInput } from '../config/schema.ts'
import { judgeDisks } from './disks.ts'
import { wantedPorts } from './rules.ts'

const config = (input: SettingsInput) => Settings.parse(input)
const on = (more: SettingsInput = {}) => config(more)
const NOTHING = { programs: new Set<string>(), lio: false }

describe('what serving volumes takes', () => {
  test('nothing while iSCSI is off', () => {
    const off = config({ iscsi: { enabled: false } })
    expect(judgeDisks(off, NOTHING)).toEqual([])
    expect(wantedPorts(off).some(({ port }) => port === 3260)).toBe(false)
    expect(wantedPorts(on()).some(({ port }) => port === 3260)).toBe(true)
  })

  test('what is built in needs no program', () => {
    expect(judgeDisks(on(), NOTHING).map(({ check, status, found }) => `${check}: ${status}, ${found}`)).toEqual([
      'iSCSI engine builtin: ok, built in',
      'pool of volumes (file): ok, built in',
    ])
  })

  test('tgt and LVM need theirs, and are told which package has them', () => {
    const wanted = on({
      iscsi: { enabled: true, engine: 'tgt' },
      volumes: { pool: 'lvm', lvmGroup: 'vg' },
    })
    expect(judgeDisks(wanted, NOTHING)).toMatchObject([
      { status: 'failed', found: 'missing: tgtd, tgtadm', next: expect.stringMatching(/ tgt$/) },
      { status: 'failed', found: 'missing: lvm', next: expect.stringMatching(/ lvm2$/) },
    ])
    const all = { programs: new Set(['tgtd', 'tgtadm', 'lvm']), lio: false }
    expect(judgeDisks(wanted, all).every(({ status }) => status === 'ok')).toBe(true)
  })

  test('LIO needs the kernel', () => {
    const wanted = on({ iscsi: { enabled: true, engine: 'lio' } })
    expect(judgeDisks(wanted, NOTHING)[0]).toMatchObject({
      status: 'warning',
      next: expect.stringContaining('modprobe'),
    })
    expect(judgeDisks(wanted, { ...NOTHING, lio: true })[0]).toMatchObject({ status: 'ok' })
  })
})

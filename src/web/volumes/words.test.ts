import { describe, expect, test } from 'vitest'
import type { Volume } from '../../api/contract/volumes.ts'
import {
  attachedTo,
  fromGiB,
  hitShare,
  holdsWork,
  jobTitle,
  latency,
  lostByDelete,
  lostByRevert,
  percent,
  toGiB,
} from './words.ts'

const volume = {
  ...{ id: 'v_1', name: 'desk', pool: 'file', bytes: 1024 ** 3, ownBytes: 5 * 1024 ** 2, dirtyBytes: 0 },
  ...{ base: { image: 'debian', version: 3 }, use: 'own', machine: null, profile: null, condition: 'ready' },
  ...{ owner: 'admin', labels: {}, notes: '', scsi: { vendor: 'REVEILLE', product: 'VOLUME', revision: '1' } },
  snapshots: [{ name: 'clean', createdAt: '2026-11-21T10:00:00.000Z', createdBy: 'admin', note: '' }],
  ...{ active: null, limitBytes: null, bootsLeft: null, lastAttachedAt: null, exports: [] },
  ...{ createdAt: '2026-11-21T09:00:00.000Z', updatedAt: '2026-11-21T09:00:00.000Z' },
} satisfies Volume as Volume

describe('what is lost is named', () => {
  test('by going back to a snapshot, to the base, or to nothing', () => {
    expect(lostByRevert(volume, 'clean')).toContain('since the snapshot clean was taken (2026-11-21')
    expect(lostByRevert(volume, null)).toContain('since it was made of debian@3')
    expect(lostByRevert({ ...volume, base: null }, null)).toContain('It is empty again.')
  })

  test('by deleting it', () => {
    expect(lostByDelete(volume)).toBe(
      'Its content (5.0 MiB of its own) and its 1 snapshot are deleted. The image version debian@3 stays. This cannot be undone.',
    )
    expect(lostByDelete({ ...volume, base: null, snapshots: [], ownBytes: null })).toBe(
      'Its content is deleted. This cannot be undone.',
    )
  })

  test('and the name is asked for only where work may be lost', () => {
    expect(holdsWork(volume)).toBe(true)
    expect(holdsWork({ ...volume, ownBytes: null })).toBe(true)
    expect(holdsWork({ ...volume, ownBytes: 0 })).toBe(false)
    expect(holdsWork({ ...volume, use: 'overlay' })).toBe(false)
  })
})

test('only who is logged in has it attached', () => {
  const given = {
    ...{ id: 'x', uri: '', iqn: '', lun: 0, readOnly: false, initiator: null, address: null, chapUser: null },
    ...{ for: 'machine pc-1', sessions: 0 },
  }
  expect(attachedTo({ exports: [given, { ...given, for: 'machine pc-2', sessions: 1 }] })).toEqual(['machine pc-2'])
})

test('sizes are whole sectors, and come back as they were typed', () => {
  expect(fromGiB(10)).toBe(10 * 1024 ** 3)
  expect(Number(fromGiB(0.1)) % 512).toBe(0)
  expect(fromGiB(0)).toBeNull()
  expect(fromGiB(null)).toBeNull()
  expect(toGiB(fromGiB(2.5))).toBe(2.5)
})

test('latencies have the unit that reads best', () => {
  expect([0, 85, 1240, 34_000, 1_100_000].map(latency)).toEqual(['', '85 µs', '1.2 ms', '34 ms', '1.1 s'])
})

test('a cache that missed anything is not called perfect', () => {
  const session = { cacheHitBytes: 9999, cacheMissBytes: 1 } as Parameters<typeof hitShare>[0]
  expect(percent(hitShare(session) ?? 0)).toBe('99 %')
  expect(hitShare({ ...session, cacheHitBytes: 0, cacheMissBytes: 0 })).toBeNull()
  expect(percent(1)).toBe('100 %')
})

test('a job is told by what it makes', () => {
  expect(jobTitle({ what: 'publish', volume: 'desk', image: 'debian@4' })).toBe('Publish desk as debian@4')
  expect(jobTitle({ what: 'publish', volume: 'desk', image: null })).toBe('Publish desk')
  expect(jobTitle({ what: 'dump', volume: 'desk', image: null })).toBe('Dump desk')
})

import type { Batch } from '../../src/rooms/batch.ts'
import type { Attachment } from '../../src/volumes/attachment.ts'
import type { Maintenance, Rollout } from '../../src/volumes/maintenance.ts'
import type { Volume } from '../../src/volumes/volume.ts'
import { AWKWARD } from './values.ts'

export const volume = (n: number, more: Partial<Volume> = {}): Volume => ({
  id: `v_${n}`,
  name: `volume-${n}`,
  bytes: 64 * 2 ** 40,
  base: { image: 'debian', version: 7, chunks: 'c'.repeat(64), bytes: 512 },
  use: { kind: 'overlay', machine: 'm_1', profile: 'desk', lun: 3 },
  condition: 'modified',
  owner: AWKWARD,
  labels: { rotation: AWKWARD },
  notes: AWKWARD,
  scsi: { vendor: 'V', product: 'P', revision: '1' },
  snapshots: [{ name: 's1', createdAt: 1, createdBy: 'ann', note: AWKWARD }],
  active: 's1',
  limitBytes: 2 ** 40,
  bootsLeft: 0,
  lastAttachedAt: 1_800_000_000_000,
  untouched: false,
  resetAtBoot: true,
  pending: { kind: 'revert', snapshot: null },
  frozen: [],
  createdAt: 1,
  updatedAt: 9_007_199_254_740_991,
  ...more,
})

export const attachment = (n: number, more: Partial<Attachment> = {}): Attachment => ({
  id: `a_${n}`,
  iqn: `iqn.2026-11.org.reveille:${n}`,
  for: { kind: 'boot', machine: 'm_1', profile: 'desk' },
  initiator: 'iqn.2026-11.org.reveille:m-1',
  address: null,
  chap: { user: 'm-1', secret: 'abcdefghijkl' },
  disks: [{ lun: 0, volume: 'v_1', readOnly: false, snapshot: null }],
  createdAt: 1,
  ...more,
})

export const maintenance = (n: number, more: Partial<Maintenance> = {}): Maintenance => ({
  id: `t_${n}`,
  profile: 'desk',
  machine: 'm_1',
  image: 'debian',
  from: 7,
  published: null,
  volume: 'v_1',
  others: 'keep',
  state: 'open',
  startedBy: AWKWARD,
  startedAt: 1,
  endedAt: null,
  ...more,
})

export const rollout = (n: number, more: Partial<Rollout> = {}): Rollout => ({
  id: `r_${n}`,
  profile: 'desk',
  image: 'debian',
  from: 7,
  to: 8,
  canary: AWKWARD,
  state: 'canary',
  startedBy: AWKWARD,
  startedAt: 1,
  updatedAt: 2,
  ...more,
})

export const batch = (n: number, more: Partial<Batch> = {}): Batch => ({
  id: `b_${n}`,
  action: 'boot-once',
  profile: 'desk',
  staggerMs: 500,
  kick: true,
  state: 'running',
  machines: [{ machine: 'm_1', name: 'pc1', state: 'failed', detail: AWKWARD }],
  orderedBy: AWKWARD,
  startedAt: n,
  endedAt: null,
  ...more,
})

import type { Image } from '../../src/api/contract/images.ts'
import type { Machine } from '../../src/api/contract/machines.ts'
import type { Volume } from '../../src/api/contract/volumes.ts'
import { type Asked, fakeApi, type Handlers } from './api.ts'
import { NOW, runCli } from './terminal.ts'

export const AT = new Date(NOW - 300_000).toISOString()
export const MACHINE: Machine = {
  id: 'm_0123456789abcdef',
  name: 'web1',
  state: 'ready',
  macs: ['52:54:00:12:34:56'],
  uuid: null,
  serial: null,
  manufacturer: 'Evil\u001b[2J Corp',
  product: null,
  architecture: 'x86_64',
  firmware: 'uefi',
  bootLoader: 'auto',
  tags: ['rack=a3'],
  notes: '',
  ip: null,
  hostname: null,
  profile: 'debian',
  nextBoot: null,
  lab: null,
  createdAt: AT,
  updatedAt: AT,
  lastSeenAt: AT,
  lastAddress: '10.0.0.50',
  power: null,
  boot: null,
}
export const IMAGE: Image = {
  name: 'debian',
  kind: 'bundle',
  description: '',
  owner: 'admin',
  visibility: 'public',
  sharedWith: [],
  labels: {},
  prune: null,
  versions: [],
  latest: null,
  bytes: 0,
  usedBy: [],
  createdAt: AT,
  updatedAt: AT,
}
export const VERSION: Image['versions'][number] = {
  number: 1,
  files: [],
  cmdline: '',
  note: '',
  disk: null,
  pinned: false,
  source: 'upload',
  createdAt: AT,
  createdBy: 'admin',
}

export const EXPORT: Volume['exports'][number] = {
  id: 'a_1',
  uri: 'iscsi://10.0.0.1:3260/iqn.2026-11.org.reveille:a-1/0',
  iqn: 'iqn.2026-11.org.reveille:a-1',
  lun: 0,
  readOnly: false,
  initiator: 'iqn.1993-08.org.debian:01:abc',
  address: null,
  chapUser: null,
  for: 'an export by admin',
  sessions: 1,
}
export const VOLUME: Volume = {
  id: 'v_1',
  name: 'work',
  pool: 'file',
  bytes: 40 * 2 ** 30,
  ownBytes: 5 * 2 ** 20,
  dirtyBytes: 4096,
  base: { image: 'debian', version: 3 },
  use: 'own',
  machine: null,
  profile: null,
  condition: 'ready',
  owner: 'ada',
  labels: { purpose: 'games' },
  notes: 'Evil\u001b[2J note',
  scsi: { vendor: 'REVEILLE', product: 'VOLUME', revision: '1' },
  snapshots: [{ name: 'clean', createdAt: AT, createdBy: 'ada', note: 'as installed' }],
  active: 'clean',
  limitBytes: null,
  bootsLeft: 2,
  lastAttachedAt: null,
  exports: [EXPORT],
  createdAt: AT,
  updatedAt: AT,
}

/** Runs one command line against these answers. */
export async function cli(words: string[], handlers: Handlers, more: Parameters<typeof runCli>[2] = {}) {
  const { transport, asked } = fakeApi(handlers)
  const result = await runCli(words, transport, more)
  return { ...result, asked, last: asked.at(-1) as Asked | undefined }
}

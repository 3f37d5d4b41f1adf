import type { AuditEntry, Session, Token, User } from '../../src/access/user.ts'
import type { Deployment } from '../../src/deployments/deployment.ts'
import type { DiskRecord } from '../../src/deployments/disk-records.ts'
import type { AgentBoot } from '../../src/deployments/repository.ts'
import type { Bmc } from '../../src/gateway/bmc.ts'
import type { Image } from '../../src/images/image.ts'
import { ipv4 } from '../../src/kit/ip.ts'
import type { Mac } from '../../src/kit/mac.ts'
import type { Machine } from '../../src/machines/machine.ts'
import type { Lease } from '../../src/networks/lease.ts'
import type { ConfiguredDriver } from '../../src/power/configured.ts'
import { DriverSettings } from '../../src/power/settings.ts'
import type { Profile } from '../../src/profiles/profile.ts'
import type { Batch } from '../../src/rooms/batch.ts'
import type { Trace } from '../../src/traces/trace.ts'
import type { Attachment } from '../../src/volumes/attachment.ts'
import type { Maintenance, Rollout } from '../../src/volumes/maintenance.ts'
import type { Volume } from '../../src/volumes/volume.ts'

/** Domain values with every field set to something that a careless store would lose or bend. */

/** Quotes, control characters, characters of four bytes, what looks like SQL and like JSON. */
export const AWKWARD = `a'b"c\\d\n\t\u0000é漢𝄞 '); drop table machines; -- {"x":1}`

export const mac = (n: number) =>
  `52:54:00:${[n >> 16, n >> 8, n].map((b) => (b & 255).toString(16).padStart(2, '0')).join(':')}` as Mac

export const machine = (n: number, more: Partial<Machine> = {}): Machine => ({
  id: `m_${n}`,
  name: `node-${n}`,
  state: 'ready',
  macs: [mac(n), mac(n + 0x800000)],
  uuid: '4c4c4544-0044-4810-8031-c7c04f4d3032',
  serial: AWKWARD,
  manufacturer: 'QEMU',
  product: 'Standard PC',
  architecture: 'x86_64',
  firmware: 'uefi',
  bootLoader: 'grub',
  tags: ['rack:1', AWKWARD],
  notes: AWKWARD,
  ip: '10.0.0.7',
  hostname: 'seven',
  profile: 'debian',
  nextBoot: { id: 'n_1', profile: 'rescue', orderedAt: 1_800_000_000_001, orderedBy: AWKWARD },
  createdAt: 1_800_000_000_000 + n,
  updatedAt: 9_007_199_254_740_991,
  lastSeenAt: 1_800_000_000_002,
  lastAddress: '10.0.0.150',
  ...more,
})

export const bareMachine = (n: number): Machine =>
  machine(n, {
    macs: [],
    uuid: null,
    serial: null,
    manufacturer: null,
    product: null,
    architecture: null,
    firmware: null,
    bootLoader: 'auto',
    tags: [],
    notes: '',
    ip: null,
    hostname: null,
    profile: null,
    nextBoot: null,
    lastSeenAt: null,
    lastAddress: null,
  })

export const profiles: readonly Profile[] = [
  { kind: 'local', name: 'disk', description: AWKWARD, createdAt: 1, updatedAt: 2 },
  {
    kind: 'live',
    name: 'debian',
    description: '',
    image: 'debian@3',
    cmdline: 'console=ttyS0 url={{files}}/preseed.cfg',
    files: [{ name: 'preseed.cfg', content: AWKWARD }],
    config: null,
    disks: [],
    createdAt: 3,
    updatedAt: 4,
  },
  { kind: 'script', name: 'own', description: '', script: '#!ipxe\nshell\n', createdAt: 5, updatedAt: 6 },
  {
    kind: 'menu',
    name: 'choose',
    description: '',
    title: 'Choose',
    items: [{ profile: 'disk', label: '', password: null }],
    default: 'disk',
    timeoutSeconds: 0,
    createdAt: 7,
    updatedAt: 8,
  },
]

export const image = (more: Partial<Image> = {}): Image => ({
  name: 'debian',
  kind: 'bundle',
  description: AWKWARD,
  versions: [1, 2, 10].map((number) => ({
    number,
    files: [
      { role: 'kernel', name: 'vmlinuz', sha256: 'a'.repeat(64), bytes: 2 ** 40 },
      { role: 'initrd', name: 'b.gz', sha256: 'b'.repeat(64), bytes: 0 },
      { role: 'initrd', name: 'a.gz', sha256: 'c'.repeat(64), bytes: 1 },
    ],
    cmdline: `v${number}`,
    note: AWKWARD,
    createdAt: number,
    disk: null,
    pinned: true,
    source: 'upload',
    createdBy: 'admin',
  })),
  owner: 'ada',
  visibility: 'shared' as const,
  sharedWith: ['grace'],
  labels: { os: 'debian' },
  prune: { keep: 3 },
  lastNumber: 12,
  createdAt: 1,
  updatedAt: 2,
  ...more,
})

export const lease = (more: Partial<Lease> = {}): Lease => ({
  ip: ipv4(0xfffffffe),
  network: 'lan',
  client: 'id:0152540012ab',
  mac: mac(1),
  hostname: AWKWARD,
  state: 'bound',
  startedAt: 1_800_000_000_000,
  expiresAt: 1_800_003_600_000,
  ...more,
})

export const trace = (more: Partial<Trace> = {}): Trace => ({
  id: 't_1',
  mac: mac(1),
  startedAt: 1000,
  updatedAt: 2000,
  stage: 'fetch',
  state: 'running',
  headline: AWKWARD,
  deadlineAt: null,
  profile: null,
  bytesSent: 2 ** 41,
  events: [
    {
      at: 1000,
      stage: 'offer',
      kind: 'dhcp.discover',
      outcome: 'ok',
      summary: AWKWARD,
      reason: '',
      detail: { arch: 7, probe: true, x: AWKWARD },
    },
    {
      at: 2000,
      stage: 'fetch',
      kind: 'http.blob',
      outcome: 'ok',
      summary: 's',
      reason: 'r',
      bytes: 5,
      durationMs: 0.5,
      count: 2,
      lastAt: 2500,
    },
  ],
  dropped: 7,
  ...more,
})

export const user = (name: string, more: Partial<User> = {}): User => ({
  name,
  role: 'operator',
  passwordHash: '$argon2id$v=19$m=19456,t=2,p=1$abc',
  disabled: true,
  createdAt: 1,
  updatedAt: 2,
  ...more,
})

export const token = (id: string, owner: string, more: Partial<Token> = {}): Token => ({
  id,
  name: AWKWARD,
  user: owner,
  hash: `hash of ${id}`,
  hint: 'rv_ab',
  scopes: ['machines:read'],
  createdAt: 1,
  expiresAt: null,
  lastUsedAt: 3,
  ...more,
})

export const session = (hash: string, owner: string, more: Partial<Session> = {}): Session => ({
  hash,
  user: owner,
  createdAt: 1,
  expiresAt: 100,
  address: '10.0.0.9',
  ...more,
})

export const auditEntry = (at: number, more: Partial<AuditEntry> = {}): Omit<AuditEntry, 'id'> => ({
  at,
  who: 'admin',
  via: 'socket',
  address: '',
  action: 'machine.update',
  subject: 'node-1',
  outcome: 'ok',
  detail: AWKWARD,
  ...more,
})

/** Chunks are written in so many sizes; every chunk whose number it divides is deleted again. */
export const SIZES = 5

/** The content of a chunk by its number: some shrink and some do not. */
export function writtenChunk(n: number): Buffer {
  const bytes = Buffer.alloc([100, 4096, 70_000, 1_000_000, 30][n % SIZES]!, `chunk ${n} `)
  let state = n
  for (let at = 0; n % 2 === 1 && at < bytes.length; at++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    bytes[at] = state >>> 16
  }
  bytes.writeUInt32BE(n, 0)
  return bytes
}

export const deployment = (n: number, more: Partial<Deployment> = {}): Deployment => ({
  id: `d_${n}`,
  sequence: n,
  machine: 'm_1',
  action: { kind: 'install', profile: 'debian' },
  order: {
    targets: [
      {
        image: 'debian@1',
        kind: 'disk',
        chunks: 'a'.repeat(64),
        bytes: 2 ** 40,
        disk: { serial: AWKWARD },
        partition: null,
        writeBack: true,
      },
    ],
    holes: 'zero',
    verify: 'full',
    grow: false,
    identity: {
      hostname: AWKWARD,
      sshKeys: [AWKWARD],
      passwordHash: null,
      userData: AWKWARD,
      metaData: null,
      ignition: null,
    },
    finish: 'reboot',
  },
  armed: [{ disk: AWKWARD, bytes: 2 ** 40, fingerprint: null }],
  follows: null,
  state: 'writing',
  reason: AWKWARD,
  next: AWKWARD,
  deadlineAt: 5,
  tasks: [
    {
      id: `d_${n}.1`,
      work: { kind: 'boot-entry', on: { serial: AWKWARD, bytes: 1, fingerprint: null, partition: null } },
      state: 'done',
      summary: AWKWARD,
      result: { text: AWKWARD },
      startedAt: 1,
      endedAt: null,
    },
  ],
  progress: {
    phase: 'write',
    doneBytes: 1,
    totalBytes: 2 ** 40,
    fetchedBytes: 1,
    writtenBytes: 1,
    bytesPerSecond: 0.5,
    secondsLeft: null,
    at: 3,
  },
  attempts: 1,
  dirty: true,
  reservedUntil: 9,
  release: 'wipe',
  releasedAt: null,
  machineBefore: 'active',
  noticeDue: true,
  notify: { webhook: 'https://example.org/', email: null },
  orderedBy: 'ann',
  createdAt: 1_800_000_000_000,
  startedAt: 1,
  endedAt: null,
  updatedAt: 9_007_199_254_740_991,
  ...more,
})

export const agentBoot = (id: string, more: Partial<AgentBoot> = {}): AgentBoot => ({
  id,
  machine: 'm_1',
  deployment: 'd_1',
  createdAt: 1,
  expiresAt: 1_800_000_000_000,
  nonce: null,
  serverNonce: null,
  ...more,
})

export const diskRecord = (partition: number, more: Partial<DiskRecord> = {}): DiskRecord => ({
  machine: 'm_1',
  serial: AWKWARD,
  partition,
  chunks: 'c'.repeat(64),
  halfWrittenBy: null,
  writeBack: { image: 'debian', bytes: 2 ** 40, chunks: 'c'.repeat(64), deployment: 'd_1', by: AWKWARD },
  at: 1_800_000_000_000,
  ...more,
})

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

export const powerDriver = (n: number, more: Partial<ConfiguredDriver> = {}): ConfiguredDriver => ({
  machine: 'm_1',
  name: `bmc-${n}`,
  position: n,
  settings: DriverSettings.parse({ kind: 'ipmi', address: '10.0.0.9', user: AWKWARD.slice(0, 10) }),
  secretNames: ['kg', 'password'],
  sealed: '1.c2VhbGVk',
  updatedAt: 9_007_199_254_740_991,
  ...more,
})

export const bmc = (machine: string, more: Partial<Bmc> = {}): Bmc => ({
  machine,
  enabled: true,
  address: '10.0.0.9',
  port: 6230,
  guid: '00112233445566778899aabbccddeeff',
  users: [{ slot: 2, name: AWKWARD, privilege: 'operator', enabled: false, sealed: AWKWARD }],
  cipherSuites: [17, 3],
  clients: ['10.0.0.0/24'],
  routes: { 'power.soft': 'os', fru: 'none' },
  bootOrder: { device: 'http', persistent: true, efi: true },
  bootOrdered: { id: 'o_1', at: 1_800_000_000_001, by: AWKWARD, driver: 'bmc' },
  media: AWKWARD,
  restartCause: 4,
  rule: 'racks',
  createdAt: 1_800_000_000_002,
  updatedAt: 9_007_199_254_740_991,
  ...more,
})

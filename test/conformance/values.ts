import type { AuditEntry, Session, Token, User } from '../../src/access/user.ts'
import type { Bmc } from '../../src/gateway/bmc.ts'
import type { Image } from '../../src/images/image.ts'
import { ipv4 } from '../../src/kit/ip.ts'
import type { Mac } from '../../src/kit/mac.ts'
import type { Machine } from '../../src/machines/machine.ts'
import type { Lease } from '../../src/networks/lease.ts'
import type { ConfiguredDriver } from '../../src/power/configured.ts'
import { DriverSettings } from '../../src/power/settings.ts'
import type { Profile } from '../../src/profiles/profile.ts'
import type { Trace } from '../../src/traces/trace.ts'

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

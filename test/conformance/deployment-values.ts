import type { Deployment } from '../../src/deployments/deployment.ts'
import type { DiskRecord } from '../../src/deployments/disk-records.ts'
import type { AgentBoot } from '../../src/deployments/repository.ts'
import { AWKWARD } from './values.ts'

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

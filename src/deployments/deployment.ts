import type { MachineState } from '../machines/machine.ts'
import type { DiskHints } from './hints.ts'

/**
 * From order to end. At rest: `succeeded`, `failed`, `cancelled`. All others have a reason, and all but `queued` a deadline.
 * - `queued` waits for those before it; `armed` is next, its disks named; `powering` waits for the machine to be switched;
 * - `booting` saw it ask for a boot; `running` talks to the management OS; `writing`, `verifying` its disks;
 * - `rebooting` has written everything and waits to see the machine boot its own disk.
 */
export const DEPLOYMENT_STATES = [
  'queued',
  'armed',
  'powering',
  'booting',
  'running',
  'writing',
  'verifying',
  'rebooting',
  'succeeded',
  'failed',
  'cancelled',
] as const
export type DeploymentState = (typeof DEPLOYMENT_STATES)[number]

export const WIPE_METHODS = ['auto', 'discard', 'secure-erase', 'overwrite'] as const
export type WipeMethod = (typeof WIPE_METHODS)[number]

/** What is ordered. `install` is a profile of that kind; the others are what the management OS can do besides. */
export type DeploymentAction =
  | Readonly<{ kind: 'install'; profile: string }>
  | Readonly<{ kind: 'capture'; disk: DiskHints; partition: number | null; image: string; note: string }>
  | Readonly<{ kind: 'wipe'; method: WipeMethod }>
  | Readonly<{ kind: 'inventory' }>
  | Readonly<{ kind: 'script'; script: string; timeoutSeconds: number }>

/** A disk that may be overwritten: only a disk with just this serial, size and content (when given) is touched. */
export type ArmedDisk = Readonly<{ disk: string; bytes: number | null; fingerprint: string | null }>

/** What becomes of the machine when its reserved time ends: left as it is, its write-back images saved, or its armed disks wiped. */
export const RELEASES = ['leave', 'save', 'wipe'] as const
export type Release = (typeof RELEASES)[number]

export const TASK_STATES = ['waiting', 'running', 'done', 'failed', 'skipped'] as const
export type TaskState = (typeof TASK_STATES)[number]

/** Which disk, exactly: the agent compares serial and size again before it writes. */
export type TaskDisk = Readonly<{ serial: string; bytes: number; fingerprint: string | null; partition: number | null }>

/** What the installed system is given of its own once the disk holds the image. */
export type Identity = Readonly<{
  hostname: string | null
  sshKeys: readonly string[]
  /** A crypt(3) hash for the root account. Never shown. */
  passwordHash: string | null
  /** cloud-init NoCloud seed. */
  userData: string | null
  metaData: string | null
  /** Of the same seed, where it has them. */
  networkConfig?: string | null | undefined
  vendorData?: string | null | undefined
  /** An Ignition configuration, for the partition labelled `OEM`, `ignition` or `boot`. */
  ignition: string | null
}>

/** One thing for the agent to do, whole in itself: doing it again after a power cut leads to the same end. */
export type TaskWork =
  | Readonly<{ kind: 'inventory' }>
  | Readonly<{ kind: 'capture'; from: TaskDisk; image: string; onlyIfChangedFrom: string | null }>
  | Readonly<{
      kind: 'flash'
      image: string
      /** SHA-256 of the chunk list. */
      chunks: string
      to: TaskDisk
      holes: 'zero' | 'discard'
      verify: 'sampled' | 'full'
      grow: boolean
    }>
  /** `config`: the version (`NAME@3`) that is rendered into the identity when the agent is given the task, and never kept. */
  | Readonly<{ kind: 'identity'; on: TaskDisk; identity: Identity; config?: string | null | undefined }>
  | Readonly<{ kind: 'boot-entry'; on: TaskDisk }>
  | Readonly<{ kind: 'wipe'; disk: TaskDisk; method: WipeMethod }>
  | Readonly<{ kind: 'script'; script: string; timeoutSeconds: number }>
  | Readonly<{ kind: 'finish'; how: 'reboot' | 'power-off' | 'kexec' }>

export type Task = Readonly<{
  id: string
  work: TaskWork
  state: TaskState
  /** What came of it, in one sentence; the figures of a flash, the certificate of a wipe. */
  summary: string
  result: Readonly<Record<string, unknown>> | null
  startedAt: number | null
  endedAt: number | null
}>

/** An image version for one disk or partition, as it was when the deployment was ordered. */
export type PinnedTarget = Readonly<{
  /** `NAME@N`. */
  image: string
  kind: 'disk' | 'partition'
  /** SHA-256 of the chunk list. */
  chunks: string
  /** Size of the image. */
  bytes: number
  disk: DiskHints
  partition: number | null
  writeBack: boolean
}>

/** What an `install` writes: profile and images as they were when it was ordered; later changes of theirs do not reach it. */
export type InstallOrder = Readonly<{
  targets: readonly PinnedTarget[]
  holes: 'zero' | 'discard'
  verify: 'sampled' | 'full'
  grow: boolean
  /** Never shown. */
  identity: Identity | null
  /** `NAME@3`: what is written into the installed system besides. */
  config?: string | null | undefined
  /** Whether the installed system is told to phone home, so that it is waited for. */
  phonesHome?: boolean | undefined
  finish: 'reboot' | 'power-off' | 'kexec'
}>

/** What the agent last said of its running task. Rates in bytes a second. */
export type TaskProgress = Readonly<{
  phase: string
  doneBytes: number
  totalBytes: number
  fetchedBytes: number
  writtenBytes: number
  bytesPerSecond: number
  secondsLeft: number | null
  at: number
}>

/** An order that one machine become one profile, or that the management OS do something on it. Times: milliseconds since 1970. */
export type Deployment = Readonly<{
  id: string
  /** Order among all: first in, first out on each machine. */
  sequence: number
  machine: string
  action: DeploymentAction
  /** Of an `install`. */
  order: InstallOrder | null
  armed: readonly ArmedDisk[]
  /** The deployment whose release this one carries out; such a one goes before all others that wait. */
  follows: string | null
  state: DeploymentState
  /** Why it is in this state, and what would help. */
  reason: string
  next: string
  deadlineAt: number | null
  /** Made when the machine's inventory is known. Empty before. */
  tasks: readonly Task[]
  progress: TaskProgress | null
  /** Since when the system that was written is waited for to phone home. */
  homeAwaitedAt?: number | null | undefined
  /** How often it was begun anew after silence. */
  attempts: number
  /** Whether a byte of a disk was written: a machine with a half-written disk is never booted from it. */
  dirty: boolean
  reservedUntil: number | null
  release: Release
  /** When the reserved time was over and what was to be done then was ordered. `null` before, and without reserved time. */
  releasedAt: number | null
  /** The machine's state before, to which a cancelled deployment leads back. */
  machineBefore: MachineState | null
  /** Whether somebody is still to be told how it ended. */
  noticeDue: boolean
  notify: Readonly<{ webhook: string | null; email: string | null }>
  orderedBy: string
  createdAt: number
  startedAt: number | null
  endedAt: number | null
  updatedAt: number
}>

export type LogLine = Readonly<{ at: number; level: 'debug' | 'info' | 'warn' | 'error'; text: string }>

export function isAtRest({ state }: Pick<Deployment, 'state'>): boolean {
  return state === 'succeeded' || state === 'failed' || state === 'cancelled'
}

/** Whether it holds its machine after its end, until its reserved time is over. */
export function isReserving({ state, reservedUntil, releasedAt }: Deployment): boolean {
  return state === 'succeeded' && reservedUntil !== null && releasedAt === null
}

/** Whether nothing will ever happen with it again. */
export function isSettled(deployment: Deployment): boolean {
  return isAtRest(deployment) && !isReserving(deployment) && !deployment.noticeDue
}

/** The disk that a task changes, if any: it must be armed. */
export function changedDisk(work: TaskWork): TaskDisk | undefined {
  switch (work.kind) {
    case 'flash':
      return work.to
    case 'wipe':
      return work.disk
    case 'identity':
    case 'boot-entry':
      return work.on
    default:
      return undefined
  }
}

import { type ErrorCode, Refusal } from '../../../kit/errors.ts'
import type { LogFields } from '../../../kit/log.ts'
import type { LoginReport, Session, Target } from '../../engine.ts'
import type { PublishedChunk } from '../../pool.ts'
import type { VolumeFacts } from '../../volume.ts'

/** What a worker is told first. */
export type WorkerSettings = Readonly<{
  /** Number of the worker, from 0; ids of its sessions begin with it. */
  index: number
  /** Directory of the file pool. */
  directory: string
  /** The chunk store and the blobs of the server. */
  chunks: string
  blobs: string
  cacheBytes: number
  /** Most bytes of answers and written data under way; the default of the target if absent. */
  memoryBytes?: number | undefined
  /** How long a disk without a session stays open; the default of the target if absent. */
  idleMs?: number | undefined
}>

/** What the main process asks of a worker: of its targets, and of volumes that it has open for writing. */
export type WorkerCalls = {
  apply(target: Target): void
  withdraw(iqn: string): void
  sessions(): readonly Session[]
  kick(session: string): void
  facts(id: string): VolumeFacts
  snapshot(id: string, snapshot: string): void
  limit(id: string, limitBytes: number | null): void
  clone(id: string, from: Readonly<{ id: string; snapshot: string | null }>): void
  publish(id: string, snapshot: string | null): readonly PublishedChunk[]
}
export type WorkerMethod = keyof WorkerCalls

/** Main to worker, over the channel that Node makes with the process. `serve` brings the socket. */
export type ToWorker =
  | Readonly<{ kind: 'start'; settings: WorkerSettings }>
  | Readonly<{ kind: 'call'; id: number; method: WorkerMethod; args: readonly unknown[] }>
  | Readonly<{ kind: 'serve'; iqn: string; address: string; received: Uint8Array }>
  | Readonly<{ kind: 'stop' }>

export type FromWorker =
  | Readonly<{ kind: 'ready' }>
  | Readonly<{ kind: 'failed'; failure: Failure }>
  | Readonly<{ kind: 'answer'; id: number; value?: unknown; failure?: Failure | undefined }>
  | Readonly<{ kind: 'progress'; id: number; doneBytes: number }>
  | Readonly<{ kind: 'written'; volume: string; open: boolean }>
  | Readonly<{ kind: 'report'; report: LoginReport }>
  | Readonly<{ kind: 'log'; level: 'debug' | 'info' | 'warn' | 'error'; fields: LogFields; message: string }>

/** An error as it travels; `code` of a `Refusal`. */
export type Failure = Readonly<{ message: string; code?: ErrorCode | undefined; next?: string | undefined }>

export function failureOf(error: unknown): Failure {
  if (error instanceof Refusal) return { message: error.message, code: error.code, next: error.next }
  return { message: error instanceof Error ? error.message : String(error) }
}

export function errorOf({ message, code, next }: Failure): Error {
  if (code === undefined) return new Error(message)
  return new Refusal(code, message, next === undefined ? {} : { next })
}

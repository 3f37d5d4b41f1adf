import type { Mac } from '../kit/mac.ts'

/**
 * The stages of a boot, in order, as in the folders below `boot/`; `install` is the conversation of the management OS, `system` what
 * any other booted system asks for.
 */
export const STAGES = ['offer', 'loader', 'script', 'fetch', 'launch', 'install', 'system'] as const
export type Stage = (typeof STAGES)[number]

export const OUTCOMES = ['ok', 'ignored', 'refused', 'failed'] as const
export type Outcome = (typeof OUTCOMES)[number]

/**
 * One packet or request with what was decided and why. `kind` is a stable word for programs (`dhcp.discover`, `tftp.read`,
 * `http.script`, ...); `summary` says what happened and `reason` why, each one sentence for people, without a secret.
 * Equal events in a row are kept once: `count` and `lastAt` tell of the others.
 */
export type TraceEvent = Readonly<{
  at: number
  stage: Stage
  kind: string
  outcome: Outcome
  summary: string
  reason: string
  detail?: Readonly<Record<string, string | number | boolean>> | undefined
  bytes?: number | undefined
  durationMs?: number | undefined
  count?: number | undefined
  lastAt?: number | undefined
}>

export const TRACE_STATES = ['running', 'stalled', 'launched', 'parked', 'failed', 'superseded'] as const
export type TraceState = (typeof TRACE_STATES)[number]

/** Everything seen of one power-on of one machine. */
export type Trace = Readonly<{
  id: string
  mac: Mac
  startedAt: number
  updatedAt: number
  /** The furthest stage reached. */
  stage: Stage
  state: TraceState
  /** One sentence: what it is doing, or why it does not go on. */
  headline: string
  /** When `stalled` is declared unless something new is seen; `null` when nothing is awaited. */
  deadlineAt: number | null
  profile: string | null
  bytesSent: number
  events: readonly TraceEvent[]
  /** Events left out because the trace reached its limit. */
  dropped: number
}>

/** How an event is matched to a machine: by MAC where the packet has one, else by the address it came from. */
export type Subject = Readonly<{ mac?: Mac | undefined; address?: string | undefined }>

/** What a stage calls to leave its mark. Never throws and never waits: tracing must not slow or stop a boot. */
export interface TraceRecorder {
  record(subject: Subject, event: Omit<TraceEvent, 'at' | 'count' | 'lastAt'>): void
  /** Remembers that a MAC uses an address, so that TFTP and HTTP requests find their machine. */
  learn(mac: Mac, address: string): void
  /** The MAC that last used an address. */
  macAt(address: string): Mac | undefined
  /** Names the profile that the running trace of a machine is booting. */
  decided(mac: Mac, profile: string | null): void
}

export interface TraceRepository {
  /**
   * The newest trace of every MAC that has one: what a restarted server goes on with. Those without a deadline that were not
   * updated since `eventsSince` come without their events, so that many old ones cost little memory.
   */
  newest(query: { eventsSince: number }): Promise<Trace[]>
  /** Inserts or replaces by id, all in one commit. Survives `kill -9`; the last moments may be lost in a power cut. */
  saveAll(traces: readonly Trace[]): Promise<void>
  get(id: string): Promise<Trace | undefined>
  /** Newest first. `before` is a trace id to continue behind. */
  list(query: { mac?: readonly Mac[] | undefined; limit: number; before?: string | undefined }): Promise<Trace[]>
  /** Deletes traces begun before a time, all but the newest `keep` of each MAC and all but the newest `most`; returns how many. */
  prune(limits: { olderThan: number; keep: number; most: number }): Promise<number>
}

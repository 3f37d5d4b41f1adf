import type { AgentProgress, AgentTask } from '../api/contract/agent.ts'
import type { ChunkList } from '../protocols/chunks/list.ts'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** Where the chunks of this deployment's images come from. Both retry for as long as the server is away. */
export interface ChunkSource {
  /** The decoded list with this SHA-256, checked against it. */
  list(sha256: string): Promise<ChunkList>
  /**
   * The raw bytes of a chunk, checked against this SHA-256. Ask for several at once: requests share a few connections and what is
   * over waits in line. Rejects with a `TaskFailure` that names the chunk when the server has it no more, or only damaged; with
   * the signal's reason when the task is stopped.
   */
  chunk(sha256: string): Promise<Uint8Array>
  /** Takes a chunk back that nobody will look at again; its memory is free at once then. */
  free?(chunk: Uint8Array): void
}

/** Where a capture puts what it reads. All retry for as long as the server is away, and may be repeated. */
export interface ChunkSink {
  /** Which of these the server lacks; any number, asked in portions. */
  missing(hashes: readonly string[]): Promise<Set<string>>
  /** Sends the raw bytes of one chunk (compressed on the way) whose SHA-256 the caller has computed. */
  put(sha256: string, raw: Uint8Array): Promise<void>
  /** Sends the list, all of whose chunks must be there; returns its SHA-256. */
  putList(list: ChunkList): Promise<string>
}

/** What a task works with. */
export type Around = Readonly<{
  chunks: ChunkSource
  uploads: ChunkSink
  /**
   * Remembers how far it is; costs nothing, call it as often as you like: the newest values go to the server once a second. Bytes
   * over the wire are counted by `chunks` and `uploads` themselves.
   */
  progress(now: Partial<Pick<AgentProgress, 'phase' | 'doneBytes' | 'totalBytes' | 'writtenBytes'>>): void
  /** One line, on the screen and in the deployment's log. No secrets. */
  log(level: LogLevel, text: string): void
  /** Aborted when the operator cancels: leave at the next safe point with `stopped.throwIfAborted()`. */
  stopped: AbortSignal
  /** Resolves when the server has recorded that a disk is no longer whole. Await it before the first byte is written. */
  markDirty(): Promise<void>
}>

/**
 * How a task ended well. `clean`: no byte of a disk was changed, or all of it was written and verified. `detail` goes to the server
 * with it: JSON, small, no secrets. `afterwards` runs once the server has acknowledged the result: rebooting belongs there.
 */
export type Outcome = Readonly<{
  summary: string
  clean: boolean
  detail: Readonly<Record<string, unknown>>
  afterwards?: (() => Promise<void>) | undefined
}>

/**
 * Does one task. It must be safe to do again from the start at any time: a power cut repeats it. Throw a `TaskFailure` for what can
 * be told to a person; anything else that is thrown is reported as a fault of the agent, and as not clean once `markDirty` was called.
 */
export type TaskRunner<T extends AgentTask = AgentTask> = (task: T, around: Around) => Promise<Outcome>

export type TaskOf<K extends AgentTask['kind']> = Extract<AgentTask, { kind: K }>

/** One runner for each kind of task. */
export type TaskRunners = Readonly<{ [K in AgentTask['kind']]: TaskRunner<TaskOf<K>> }>

/** A task cannot be done. The message is one sentence for people: what is wrong, with which disk or chunk, what would help. */
export class TaskFailure extends Error {
  override name = 'TaskFailure'
  /** `undefined`: clean unless `markDirty` was called. */
  readonly clean: boolean | undefined
  readonly detail: Readonly<Record<string, unknown>>

  constructor(message: string, more: { clean?: boolean; detail?: Readonly<Record<string, unknown>> } = {}) {
    super(message)
    this.clean = more.clean
    this.detail = more.detail ?? {}
  }
}

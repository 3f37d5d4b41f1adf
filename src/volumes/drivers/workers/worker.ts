import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { stopReading } from '../../../boot/disk/hand-over.ts'
import { Refusal } from '../../../kit/errors.ts'
import type { Log } from '../../../kit/log.ts'
import type { LoginReport } from '../../engine.ts'
import {
  errorOf,
  type FromWorker,
  type ToWorker,
  type WorkerCalls,
  type WorkerMethod,
  type WorkerSettings,
} from './messages.ts'

type Waiting = Readonly<{
  resolve: (value: unknown) => void
  reject: (error: unknown) => void
  progress: ((doneBytes: number) => void) | undefined
}>

export type WorkerDependencies = Readonly<{
  /** The program that is run: `disk-worker.ts`, or what it was compiled to. */
  entry: URL
  settings: WorkerSettings
  log: Log
  report: (report: LoginReport) => void
  /** A new process took the place of one that died; it knows nothing yet. It counts as ready when this is done. */
  restarted: () => Promise<void>
}>

/** What a slow disk may take to keep everything at the end. */
const STOP_MS = 30_000
/** How long an initiator may wait for a process that is started again. */
const SERVE_MS = 10_000
const FIRST_DELAY_MS = 100
const MOST_DELAY_MS = 5000
/** Threads for reads that wait for the disk. */
const THREADS = '16'
/**
 * Serving leaves small objects that die at once: a small young generation for them stays in the processor's cache. What arrives is received into
 * memory that is used again, and is none of the collector's business. Collecting with several threads waits for the last of them, on a busy
 * machine for tens of milliseconds; and marking a heap of some MiB bit by bit costs more than doing it at once.
 */
export const WORKER_FLAGS = ['--single-threaded-gc', '--max-semi-space-size=1', '--no-incremental-marking'] as const

/** One process that serves disks. When it dies, another one takes its place. */
export class DiskWorker {
  readonly index: number
  /** Volumes that it has open for writing. */
  readonly written = new Set<string>()
  readonly #with: WorkerDependencies
  readonly #waiting = new Map<number, Waiting>()
  /** Closes connections that were sent to the process not long ago: should it die before it takes them, nobody else would. */
  readonly #handed = new Map<() => void, NodeJS.Timeout>()
  #child: ChildProcess
  #next = 0
  #delayMs = FIRST_DELAY_MS
  #stopping = false
  #restart: NodeJS.Timeout | undefined
  #ready = deferred()
  /** Whether the process that runs now is ready; whether one ever was. */
  #isReady = false
  #wasReady = false

  constructor(dependencies: WorkerDependencies) {
    this.#with = dependencies
    this.index = dependencies.settings.index
    this.#child = this.#start()
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** Done when it can serve, after a restart again; refused when it never could. */
  get ready(): Promise<void> {
    return this.#ready.promise
  }

  async call<M extends WorkerMethod>(
    method: M,
    args: Parameters<WorkerCalls[M]>,
    progress?: (doneBytes: number) => void,
  ): Promise<ReturnType<WorkerCalls[M]>> {
    if (this.#stopping || !this.#child.connected) throw this.#away()
    const id = this.#next++
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject, progress })
      this.#send({ kind: 'call', id, method, args })
    })
  }

  /** Hands over a connection when the process is ready; it is closed here in any case. */
  async serve(
    socket: Socket,
    received: Uint8Array,
    admission: Readonly<{ iqn: string; address: string }>,
  ): Promise<void> {
    const patience = setTimeout(() => socket.destroy(), SERVE_MS)
    await this.#ready.promise.catch(() => undefined)
    clearTimeout(patience)
    if (socket.destroyed || this.#stopping || !this.#child.connected) return void socket.destroy()
    const { more, close } = stopReading(socket)
    const forget = setTimeout(() => this.#handed.delete(close), SERVE_MS)
    forget.unref()
    this.#handed.set(close, forget)
    const all = more ? Buffer.concat([received, more]) : received
    this.#child.send({ kind: 'serve', received: all, ...admission } satisfies ToWorker, socket, (error) => {
      if (error) socket.destroy()
    })
  }

  /** Sessions end, everything written is made durable, the process ends. */
  async stop(): Promise<void> {
    this.#stopping = true
    clearTimeout(this.#restart)
    const child = this.#child
    this.#ready.reject(this.#away())
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    this.#send({ kind: 'stop' })
    const patience = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
    await ended
    clearTimeout(patience)
  }

  #start(): ChildProcess {
    const child = fork(this.#with.entry, [], {
      execArgv: [...WORKER_FLAGS],
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      env: { ...process.env, UV_THREADPOOL_SIZE: THREADS },
    })
    child.on('message', (message: FromWorker) => {
      if (message.kind === 'ready') void this.#began(child)
      else if (message.kind === 'failed') this.#with.log.error({ ...message.failure }, 'a disk worker cannot start')
      else this.#heard(message)
      if (message.kind === 'failed' && !this.#wasReady) this.#ready.reject(errorOf(message.failure))
    })
    child.on('error', (error) => this.#with.log.error({ error: error.message }, 'a disk worker cannot be reached'))
    child.once('exit', (code, signal) => this.#died(code, signal))
    this.#child = child
    this.#send({ kind: 'start', settings: this.#with.settings })
    return child
  }

  async #began(child: ChildProcess): Promise<void> {
    if (this.#wasReady) await this.#with.restarted()
    if (this.#child !== child || !child.connected) return
    this.#isReady = true
    this.#wasReady = true
    this.#delayMs = FIRST_DELAY_MS
    this.#ready.resolve()
  }

  #heard(message: Exclude<FromWorker, { kind: 'ready' | 'failed' }>): void {
    if (message.kind === 'report') this.#with.report(message.report)
    else if (message.kind === 'log') this.#with.log[message.level](message.fields, message.message)
    else if (message.kind === 'progress') this.#waiting.get(message.id)?.progress?.(message.doneBytes)
    else if (message.kind === 'written') {
      if (message.open) this.written.add(message.volume)
      else this.written.delete(message.volume)
    } else {
      const waiting = this.#waiting.get(message.id)
      this.#waiting.delete(message.id)
      if (message.failure) waiting?.reject(errorOf(message.failure))
      else waiting?.resolve(message.value)
    }
  }

  #died(code: number | null, signal: string | null): void {
    this.written.clear()
    for (const [close, forget] of this.#handed) {
      clearTimeout(forget)
      close()
    }
    this.#handed.clear()
    for (const { reject } of this.#waiting.values()) reject(this.#away())
    this.#waiting.clear()
    if (this.#stopping) return
    if (!this.#wasReady) {
      this.#stopping = true
      this.#ready.reject(this.#away())
      return
    }
    if (this.#isReady) this.#ready = deferred()
    this.#isReady = false
    const { log } = this.#with
    log.error({ worker: this.index, code, signal }, 'a process that serves disks ended; it is started again')
    this.#restart = setTimeout(() => this.#start(), this.#delayMs)
    this.#delayMs = Math.min(this.#delayMs * 2, MOST_DELAY_MS)
  }

  #send(message: ToWorker): void {
    // One that is just dying is dealt with when it is dead.
    if (this.#child.connected) this.#child.send(message, () => undefined)
  }

  #away(): Refusal {
    return new Refusal('not-available', `the process ${this.index} that serves disks is not there`, {
      next: 'nothing: it is started again, and initiators come back by themselves',
    })
  }
}

type Deferred = Readonly<{ promise: Promise<void>; resolve: () => void; reject: (error: unknown) => void }>

function deferred(): Deferred {
  let resolve = () => {}
  let reject: (error: unknown) => void = () => {}
  const promise = new Promise<void>((yes, no) => {
    resolve = yes
    reject = no
  })
  promise.catch(() => undefined)
  return { promise, resolve, reject }
}

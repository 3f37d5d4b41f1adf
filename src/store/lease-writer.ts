import { Worker } from 'node:worker_threads'
import { Refusal } from '../kit/errors.ts'
import type { LeaseValues } from './lease-file.ts'
import type { LeaseOrder, LeaseReport } from './lease-thread.ts'

/** The thread needs little: its messages are its memory. A commit of 10,000 leases takes a quarter of this. */
const LIMITS = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 4, stackSizeMb: 1 }

type Waiting = Readonly<{ resolve: () => void; reject: (error: unknown) => void }>

/**
 * The thread that writes leases, seen from outside. It starts with the first order, so a server that gives no addresses has none,
 * and a thread that died is replaced by a new one with the next order.
 */
export class LeaseWriter {
  readonly #path: string
  readonly #waiting = new Map<number, Waiting>()
  #worker: Worker | undefined
  #ended: Promise<void> = Promise.resolve()
  #nextId = 0
  #open = true

  constructor(path: string) {
    this.#path = path
  }

  /** Rows, all in one commit. Resolves when they are on the disk; a rejection means that nothing was changed, unless the thread died. */
  save(values: LeaseValues): Promise<void> {
    return this.#tell((id) => ({ kind: 'save', id, values }))
  }

  remove(ips: readonly number[]): Promise<void> {
    return this.#tell((id) => ({ kind: 'remove', id, ips }))
  }

  /** Ends the thread after everything it was told to do. */
  async close(): Promise<void> {
    // Otherwise the process could end while the file is being closed.
    this.#worker?.ref()
    if (this.#open) this.#worker?.postMessage({ kind: 'stop' } satisfies LeaseOrder)
    this.#open = false
    await this.#ended
  }

  #tell(orderOf: (id: number) => LeaseOrder): Promise<void> {
    if (!this.#open)
      return Promise.reject(new Refusal('not-available', 'the leases are closed: the server is stopping'))
    const id = this.#nextId++
    this.#worker ??= this.#start()
    const worker = this.#worker
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      worker.ref()
      worker.postMessage(orderOf(id))
    })
  }

  #start(): Worker {
    // Sources run as they are; a package holds compiled files beside each other.
    const entry = new URL(import.meta.url.endsWith('.ts') ? './lease-thread.ts' : './lease-thread.js', import.meta.url)
    const worker = new Worker(entry, { workerData: { path: this.#path }, resourceLimits: LIMITS })
    let cause: Error | undefined
    worker.on('message', (report: LeaseReport) => this.#heard(worker, report))
    worker.on('error', (error: Error) => {
      cause = error
    })
    this.#ended = new Promise((resolve) => worker.once('exit', resolve)).then(() => this.#died(worker, cause))
    return worker
  }

  #heard(worker: Worker, { id, failure }: LeaseReport): void {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    // What nobody waits for must not keep the process alive.
    if (this.#waiting.size === 0) worker.unref()
    if (!failure) waiting?.resolve()
    else if (failure.code === undefined) waiting?.reject(new Error(failure.message))
    else
      waiting?.reject(
        new Refusal(failure.code, failure.message, failure.next === undefined ? {} : { next: failure.next }),
      )
  }

  #died(worker: Worker, cause: Error | undefined): void {
    if (this.#worker === worker) this.#worker = undefined
    const lost = [...this.#waiting.values()]
    this.#waiting.clear()
    const why = cause ? `: ${cause.message}` : ''
    for (const { reject } of lost)
      reject(
        new Refusal('not-available', `the thread that writes ${this.#path} ended${why}`, {
          next: 'nothing: the next lease starts it again; report it if it happens again',
        }),
      )
  }
}

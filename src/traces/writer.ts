import type { Log } from '../kit/log.ts'
import type { Mac } from '../kit/mac.ts'
import type { Trace, TraceRepository } from './trace.ts'

/** Whom to tell that a trace has changed; `Events` is one. */
export type TraceListeners = Readonly<{ publish(event: { topic: 'trace'; id: string; change: 'saved' }): void }>

/** How long changes are gathered before they are written; a new stage or state is written at the next turn. */
const GATHER_MS = 50
/** Traces of one commit. Others wait for the next, so that no commit holds up a boot for long. */
const MOST_AT_ONCE = 50
/** Pause after a write, as a multiple of the time it took: tracing may use a tenth of the processor at most. */
const PAUSE_FACTOR = 9
const RETRY_MS = 1000
/** Least time between two events published for one trace. */
const PUBLISH_EVERY_MS = 300
/** Traces that wait to be written. If the repository fails for long, the oldest are given up. */
const MOST_WAITING = 20_000

/** Writes changed traces behind the stages' backs: grouped, in one commit at a time, and tells listeners of them. */
export class TraceWriter {
  readonly #repository: TraceRepository
  readonly #events: TraceListeners
  readonly #log: Log
  readonly #dirty = new Map<string, Trace>()
  readonly #unpublished = new Map<string, number>()
  readonly #publishedAt = new Map<string, number>()
  #saving = new Map<string, Trace>()
  #turns: Promise<unknown> = Promise.resolve()
  #timer: ReturnType<typeof setTimeout> | undefined
  #dueAt = Number.POSITIVE_INFINITY
  #notBefore = 0
  #closed = false

  constructor(deps: { repository: TraceRepository; events: TraceListeners; log: Log }) {
    this.#repository = deps.repository
    this.#events = deps.events
    this.#log = deps.log
  }

  write(trace: Trace, soon = true): void {
    this.#dirty.set(trace.id, trace)
    if (this.#dirty.size > MOST_WAITING) this.#dirty.delete(this.#dirty.keys().next().value!)
    this.#unpublished.set(trace.id, soon ? 0 : PUBLISH_EVERY_MS)
    this.#schedule(soon ? 0 : GATHER_MS)
  }

  /** A trace that the repository does not have yet in its newest form. */
  pending(id: string): Trace | undefined {
    return this.#dirty.get(id) ?? this.#saving.get(id)
  }

  /** All such traces of some MACs. */
  pendingOf(macs: readonly Mac[]): Trace[] {
    const all = new Map([...this.#saving, ...this.#dirty])
    return [...all.values()].filter((trace) => macs.includes(trace.mac))
  }

  #schedule(delayMs: number): void {
    if (this.#closed) return
    const dueAt = Math.max(performance.now() + delayMs, this.#notBefore)
    if (dueAt >= this.#dueAt) return
    clearTimeout(this.#timer)
    this.#dueAt = dueAt
    this.#timer = setTimeout(() => void this.#turn(), Math.max(0, dueAt - performance.now()))
  }

  async #turn(): Promise<void> {
    this.#dueAt = Number.POSITIVE_INFINITY
    const startedAt = performance.now()
    const saved = await this.#save()
    const now = performance.now()
    this.#notBefore = now + (saved ? (now - startedAt) * PAUSE_FACTOR : RETRY_MS)
    this.#publish(now)
    if (this.#dirty.size > 0 || this.#unpublished.size > 0) this.#schedule(GATHER_MS)
  }

  /** One commit at a time; false when the repository failed. */
  #save(): Promise<boolean> {
    const turn = this.#turns.then(() => this.#saveBatch())
    this.#turns = turn
    return turn
  }

  /** The traces of a failed commit stay for the next. */
  async #saveBatch(): Promise<boolean> {
    const batch = [...this.#dirty.values()].slice(0, MOST_AT_ONCE)
    if (batch.length === 0) return true
    for (const trace of batch) this.#dirty.delete(trace.id)
    this.#saving = new Map(batch.map((trace) => [trace.id, trace]))
    try {
      await this.#repository.saveAll(batch)
      return true
    } catch (error) {
      this.#log.error({ error, traces: batch.length }, 'boot traces could not be written')
      for (const trace of batch) if (!this.#dirty.has(trace.id)) this.#dirty.set(trace.id, trace)
      return false
    } finally {
      this.#saving = new Map()
    }
  }

  #publish(now: number): void {
    for (const [id, wait] of this.#unpublished) {
      if (now - (this.#publishedAt.get(id) ?? Number.NEGATIVE_INFINITY) < wait) continue
      this.#unpublished.delete(id)
      this.#publishedAt.set(id, now)
      this.#events.publish({ topic: 'trace', id, change: 'saved' })
    }
    for (const [id, at] of this.#publishedAt) if (now - at >= PUBLISH_EVERY_MS) this.#publishedAt.delete(id)
  }

  /** Writes what waits now; returns when it is written or has failed once. */
  async flush(): Promise<void> {
    do if (!(await this.#save())) return
    while (this.#dirty.size > 0)
  }

  async close(): Promise<void> {
    await this.flush()
    this.#closed = true
    clearTimeout(this.#timer)
    this.#publish(Number.POSITIVE_INFINITY)
  }
}

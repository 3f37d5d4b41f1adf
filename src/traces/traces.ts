import { hex } from '../kit/bytes.ts'
import type { Clock } from '../kit/clock.ts'
import type { Log } from '../kit/log.ts'
import type { Mac } from '../kit/mac.ts'
import { Addresses } from './addresses.ts'
import { correlate } from './correlate.ts'
import { advance, stall, supersede } from './progress.ts'
import type { Subject, Trace, TraceEvent, TraceRecorder, TraceRepository } from './trace.ts'
import { type Explanation, explain } from './why.ts'
import { type TraceListeners, TraceWriter } from './writer.ts'

export type TracesDeps = Readonly<{
  repository: TraceRepository
  events: TraceListeners
  clock: Clock
  log: Log
  keep: Readonly<{ days: number; perMachine: number }>
  /** The host's neighbour table, asked when no stage has learnt an address. Must be fast and must not throw. */
  neighbour?: ((address: string) => Mac | undefined) | undefined
}>

export type Why = Explanation & Readonly<{ trace: string | null; state: Trace['state'] | null }>

/** Traces quiet for longer are kept in memory without their events. */
const EVENTS_IN_MEMORY_MS = 30 * 60_000
/** Most traces in memory with their events, and most MACs remembered at all. */
const MOST_WITH_EVENTS = 10_000
const MOST_MACS = 50_000
/** Most traces in the store, whatever the settings say: somebody may make MACs up. */
const MOST_STORED = 200_000
/** MACs never seen before: so many at once and so many each second get a trace. */
const STRANGERS_AT_ONCE = 2000
const STRANGERS_PER_SECOND = 100
/** After a restart a boot gets at least this long to go on. */
const GRACE_MS = 20_000
const TIDY_EVERY_MS = 60_000
const PRUNE_EVERY_MS = 3_600_000

/**
 * The boot traces of all machines: what stages record, what faces read. The newest trace of each MAC is in memory, so that a
 * restarted server goes on with it; everything is in the repository a moment later.
 */
export class Traces implements TraceRecorder {
  readonly #deps: TracesDeps
  readonly #newest = new Map<Mac, Trace>()
  /** MACs whose trace in memory is without events: they are in the repository. */
  readonly #bare = new Set<Mac>()
  readonly #awaited = new Set<Mac>()
  readonly #addresses: Addresses
  readonly #writer: TraceWriter
  #strangers = STRANGERS_AT_ONCE
  #strangersAt: number
  #tidiedAt: number
  #prunedAt = 0
  #turnedAway = 0

  private constructor(deps: TracesDeps) {
    this.#deps = deps
    this.#addresses = new Addresses(deps.neighbour ?? (() => undefined))
    this.#writer = new TraceWriter(deps)
    this.#strangersAt = deps.clock.now()
    this.#tidiedAt = deps.clock.now()
  }

  static async open(deps: TracesDeps): Promise<Traces> {
    const traces = new Traces(deps)
    const eventsSince = deps.clock.now() - EVENTS_IN_MEMORY_MS
    // The latest last: of two machines that had an address one after the other, the latter has it.
    const known = (await deps.repository.newest({ eventsSince })).sort((a, b) => a.updatedAt - b.updatedAt)
    for (const trace of known) traces.#remember(trace, eventsSince)
    return traces
  }

  #remember(trace: Trace, eventsSince: number): void {
    // While no server ran nothing could be heard: that time does not count.
    const earliest = this.#deps.clock.now() + GRACE_MS
    const deadlineAt = trace.deadlineAt === null ? null : Math.max(trace.deadlineAt, earliest)
    this.#newest.set(trace.mac, { ...trace, deadlineAt })
    if (deadlineAt !== null) this.#awaited.add(trace.mac)
    else if (trace.updatedAt < eventsSince) this.#bare.add(trace.mac)
    for (const { detail } of trace.events)
      if (detail?.reply === 'ack' && typeof detail.address === 'string') this.learn(trace.mac, detail.address)
  }

  record(subject: Subject, event: Omit<TraceEvent, 'at' | 'count' | 'lastAt'>): void {
    try {
      const mac = subject.mac ?? (subject.address === undefined ? undefined : this.macAt(subject.address))
      if (mac !== undefined) this.#record(mac, { ...event, at: this.#deps.clock.now() })
    } catch (error) {
      this.#deps.log.error({ error, kind: event.kind }, 'an event of a boot could not be recorded')
    }
  }

  #record(mac: Mac, event: TraceEvent): void {
    const known = this.#newest.get(mac)
    const { action, reason } = correlate(known, event)
    if (action === 'begin') {
      if (!known && !this.#admitStranger(event.at)) return
      if (known && this.#bare.has(mac)) void this.#supersedeStored(known.id)
      else if (known) this.#supersede(known)
      this.#deps.log.debug({ mac, kind: event.kind, reason }, 'a boot begins')
      // Deleting first makes the map's order the order of power-on, so that the first one is the oldest.
      this.#newest.delete(mac)
      this.#keep(advance(begun(mac, event.at), event))
    } else if (action === 'join' && known && !this.#bare.has(mac)) this.#keep(advance(known, event))
  }

  #supersede(trace: Trace): void {
    const closed = supersede(trace)
    if (closed !== trace) this.#writer.write(closed)
  }

  async #supersedeStored(id: string): Promise<void> {
    try {
      const trace = await this.#deps.repository.get(id)
      if (trace) this.#supersede(trace)
    } catch (error) {
      this.#deps.log.error({ error, trace: id }, 'an old boot trace could not be closed')
    }
  }

  #keep(trace: Trace): void {
    const before = this.#newest.get(trace.mac)
    this.#newest.set(trace.mac, trace)
    this.#bare.delete(trace.mac)
    if (trace.deadlineAt === null) this.#awaited.delete(trace.mac)
    else this.#awaited.add(trace.mac)
    if (this.#newest.size > MOST_MACS) this.#forget(this.#newest.keys().next().value!)
    this.#writer.write(trace, before?.stage !== trace.stage || before.state !== trace.state)
  }

  #forget(mac: Mac): void {
    this.#newest.delete(mac)
    this.#bare.delete(mac)
    this.#awaited.delete(mac)
  }

  #admitStranger(now: number): boolean {
    const earned = (Math.max(0, now - this.#strangersAt) / 1000) * STRANGERS_PER_SECOND
    this.#strangers = Math.min(STRANGERS_AT_ONCE, this.#strangers + earned)
    this.#strangersAt = now
    if (this.#strangers < 1) {
      this.#turnedAway += 1
      return false
    }
    this.#strangers -= 1
    return true
  }

  learn(mac: Mac, address: string): void {
    this.#addresses.learn(mac, address)
  }

  macAt(address: string): Mac | undefined {
    return this.#addresses.macAt(address)
  }

  decided(mac: Mac, profile: string | null): void {
    const trace = this.#newest.get(mac)
    if (trace && !this.#bare.has(mac) && trace.profile !== profile) this.#keep({ ...trace, profile })
  }

  /** The newest trace of a machine by its MACs. One that has been quiet for half an hour comes without its events: `get` has them. */
  newest(macs: readonly Mac[]): Trace | undefined {
    let newest: Trace | undefined
    for (const mac of macs) {
      const trace = this.#newest.get(mac)
      if (trace && (!newest || trace.startedAt > newest.startedAt)) newest = trace
    }
    return newest
  }

  async get(id: string): Promise<Trace | undefined> {
    return this.#writer.pending(id) ?? (await this.#deps.repository.get(id))
  }

  /** The traces of a machine by its MACs, newest first; `before` is a trace id to continue behind. */
  async list(macs: readonly Mac[], query: { limit: number; before?: string | undefined }): Promise<Trace[]> {
    const stored = await this.#deps.repository.list({ mac: macs, ...query })
    const newer = new Map(this.#writer.pendingOf(macs).map((trace) => [trace.id, trace]))
    const traces = stored.map((trace) => newer.get(trace.id) ?? trace)
    if (query.before !== undefined) return traces
    for (const trace of traces) newer.delete(trace.id)
    // What is not in the repository yet began last, but for one that has just been closed.
    return [...newer.values(), ...traces].sort((a, b) => b.startedAt - a.startedAt).slice(0, query.limit)
  }

  /** The newest boot of a machine in plain sentences. */
  async why(macs: readonly Mac[]): Promise<Why> {
    const newest = this.newest(macs)
    const trace = newest && (await this.get(newest.id))
    if (!trace)
      return {
        trace: null,
        state: null,
        verdict: 'Nothing was seen of it yet.',
        sentences: [],
        next: [
          'switch it on with network boot (PXE) first in its boot order',
          'if it asks and nothing shows here: check cable, VLAN and dhcp.interfaces, and run reveille doctor',
        ],
      }
    const previous = (await this.list(macs, { limit: 2 })).find((other) => other.startedAt < trace.startedAt)
    const explanation = explain(trace, { now: this.#deps.clock.now(), previous })
    return { trace: trace.id, state: trace.state, ...explanation }
  }

  /** To be called about once a second: declares stalls, frees memory, and removes what retention no longer covers. */
  tick(): void {
    const now = this.#deps.clock.now()
    for (const mac of this.#awaited) {
      const trace = this.#newest.get(mac)
      const stalled = trace && stall(trace, now)
      if (!stalled) continue
      this.#deps.log.info({ mac, stage: stalled.stage, cause: stalled.headline }, 'a boot does not go on')
      this.#keep(stalled)
    }
    if (now - this.#tidiedAt >= TIDY_EVERY_MS) this.#tidy(now)
    if (now - this.#prunedAt >= PRUNE_EVERY_MS) void this.#prune(now)
  }

  #tidy(now: number): void {
    this.#tidiedAt = now
    let withEvents = this.#newest.size - this.#bare.size
    for (const [mac, trace] of this.#newest) {
      const settled = trace.updatedAt < now - EVENTS_IN_MEMORY_MS || withEvents > MOST_WITH_EVENTS
      if (!settled || trace.deadlineAt !== null || this.#bare.has(mac) || this.#writer.pending(trace.id)) continue
      this.#newest.set(mac, { ...trace, events: [] })
      this.#bare.add(mac)
      withEvents -= 1
    }
    if (this.#turnedAway > 0)
      this.#deps.log.warn({ events: this.#turnedAway }, 'boots of unknown machines were not traced: too many at once')
    this.#turnedAway = 0
  }

  async #prune(now: number): Promise<void> {
    this.#prunedAt = now
    const { days, perMachine } = this.#deps.keep
    const olderThan = now - days * 86_400_000
    for (const [mac, trace] of this.#newest) if (trace.startedAt < olderThan) this.#forget(mac)
    try {
      const removed = await this.#deps.repository.prune({ olderThan, keep: perMachine, most: MOST_STORED })
      if (removed > 0) this.#deps.log.info({ removed }, 'old boot traces were removed')
    } catch (error) {
      this.#deps.log.error({ error }, 'old boot traces could not be removed')
    }
  }

  /** Resolves when everything recorded so far is in the repository, or could not be written. */
  flush(): Promise<void> {
    return this.#writer.flush()
  }

  /** Writes what is left and stops the timers. */
  close(): Promise<void> {
    return this.#writer.close()
  }
}

function begun(mac: Mac, at: number): Trace {
  return {
    id: `t_${hex(crypto.getRandomValues(new Uint8Array(8)))}`,
    mac,
    startedAt: at,
    updatedAt: at,
    stage: 'offer',
    state: 'running',
    headline: 'it was switched on',
    deadlineAt: null,
    profile: null,
    bytesSent: 0,
    events: [],
    dropped: 0,
  }
}

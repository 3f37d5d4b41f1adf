import { randomBytes } from 'node:crypto'
import type { Clock } from '../kit/clock.ts'
import { Refusal } from '../kit/errors.ts'
import type { Log } from '../kit/log.ts'
import type { Machine } from '../machines/machine.ts'
import type { Batch, BatchAction, BatchMachine, BatchRepository } from './batch.ts'

const MOST_AT_ONCE = 16
const MOST_KEPT = 200

/** Does one thing on one machine and tells in a sentence what came of it; a `Refusal` says why it did not. */
export type BatchWork = (machine: Machine, batch: Batch) => Promise<string>

type Dependencies = Readonly<{
  repository: BatchRepository
  machine: (id: string) => Machine | undefined
  work: BatchWork
  clock: Clock
  log: Log
  events: { publish(event: { topic: 'batch'; id: string; change: 'saved' | 'removed' }): void }
  sleep: (ms: number) => Promise<void>
}>

export type NewBatch = Readonly<{
  action: BatchAction
  machines: readonly Machine[]
  profile: string | null
  staggerMs: number
  kick: boolean
}>

/** Actions whose result is the same when they are done twice. */
const REPEATABLE: ReadonlySet<BatchAction> = new Set(['on', 'off', 'boot', 'boot-once'])

/** One action on many machines, some at a time. What is done is noted before it is begun, and goes on after a restart. */
export class Batches {
  readonly #with: Dependencies
  readonly #batches: Map<string, Batch>
  /** Where the machines of a batch are in its list. */
  readonly #places = new Map<string, ReadonlyMap<string, number>>()
  readonly #running = new Map<string, Promise<void>>()
  readonly #saving = new Map<string, { running: Promise<void>; next: Promise<void> | undefined }>()
  #stopped = false
  /** End the pauses between machines. */
  readonly #wakes = new Set<() => void>()

  private constructor(dependencies: Dependencies, batches: readonly Batch[]) {
    this.#with = dependencies
    this.#batches = new Map(batches.map((batch) => [batch.id, batch]))
  }

  static async open(dependencies: Dependencies): Promise<Batches> {
    return new Batches(dependencies, await dependencies.repository.all())
  }

  /** Goes on with what a stop of the server interrupted. */
  resume(): void {
    for (const { id, action, state, machines } of [...this.#batches.values()]) {
      const interrupted = machines.filter((each) => each.state === 'running')
      const again = state === 'running' && REPEATABLE.has(action)
      const detail = 'the server stopped while it was being done; nobody knows whether it was'
      for (const { machine } of interrupted)
        this.#set(id, machine, again ? { state: 'waiting', detail: '' } : { state: 'failed', detail })
      if (state === 'running' || interrupted.length > 0) this.#run(id)
    }
  }

  /** The newest first. */
  all(): Batch[] {
    return [...this.#batches.values()].sort((a, b) => b.startedAt - a.startedAt || (a.id < b.id ? -1 : 1))
  }

  get(id: string): Batch | undefined {
    return this.#batches.get(id)
  }

  async start({ machines, ...given }: NewBatch, by: string): Promise<Batch> {
    if (machines.length === 0)
      throw new Refusal('validation-failed', 'no machine was named', { next: 'name machines, or a tag that some have' })
    const wantsProfile = given.action === 'boot' || given.action === 'boot-once' || given.action === 'switch'
    if (wantsProfile && given.profile === null)
      throw new Refusal('validation-failed', `${given.action} needs a profile`, {
        problems: [{ path: 'profile', message: 'name what they are to boot' }],
      })
    const batch: Batch = {
      id: `b_${randomBytes(8).toString('hex')}`,
      ...given,
      state: 'running',
      machines: machines.map(({ id, name }) => ({ machine: id, name, state: 'waiting', detail: '' })),
      orderedBy: by,
      startedAt: this.#with.clock.now(),
      endedAt: null,
    }
    this.#batches.set(batch.id, batch)
    try {
      await this.#save(batch.id)
    } catch (error) {
      this.#batches.delete(batch.id)
      throw error
    }
    this.#run(batch.id)
    await this.#prune()
    return batch
  }

  /** Machines whose turn has not come are left out. */
  async cancel(id: string): Promise<Batch> {
    const batch = this.#batches.get(id)
    if (!batch) throw new Refusal('not-found', `there is no batch ${id}`, { next: 'list them: reveille room list' })
    if (batch.state !== 'running')
      throw new Refusal('wrong-state', `the batch ${id} is ${batch.state} already`, { next: 'start another' })
    const machines = batch.machines.map((each) =>
      each.state === 'waiting' ? { ...each, state: 'skipped' as const, detail: 'cancelled before its turn' } : each,
    )
    this.#batches.set(id, { ...batch, state: 'cancelled', machines, endedAt: this.#with.clock.now() })
    await this.#save(id)
    return this.#batches.get(id) as Batch
  }

  /** Begins nothing more and waits for what runs. The rest is done after the next start. */
  async stop(): Promise<void> {
    this.#stopped = true
    for (const wake of this.#wakes) wake()
    await Promise.allSettled(this.#running.values())
  }

  /** When a batch has come to its end, or the server stops. */
  async ended(id: string): Promise<Batch> {
    await this.#running.get(id)
    return this.#batches.get(id) as Batch
  }

  #run(id: string): void {
    const running = this.#work(id)
      .catch((error: unknown) => this.#with.log.error({ batch: id, error }, 'a batch could not be written down'))
      .finally(() => {
        this.#running.delete(id)
        this.#places.delete(id)
      })
    this.#running.set(id, running)
  }

  async #work(id: string): Promise<void> {
    const now = () => this.#batches.get(id) as Batch
    const active = new Set<Promise<void>>()
    let first = true
    for (const { machine } of now().machines) {
      if (this.#entry(id, machine)?.state !== 'waiting') continue
      if (!first && now().staggerMs > 0) await this.#pause(now().staggerMs)
      if (this.#stopped) break
      if (active.size >= MOST_AT_ONCE) await Promise.race(active)
      // Asked after the wait: it may have been cancelled meanwhile.
      if (this.#stopped || this.#entry(id, machine)?.state !== 'waiting') continue
      first = false
      const one: Promise<void> = this.#one(id, machine).finally(() => active.delete(one))
      active.add(one)
    }
    await Promise.all(active)
    if (this.#stopped && now().machines.some(({ state }) => state === 'waiting')) return
    if (now().state === 'running')
      this.#batches.set(id, { ...now(), state: 'finished', endedAt: this.#with.clock.now() })
    await this.#save(id)
  }

  /** Not longer than the server runs. */
  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.#wakes.delete(wake)
        resolve()
      }
      this.#wakes.add(wake)
      this.#with.sleep(ms).then(wake, wake)
    })
  }

  async #one(id: string, machine: string): Promise<void> {
    this.#set(id, machine, { state: 'running', detail: '' })
    await this.#save(id)
    this.#set(id, machine, await this.#outcome(id, machine))
    await this.#save(id)
  }

  async #outcome(id: string, reference: string): Promise<Pick<BatchMachine, 'state' | 'detail'>> {
    const machine = this.#with.machine(reference)
    if (!machine) return { state: 'skipped', detail: 'the machine was deleted' }
    try {
      return { state: 'succeeded', detail: await this.#with.work(machine, this.#batches.get(id) as Batch) }
    } catch (error) {
      if (!(error instanceof Refusal)) {
        this.#with.log.error({ batch: id, machine: reference, error }, 'an action of a batch failed')
        return { state: 'failed', detail: 'it failed; the log of the server says more' }
      }
      return { state: 'failed', detail: error.next ? `${error.message}; ${error.next}` : error.message }
    }
  }

  /** The machines of a batch stay the same, in the same order. */
  #placeOf({ id, machines }: Batch, machine: string): number {
    const known = this.#places.get(id)
    const places = known ?? new Map(machines.map((each, place) => [each.machine, place]))
    if (!known) this.#places.set(id, places)
    return places.get(machine) ?? -1
  }

  #entry(id: string, machine: string): BatchMachine | undefined {
    const batch = this.#batches.get(id)
    return batch?.machines[this.#placeOf(batch, machine)]
  }

  /** The entries of other machines stay the same objects: a repository need not write them again. */
  #set(id: string, machine: string, patch: Pick<BatchMachine, 'state' | 'detail'>): void {
    const batch = this.#batches.get(id)
    const place = batch ? this.#placeOf(batch, machine) : -1
    const entry = batch?.machines[place]
    if (batch && entry)
      this.#batches.set(id, { ...batch, machines: batch.machines.with(place, { ...entry, ...patch }) })
  }

  /** What is so now is durable when this is done; many who wait share a write. */
  #save(id: string): Promise<void> {
    const write = async () => {
      const batch = this.#batches.get(id)
      if (batch) await this.#with.repository.save(batch)
      this.#with.events.publish({ topic: 'batch', id, change: 'saved' })
    }
    const busy = this.#saving.get(id)
    if (busy) {
      busy.next ??= busy.running.then(
        () => this.#begin(id, write),
        () => this.#begin(id, write),
      )
      return busy.next
    }
    return this.#begin(id, write)
  }

  #begin(id: string, write: () => Promise<void>): Promise<void> {
    const running = write()
    const entry = { running, next: undefined as Promise<void> | undefined }
    this.#saving.set(id, entry)
    const done = () => {
      if (this.#saving.get(id) === entry && !entry.next) this.#saving.delete(id)
    }
    running.then(done, done)
    return running
  }

  async #prune(): Promise<void> {
    const gone = this.all()
      .slice(MOST_KEPT)
      .filter(({ state }) => state !== 'running')
      .map(({ id }) => id)
    await this.#with.repository.remove(gone)
    for (const id of gone) this.#batches.delete(id)
  }
}

import type { Clock } from '../kit/clock.ts'
import { due, firstPoll, nextPoll, type Polled } from './polling.ts'

/** How often is looked which machines are to be polled, in milliseconds. */
const MEMBERS_MS = 5000

type Dependencies = Readonly<{
  /** Ids of the machines whose state can be read. */
  members: () => Iterable<string>
  /** Reads the state of one; `false`: it did not answer. Never throws. */
  poll: (machine: string) => Promise<boolean>
  clock: Clock
  /** 0 to 1. */
  random: () => number
  intervalMs: number
  concurrency: number
}>

/** Reads the state of every machine regularly: evenly spread, some at a time, rarely where nothing answers. */
export class Poller {
  readonly #with: Dependencies
  readonly #polled = new Map<string, Polled>()
  #membersAt = Number.NEGATIVE_INFINITY
  #tickedAt = Number.NEGATIVE_INFINITY

  constructor(dependencies: Dependencies) {
    this.#with = dependencies
  }

  /** Begins what is due. To be called a few times each second. */
  tick(): void {
    const { clock, concurrency } = this.#with
    const now = clock.now()
    if (now < this.#tickedAt) this.#shift(now - this.#tickedAt)
    this.#tickedAt = now
    this.#refresh(now)
    for (const machine of due(this.#polled.values(), now, concurrency)) void this.#poll(machine)
  }

  /** Reads a machine as soon as there is room: something about it changed. */
  hasten(machine: string): void {
    const known = this.#polled.get(machine)
    this.#polled.set(machine, { machine, since: known?.since ?? null, failures: 0, dueAt: this.#with.clock.now() })
  }

  forget(machine: string): void {
    this.#polled.delete(machine)
  }

  /** The clock was set back: what was due in a minute still is. */
  #shift(ms: number): void {
    this.#membersAt += ms
    for (const [machine, each] of this.#polled) {
      const since = each.since === null ? null : each.since + ms
      this.#polled.set(machine, { ...each, since, dueAt: each.dueAt + ms })
    }
  }

  #refresh(now: number): void {
    if (now - this.#membersAt < MEMBERS_MS) return
    this.#membersAt = now
    const members = new Set(this.#with.members())
    for (const machine of this.#polled.keys()) if (!members.has(machine)) this.#polled.delete(machine)
    for (const machine of members) {
      if (this.#polled.has(machine)) continue
      const dueAt = firstPoll(machine, now, this.#with.intervalMs)
      this.#polled.set(machine, { machine, dueAt, failures: 0, since: null })
    }
  }

  async #poll(machine: string): Promise<void> {
    const { poll, clock, random, intervalMs } = this.#with
    const before = this.#polled.get(machine)
    if (!before) return
    this.#polled.set(machine, { ...before, since: clock.now() })
    const answered = await poll(machine)
    const known = this.#polled.get(machine)
    if (!known) return
    const failures = answered ? 0 : known.failures + 1
    // It was hastened meanwhile: that stays.
    const hastened = known.dueAt !== before.dueAt
    const dueAt = hastened ? known.dueAt : nextPoll(clock.now(), intervalMs, failures, random())
    this.#polled.set(machine, { machine, dueAt, failures, since: null })
  }
}

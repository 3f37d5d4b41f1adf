import type { Clock } from '../kit/clock.ts'
import { Refusal } from '../kit/errors.ts'
import { Channel, type ChannelState } from './channel.ts'
import type { ConsoleMatch, ConsoleRecords, ConsoleSource, ConsoleView, ConsoleViewer, OwnConsole } from './console.ts'
import { findLines } from './lines.ts'

/** Most viewers of one machine. */
const MOST_VIEWERS = 64
/** What is given of a record as a whole. */
const RECORD_BYTES = 1024 * 1024

type ConsoleMachine = Readonly<{ id: string; name: string }>

type Surroundings = Readonly<{
  records: ConsoleRecords
  /** Where the console of a machine comes from now; `undefined`: it has none that we can reach. */
  source: (machine: string) => ConsoleSource | undefined
  /** `always`: each line is held open and recorded; `viewed`: while somebody looks. */
  record: 'always' | 'viewed'
  writers: 'one' | 'several'
  clock: Clock
  events: { publish(event: { topic: 'console'; id: string; change: 'saved' | 'removed' }): void }
}>

/** What is known of one console. `lastAt`: milliseconds since 1970. */
export type ConsoleStatus = Readonly<{
  machine: string
  source: string
  state: ChannelState
  problem: string
  recordedBytes: number
  lastAt: number | null
  viewers: readonly Readonly<{ viewer: ConsoleViewer; since: number }>[]
}>

/** The serial consoles of all machines: shared lines with their records, and consoles that keep their own. */
export class Consoles {
  readonly #with: Surroundings
  readonly #channels = new Map<string, Channel>()
  readonly #own = new Map<string, Set<{ viewer: ConsoleViewer; since: number }>>()

  constructor(around: Surroundings) {
    this.#with = around
  }

  /** Where the console comes from. Refused (`not-available`) when there is none. */
  sourceOf(machine: ConsoleMachine): ConsoleSource {
    const source = this.#with.source(machine.id)
    if (!source)
      throw new Refusal('not-available', `no serial console of ${machine.name} can be reached`, {
        next: `give it a driver with a console: reveille driver set ${machine.name} NAME --kind ipmi|ssh ...`,
      })
    return source
  }

  /** Takes a place at the console of a machine. Refused (`not-available`, `too-many-requests`). */
  attach(machine: ConsoleMachine, viewer: ConsoleViewer): ConsoleView {
    const source = this.sourceOf(machine)
    if (this.#viewersOf(machine.id).length >= MOST_VIEWERS)
      throw new Refusal('too-many-requests', `${MOST_VIEWERS} viewers look at the console of ${machine.name} already`, {
        next: 'close one; reveille console names them',
      })
    return 'own' in source ? this.#attachOwn(machine.id, source.own, viewer) : this.#channel(machine.id).attach(viewer)
  }

  /** The newest part of what it printed. Refused when there is neither a record nor a console, or when it is a shell. */
  async record(machine: ConsoleMachine): Promise<Uint8Array> {
    const source = this.#with.source(machine.id)
    if (source && 'own' in source) {
      if (source.own.audited === undefined) return source.own.recorded()
      if (this.#with.records.extent(machine.id).bytes === 0)
        throw new Refusal('not-available', `only a shell of ${machine.name} can be reached, and that has no record`, {
          next: `open it: reveille console ${machine.name}`,
        })
    }
    if (!source && this.#with.records.extent(machine.id).bytes === 0) this.sourceOf(machine)
    return this.#with.records.tail(machine.id, RECORD_BYTES)
  }

  /** Lines of the record that hold `text`, the newest first. */
  async search(machine: ConsoleMachine, text: string, limit: number): Promise<readonly ConsoleMatch[]> {
    const source = this.#with.source(machine.id)
    if (source && 'own' in source && source.own.audited === undefined) {
      // Such a record has no times of its own.
      const now = this.#with.clock.now()
      const found = findLines(await source.own.recorded(), 0, text, () => now)
      return found.reverse().slice(0, limit)
    }
    return this.#with.records.search(machine.id, text, limit)
  }

  /** Deletes the record. The record of a lab machine belongs to the lab and goes with it. */
  async forget(machine: string): Promise<void> {
    await this.#with.records.forget(machine)
    this.#changed(machine)
  }

  /** The machine is gone. */
  async removed(machine: string): Promise<void> {
    this.#channels.get(machine)?.stop('the machine was removed')
    this.#channels.delete(machine)
    await this.#with.records.forget(machine)
  }

  list(): readonly ConsoleStatus[] {
    const known = new Set([...this.#channels.keys(), ...this.#own.keys(), ...this.#with.records.machines()])
    return [...known].map((machine) => {
      const channel = this.#channels.get(machine)
      const { bytes, lastAt } = this.#with.records.extent(machine)
      const viewers = this.#viewersOf(machine)
      const own = this.#own.has(machine)
      return {
        machine,
        source: this.#with.source(machine)?.name ?? 'none',
        state: own ? 'open' : (channel?.state ?? 'closed'),
        problem: channel?.problem ?? '',
        recordedBytes: bytes,
        lastAt,
        viewers,
      }
    })
  }

  /** Drivers or routes of a machine changed: a line that is open is taken from where it comes from now. */
  follow(machine: string): void {
    this.#channels.get(machine)?.follow()
  }

  /** With `record: always`: opens the lines of these machines that are not open. To be called now and then. */
  hold(machines: Iterable<string>): void {
    if (this.#with.record !== 'always') return
    for (const machine of machines) {
      const source = this.#with.source(machine)
      if (source && 'open' in source) this.#channel(machine).hold()
    }
  }

  async stop(): Promise<void> {
    for (const channel of this.#channels.values()) channel.stop('the server is stopping')
    this.#channels.clear()
    await this.#with.records.close()
  }

  #channel(machine: string): Channel {
    const known = this.#channels.get(machine)
    if (known) return known
    const { records, clock, writers } = this.#with
    const channel = new Channel({
      machine,
      records,
      clock,
      writers,
      held: () => this.#with.record === 'always',
      source: () => {
        const source = this.#with.source(machine)
        return source && 'open' in source ? source : undefined
      },
      changed: () => {
        // One that ended or rests is made anew by the next viewer.
        const rests = channel.state === 'closed' && channel.viewers.length === 0
        if ((channel.ended || rests) && this.#channels.get(machine) === channel) this.#channels.delete(machine)
        this.#changed(machine)
      },
    })
    this.#channels.set(machine, channel)
    return channel
  }

  #attachOwn(machine: string, own: OwnConsole, viewer: ConsoleViewer): ConsoleView {
    const seat = { viewer, since: this.#with.clock.now() }
    const seats = this.#own.get(machine) ?? new Set()
    this.#own.set(machine, seats.add(seat))
    this.#changed(machine)
    let stop: (() => void) | undefined
    const leave = () => {
      stop?.()
      stop = undefined
      if (!seats.delete(seat)) return
      if (seats.size === 0 && this.#own.get(machine) === seats) this.#own.delete(machine)
      this.#changed(machine)
    }
    return {
      recorded: () => own.recorded(),
      listen: (received, ended) => {
        stop = own.follow(received, () => {
          leave()
          ended('the console is gone')
        })
      },
      write: (bytes) => {
        if (viewer.mayType && seats.has(seat)) own.type(bytes)
      },
      sendBreak: () => undefined,
      close: leave,
    }
  }

  #viewersOf(machine: string) {
    return [...(this.#channels.get(machine)?.viewers ?? []), ...(this.#own.get(machine) ?? [])]
  }

  #changed(machine: string): void {
    this.#with.events.publish({ topic: 'console', id: machine, change: 'saved' })
  }
}

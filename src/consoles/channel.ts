import type { Clock } from '../kit/clock.ts'
import type { ConsoleLine } from '../power/driver.ts'
import type { ConsoleRecords, ConsoleView, ConsoleViewer } from './console.ts'

/** How long a line is kept after its last viewer left: they often come back at once. */
const LINGER_MS = 5000
const FIRST_PAUSE_MS = 1000
const LONGEST_PAUSE_MS = 30_000
/** With one writer at a time: how long the keyboard stays theirs after the last key. */
const KEYBOARD_MS = 30_000
/** What a viewer is told of the past. */
const RECORDED_BYTES = 256 * 1024
/** What waits for a viewer who has not asked for it yet. */
const MOST_WAITING = 1024 * 1024

export type ChannelState = 'closed' | 'opening' | 'open' | 'failed'

type Seat = {
  readonly viewer: ConsoleViewer
  readonly since: number
  waiting: Uint8Array[]
  waitingBytes: number
  received: ((bytes: Uint8Array) => void) | undefined
  ended: ((why: string) => void) | undefined
  /** That another one types was said. */
  warned: boolean
  /** Why it ended, before anybody listened. */
  over: string | undefined
}

/** `name`: where the line comes from, in words. */
export type LineSource = Readonly<{ name: string; open: () => Promise<ConsoleLine> }>

type Surroundings = Readonly<{
  machine: string
  /** Asked anew each time: drivers and routes may have changed. `undefined`: there is no line any more. */
  source: () => LineSource | undefined
  records: ConsoleRecords
  clock: Clock
  /** Whether the line is held open though nobody looks. */
  held: () => boolean
  writers: 'one' | 'several'
  changed: () => void
}>

/**
 * The one line to a machine, shared by all who look at it and recorded. It is opened for the first viewer, opened again with
 * growing pauses when it is lost, and closed a moment after the last one left.
 */
export class Channel {
  state: ChannelState = 'closed'
  /** Why it is not open, in words; empty while it is. */
  problem = ''
  /** It will not open again. */
  ended = false
  readonly #with: Surroundings
  readonly #seats = new Set<Seat>()
  #line: ConsoleLine | undefined
  /** Where the line that is open, or was last, comes from. */
  #from = ''
  #turn = 0
  #attempts = 0
  #timer: ReturnType<typeof setTimeout> | undefined
  #keyboard: Readonly<{ seat: Seat; at: number }> | undefined

  constructor(around: Surroundings) {
    this.#with = around
  }

  get viewers(): readonly Readonly<{ viewer: ConsoleViewer; since: number }>[] {
    return [...this.#seats]
  }

  attach(viewer: ConsoleViewer): ConsoleView {
    const { machine, records, clock } = this.#with
    const seat: Seat = {
      viewer,
      since: clock.now(),
      waiting: [],
      waitingBytes: 0,
      received: undefined,
      ended: undefined,
      warned: false,
      over: undefined,
    }
    this.#seats.add(seat)
    this.hold()
    this.#with.changed()
    return {
      recorded: () => {
        // What was printed until now is in the record, so nothing is handed over twice.
        seat.waiting = []
        seat.waitingBytes = 0
        return records.tail(machine, RECORDED_BYTES)
      },
      listen: (received, ended) => {
        seat.received = received
        seat.ended = ended
        for (const bytes of seat.waiting.splice(0)) received(bytes)
        if (seat.over !== undefined) ended(seat.over)
      },
      write: (bytes) => {
        if (this.#mayWrite(seat)) this.#line?.write(bytes)
      },
      sendBreak: () => {
        if (this.#mayWrite(seat)) this.#line?.sendBreak?.()
      },
      close: () => {
        if (!this.#seats.delete(seat)) return
        this.#with.changed()
        if (this.#seats.size === 0 && !this.#with.held()) this.#later(LINGER_MS, () => this.#rest())
      },
    }
  }

  /** Opens the line unless it is, or is about to be. */
  hold(): void {
    if (this.ended) return
    if (this.state === 'open' || this.state === 'opening') this.#cancel()
    else if (this.state === 'closed') this.#open()
  }

  /** Takes the line from elsewhere where drivers or routes say so now. Viewers stay, and are told. */
  follow(): void {
    if (this.ended || this.state === 'closed') return
    const source = this.#with.source()
    if (source?.name === this.#from) return
    if (this.#seats.size === 0 && !this.#with.held()) {
      this.#rest()
      return
    }
    this.#leave()
    if (source) this.#tellAll(`the console comes from ${source.name} now`)
    this.#open()
  }

  /** Ends it for everybody. */
  stop(why: string): void {
    this.ended = true
    this.#rest()
    for (const seat of [...this.#seats]) {
      this.#seats.delete(seat)
      seat.over = why
      seat.ended?.(why)
    }
    this.#with.changed()
  }

  #open(): void {
    this.#cancel()
    const source = this.#with.source()
    if (!source) {
      this.stop('the machine has no such console any more; open it again')
      return
    }
    this.#from = source.name
    const turn = ++this.#turn
    this.#become('opening', '')
    source.open().then(
      (line) => this.#opened(line, turn),
      (error: unknown) => {
        if (turn === this.#turn) this.#lost(error instanceof Error ? error.message : 'the line cannot be opened')
      },
    )
  }

  #opened(line: ConsoleLine, turn: number): void {
    // Everybody may have left while it was being opened, or it comes from elsewhere now.
    if (turn !== this.#turn || this.state !== 'opening' || this.ended) {
      line.close()
      return
    }
    this.#line = line
    const openedAt = this.#with.clock.now()
    this.#become('open', '')
    line.listen(
      (bytes) => {
        // A line that prints is a good one; one that only opens may end at once, again and again.
        if (this.#attempts > 0 && this.#with.clock.now() - openedAt > FIRST_PAUSE_MS) this.#attempts = 0
        this.#with.records.append(this.#with.machine, this.#with.clock.now(), bytes)
        for (const seat of this.#seats) this.#give(seat, bytes)
      },
      (why) => {
        if (this.#line !== line) return
        this.#line = undefined
        this.#lost(why)
      },
    )
  }

  #lost(why: string): void {
    if (this.ended || this.state === 'closed') return
    const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#attempts++)
    this.#become('failed', why)
    if (this.#seats.size === 0 && !this.#with.held()) {
      this.#rest()
      return
    }
    this.#tellAll(`${why}; trying again in ${pause / 1000} s`)
    this.#later(pause, () => this.#open())
  }

  #tellAll(what: string): void {
    const notice = new TextEncoder().encode(`\r\n[reveille: ${what}]\r\n`)
    for (const seat of this.#seats) this.#give(seat, notice)
  }

  #leave(): void {
    this.#cancel()
    const line = this.#line
    this.#line = undefined
    line?.close()
    this.#attempts = 0
  }

  #rest(): void {
    this.#leave()
    if (this.state !== 'closed') this.#become('closed', '')
  }

  #give(seat: Seat, bytes: Uint8Array): void {
    if (seat.received) {
      seat.received(bytes)
      return
    }
    seat.waiting.push(bytes)
    seat.waitingBytes += bytes.length
    while (seat.waitingBytes > MOST_WAITING) seat.waitingBytes -= seat.waiting.shift()?.length ?? 0
  }

  #mayWrite(seat: Seat): boolean {
    if (!seat.viewer.mayType || !this.#seats.has(seat)) return false
    if (this.#with.writers === 'several') return true
    const now = this.#with.clock.now()
    const holder = this.#keyboard
    const isTaken = holder && holder.seat !== seat && this.#seats.has(holder.seat) && now - holder.at < KEYBOARD_MS
    if (!isTaken) {
      this.#keyboard = { seat, at: now }
      seat.warned = false
      return true
    }
    if (!seat.warned) {
      seat.warned = true
      this.#give(seat, new TextEncoder().encode(`\r\n[reveille: ${holder.seat.viewer.who} is typing; wait]\r\n`))
    }
    return false
  }

  #become(state: ChannelState, problem: string): void {
    this.state = state
    this.problem = problem
    this.#with.changed()
  }

  #later(ms: number, work: () => void): void {
    this.#cancel()
    this.#timer = setTimeout(work, ms)
    this.#timer.unref?.()
  }

  #cancel(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}

import { setTimeout } from 'node:timers/promises'
import type { ApiClient } from '../api/client/client.ts'
import { watchEvents } from '../api/client/events.ts'
import { ApiProblem } from '../api/client/problem.ts'
import type { Trace } from '../api/contract/traces.ts'
import { printable } from '../kit/printable.ts'
import { type Paint, paint, type Terminal } from './terminal.ts'
import { timeOfDay } from './units.ts'

type Event = Trace['events'][number]

const OUTCOME_PAINT: Readonly<Record<Event['outcome'], Paint>> = {
  ok: 'green',
  ignored: 'dim',
  refused: 'yellow',
  failed: 'red',
}

/** One event as people read it: time, time since power-on, stage, what happened, and below it why. */
export function eventLines(terminal: Terminal, event: Event, startedAt: string): string {
  const since = `+${((Date.parse(event.at) - Date.parse(startedAt)) / 1000).toFixed(1)}s`.padStart(8)
  const stage = paint(terminal, OUTCOME_PAINT[event.outcome], event.stage.padEnd(6))
  const times = event.count !== undefined && event.count > 1 ? ` (${event.count} times)` : ''
  const why = event.reason ? `${' '.repeat(31)}${paint(terminal, 'dim', printable(event.reason))}\n` : ''
  return `${paint(terminal, 'dim', timeOfDay(event.at))} ${since}  ${stage}  ${printable(event.summary)}${times}\n${why}`
}

const STATE_PAINT: Readonly<Record<Trace['state'], Paint>> = {
  running: 'cyan',
  stalled: 'yellow',
  launched: 'green',
  parked: 'cyan',
  failed: 'red',
  superseded: 'dim',
}

export function verdictLine(terminal: Terminal, trace: Trace): string {
  return `${paint(terminal, STATE_PAINT[trace.state], trace.state)}: ${printable(trace.headline)}\n`
}

/** Prints what is new of successive states of traces; nothing twice. */
class TracePrinter {
  readonly #terminal: Terminal
  readonly #json: boolean
  readonly #since: number
  #trace: string | undefined
  readonly #printed = new Set<string>()
  #headline = ''

  constructor(terminal: Terminal, json: boolean, since: number) {
    this.#terminal = terminal
    this.#json = json
    this.#since = since
  }

  print(trace: Trace): void {
    if (trace.id !== this.#trace) {
      this.#trace = trace.id
      this.#printed.clear()
      this.#headline = ''
      if (!this.#json) {
        const name = trace.machine?.name ?? trace.mac
        this.#terminal.out(`${paint(this.#terminal, 'bold', `${name} boots`)} (trace ${trace.id})\n`)
      }
    }
    for (const event of trace.events) {
      // Not by its place: what repeats is counted where it stood first, and long traces lose their middle.
      const key = [event.at, event.kind, event.summary].join(' ')
      if (this.#printed.has(key) || Date.parse(event.lastAt ?? event.at) < this.#since) continue
      this.#printed.add(key)
      this.#terminal.out(
        this.#json
          ? `${JSON.stringify({ trace: trace.id, ...event })}\n`
          : eventLines(this.#terminal, event, trace.startedAt),
      )
    }
    const headline = `${trace.state}: ${trace.headline}`
    if (headline !== this.#headline && trace.state !== 'running' && !this.#json)
      this.#terminal.out(verdictLine(this.#terminal, trace))
    this.#headline = headline
  }
}

export type FollowOptions = Readonly<{
  json: boolean
  /** What happened before this moment is not shown, and arriving before it does not count. */
  since: number
  /** Ends the following: returns true for a trace that has arrived. */
  until: (trace: Trace) => boolean
  signal: AbortSignal
}>

/** Should an event be lost, the trace is looked at this often anyway. */
const LOOK_AGAIN_MS = 5000

async function newest(client: ApiClient, machine: string, signal: AbortSignal): Promise<Trace | undefined> {
  try {
    return (await client.listTraces({ params: { machine }, query: { limit: 1 }, signal })).items[0]
  } catch (error) {
    // A machine that is switched on for the first time is not known before its first packet.
    if (error instanceof ApiProblem && error.status === 404) return undefined
    throw error
  }
}

/**
 * Prints the newest boot of a machine as it goes on. Resolves to the trace that fulfilled `until`, or to the last one seen when
 * `signal` fired (`undefined` when there was none).
 */
export async function followBoot(
  client: ApiClient,
  machine: string,
  terminal: Terminal,
  { json, since, until, signal }: FollowOptions,
): Promise<Trace | undefined> {
  const printer = new TracePrinter(terminal, json, since)
  let wake = new AbortController()
  let refused: ApiProblem | undefined
  const stop = watchEvents(client, {
    onEvent: ({ topic }) => (topic === 'trace' || topic === 'machine') && wake.abort(),
    onReset: () => wake.abort(),
    onProblem(problem, final) {
      if (final) refused = problem
      wake.abort()
    },
  })
  let last: Trace | undefined
  try {
    while (!signal.aborted && !refused) {
      wake = new AbortController()
      const woken = wake.signal
      const trace = await newest(client, machine, signal)
      if (trace && Date.parse(trace.updatedAt) >= since) {
        last = trace
        printer.print(trace)
        if (until(trace)) return trace
      }
      await setTimeout(LOOK_AGAIN_MS, undefined, { signal: AbortSignal.any([woken, signal]) }).catch(() => undefined)
    }
    if (refused) throw refused
    return last
  } catch (error) {
    if (signal.aborted) return last
    throw error
  } finally {
    stop()
  }
}

import { Refusal } from '../../../kit/errors.ts'
import type { Trace } from '../../../traces/trace.ts'
import type { ResponseOf } from '../../contract/route.ts'
import type { Contract } from '../../contract.ts'
import type { HandlersOf } from '../call.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { readCursor, writeCursor } from '../paging.ts'
import { time, timeOrNull } from '../wire.ts'
import { machineOf } from './machines.ts'

type WireTrace = ResponseOf<Contract['getTrace']>

export function traceHandlers({ machines, traces }: ApiDependencies) {
  const toWire = (trace: Trace): WireTrace => {
    const machine = machines.byMac(trace.mac)
    return {
      ...trace,
      machine: machine ? { id: machine.id, name: machine.name } : null,
      startedAt: time(trace.startedAt),
      updatedAt: time(trace.updatedAt),
      deadlineAt: timeOrNull(trace.deadlineAt),
      events: trace.events.map((event) => ({
        ...event,
        at: time(event.at),
        lastAt: event.lastAt === undefined ? undefined : time(event.lastAt),
      })),
    }
  }

  return {
    async listTraces({ params, query }) {
      const { macs } = machineOf(machines, params.machine)
      const before = query.cursor === undefined ? undefined : readCursor(query.cursor)
      // One more than asked for tells whether there is a next page.
      const found = await traces.list(macs, { limit: query.limit + 1, before })
      const shown = found.slice(0, query.limit)
      const last = shown.at(-1)
      return {
        items: shown.map(toWire),
        next: found.length > shown.length && last ? writeCursor(last.id) : null,
      }
    },
    async getTrace({ params }) {
      const trace = await traces.get(params.trace)
      if (!trace)
        throw new Refusal('not-found', `there is no boot trace ${params.trace}`, {
          next: 'old traces are deleted; list those of a machine: reveille machine traces MACHINE',
        })
      return toWire(trace)
    },
    async why({ params }) {
      const { id, name, macs } = machineOf(machines, params.machine)
      const { trace, state, verdict, sentences, next } = await traces.why(macs)
      return {
        machine: { id, name },
        trace,
        state,
        verdict,
        sentences: sentences.map(({ at, text }) => ({ at: time(at), text })),
        next: [...next],
      }
    },
  } satisfies HandlersOf<'listTraces' | 'getTrace' | 'why'>
}

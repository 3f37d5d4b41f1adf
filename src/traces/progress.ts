import { awaitsHome, isHome } from './awaited-home.ts'
import { reached } from './correlate.ts'
import { addEvent } from './history.ts'
import { likeliestCause, patienceMs } from './stall.ts'
import type { Trace, TraceEvent, TraceState } from './trace.ts'

/** The trace after one more event: its stage, state, headline and deadline. */
export function advance(trace: Trace, event: TraceEvent): Trace {
  const { events, leftOut } = addEvent(trace.events, event)
  // An order is nothing that the machine did.
  if (event.kind === 'bmc.order' || event.kind === 'power.order')
    return { ...trace, events, dropped: trace.dropped + leftOut }
  const patience = patienceMs(event)
  const next = {
    ...trace,
    updatedAt: Math.max(trace.updatedAt, event.at),
    stage: reached(trace, event.stage) ? trace.stage : event.stage,
    bytesSent: trace.bytesSent + (event.bytes ?? 0),
    profile: typeof event.detail?.profile === 'string' ? event.detail.profile : trace.profile,
    events,
    dropped: trace.dropped + leftOut,
  }
  if (isHome(event))
    return { ...next, state: 'launched', headline: `${event.summary}: ${event.reason}`, deadlineAt: null }
  // Nothing else that a system does is its call home.
  if (event.stage === 'system' && awaitsHome(trace)) return next
  // What else is asked for after a launch is the launched system's business: the boot has succeeded.
  if (trace.state === 'launched' && event.kind !== 'mark.failed' && event.kind !== 'http.script') return next
  // Firmware that asks for an address again and again gets no further by it: the time it has runs from the first question.
  // Who was refused may be somebody else: what the machine itself does goes on.
  if (event.kind === 'agent.refused') return { ...next, stage: trace.stage }
  // The management OS asks for its address like any system, and that ends nothing.
  if (event.stage === 'system' && trace.events.some(isAgentLaunch)) return { ...next, stage: trace.stage }
  const waiting = trace.state === 'running' || trace.state === 'stalled'
  if (waiting && event.kind.startsWith('dhcp.') && trace.events.some((earlier) => isSame(earlier, event))) return next
  const state = stateAfter(event)
  return {
    ...next,
    state,
    headline: state === 'launched' && event.stage === 'system' ? SYSTEM_HEADLINE : `${event.summary}: ${event.reason}`,
    deadlineAt: patience === null ? null : event.at + patience,
  }
}

function isSame(a: TraceEvent, b: TraceEvent): boolean {
  const facts = (event: TraceEvent) =>
    [event.kind, event.stage, event.outcome, event.summary, event.detail?.client].join('\n')
  return facts(a) === facts(b)
}

function isAgentLaunch({ kind, detail }: TraceEvent): boolean {
  return kind === 'mark.launch' && detail?.decision === 'agent'
}

const SYSTEM_HEADLINE = 'a system runs on it and asks for an address; it did not report a launch to us'

function stateAfter(event: TraceEvent): TraceState {
  if (isAgentLaunch(event)) return 'running'
  if (event.kind === 'agent.result' && event.detail?.finished === true) return 'launched'
  if (event.kind === 'mark.launch' || event.stage === 'system') return 'launched'
  if (event.kind === 'mark.failed') return 'failed'
  if (event.kind === 'http.script' && event.detail?.decision === 'park') return 'parked'
  return 'running'
}

/** The trace declared stalled when its deadline has passed, with the likeliest cause; `undefined` while there is time. */
export function stall(trace: Trace, now: number): Trace | undefined {
  if (trace.deadlineAt === null || now < trace.deadlineAt) return undefined
  const state = trace.state === 'failed' ? 'failed' : 'stalled'
  return { ...trace, state, headline: likeliestCause(trace).text, deadlineAt: null }
}

/** The trace closed because the machine was switched on again. What had ended by itself keeps its end. */
export function supersede(trace: Trace): Trace {
  if (trace.state === 'launched' || trace.state === 'failed' || trace.state === 'superseded') return trace
  const headline =
    trace.state === 'parked'
      ? 'it was parked until it started again'
      : `it started again before it got further: ${likeliestCause(trace).text}`
  return { ...trace, state: 'superseded', headline, deadlineAt: null }
}

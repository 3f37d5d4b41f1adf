import type { TraceEvent } from './trace.ts'

/** Events kept for one trace. At the limit a run of the oldest behind the beginning is left out and counted. */
export const MOST_EVENTS = 400
/** How a boot began explains most of what follows, so that much of it stays. */
const KEPT_FROM_START = 100
/** Left out at once, so that a long trace is not rearranged for each event. */
const LEFT_OUT_AT_ONCE = 50
/** The longest run of events that is recognised when it repeats (a parked machine asks two or three things each time). */
const LONGEST_CYCLE = 6

/** Detail that differs from one repetition to the next. */
const VOLATILE = new Set(['xid', 'secs', 'boot', 'retransmits', 'range'])

/** Adds an event; what repeats (one event, or a short run of events in the same order) is kept once with a count. */
export function addEvent(
  events: readonly TraceEvent[],
  event: TraceEvent,
): Readonly<{ events: readonly TraceEvent[]; leftOut: number }> {
  const added = [...events, event]
  for (let length = 1; length <= LONGEST_CYCLE && 2 * length <= added.length; length++) {
    const first = added.length - 2 * length
    if (repeats(added, first, length)) {
      for (let i = first; i < first + length; i++) added[i] = merge(added[i]!, added[i + length]!)
      added.length -= length
      return { events: added, leftOut: 0 }
    }
  }
  if (added.length <= MOST_EVENTS) return { events: added, leftOut: 0 }
  const gone = added.splice(KEPT_FROM_START, LEFT_OUT_AT_ONCE)
  return { events: added, leftOut: gone.reduce((sum, old) => sum + (old.count ?? 1), 0) }
}

function repeats(events: readonly TraceEvent[], first: number, length: number): boolean {
  for (let i = first + length - 1; i >= first; i--) if (!alike(events[i]!, events[i + length]!)) return false
  return true
}

function alike(a: TraceEvent, b: TraceEvent): boolean {
  return (
    a.kind === b.kind &&
    a.stage === b.stage &&
    a.outcome === b.outcome &&
    a.summary === b.summary &&
    a.reason === b.reason &&
    sameDetail(a.detail ?? {}, b.detail ?? {})
  )
}

function sameDetail(a: NonNullable<TraceEvent['detail']>, b: NonNullable<TraceEvent['detail']>): boolean {
  const keys = Object.keys(a)
  if (keys.length !== Object.keys(b).length) return false
  return keys.every((key) => key in b && (VOLATILE.has(key) || a[key] === b[key]))
}

/** The first event with the time, size and detail of the last; `bytes` is the sum. */
function merge(first: TraceEvent, last: TraceEvent): TraceEvent {
  return {
    ...last,
    at: first.at,
    count: (first.count ?? 1) + (last.count ?? 1),
    lastAt: last.lastAt ?? last.at,
    bytes: first.bytes === undefined && last.bytes === undefined ? undefined : (first.bytes ?? 0) + (last.bytes ?? 0),
  }
}

/** When an event was last seen. */
export function lastTime(event: TraceEvent): number {
  return event.lastAt ?? event.at
}

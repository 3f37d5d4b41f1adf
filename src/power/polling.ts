/** A machine whose state is read regularly. `since`: when the poll that is under way began; `null` when none is. */
export type Polled = Readonly<{ machine: string; dueAt: number; failures: number; since: number | null }>

/** Times as long between two polls of a machine that does not answer, at most. */
const SLOWEST = 16
/** Part of the interval by which polls are shifted, so that they do not march in step. */
const JITTER = 0.1
/** Part of all polls that may be of machines that failed: they take until a time-out ends. */
const FAILING_SHARE = 0.25
/** What lives answers sooner, in milliseconds. A poll that takes longer gives its place to another. */
const SLOW_MS = 1500
/** As many times the places that there are may be waited for together. */
const MOST_WAITED = 4

/** When a machine is polled first: spread evenly over the interval, by its id. */
export function firstPoll(machine: string, now: number, intervalMs: number): number {
  return now + Math.floor((hash(machine) / 2 ** 32) * intervalMs)
}

/** When it is polled again. `random`: 0 to 1. */
export function nextPoll(now: number, intervalMs: number, failures: number, random: number): number {
  const factor = Math.min(2 ** failures, SLOWEST)
  return now + Math.round(intervalMs * factor * (1 + (random - 0.5) * 2 * JITTER))
}

/**
 * The machines to ask now, those that wait longest first: never more than `concurrency` at a time. Those that do not answer at once do
 * not count, and of those that failed last time only a part is asked, so that many dead ones never stand in the way of the living,
 * also when they all died just now.
 */
export function due(polled: Iterable<Polled>, now: number, concurrency: number): string[] {
  let quick = 0
  let slow = 0
  const waiting: Polled[] = []
  for (const each of polled) {
    if (each.since === null) {
      if (each.dueAt <= now) waiting.push(each)
    } else if (each.failures > 0 || now - each.since >= SLOW_MS) slow++
    else quick++
  }
  waiting.sort((a, b) => a.dueAt - b.dueAt)
  const mostFailing = Math.max(1, Math.floor(concurrency * FAILING_SHARE))
  const taken: string[] = []
  for (const { machine, failures } of waiting) {
    if (quick >= concurrency || quick + slow >= concurrency * MOST_WAITED) break
    if (failures === 0) quick++
    else if (slow < mostFailing) slow++
    else continue
    taken.push(machine)
  }
  return taken
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193) >>> 0
  return value
}

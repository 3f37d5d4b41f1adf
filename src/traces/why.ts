import { awaitsHome } from './awaited-home.ts'
import { evidenceOf } from './evidence.ts'
import { lastTime } from './history.ts'
import { describeEvent } from './sentences.ts'
import { likeliestCause } from './stall.ts'
import type { Trace } from './trace.ts'

export type WhyFacts = Readonly<{
  now: number
  /** The boot before this one, if any is known. */
  previous?: Trace | undefined
}>

/** A boot in plain sentences: what happened in order, the verdict, and what to do. Times are milliseconds since 1970. */
export type Explanation = Readonly<{
  verdict: string
  sentences: readonly Readonly<{ at: number; text: string }>[]
  next: readonly string[]
}>

/** A long boot is told by its beginning and its end. */
const TOLD_FROM_START = 40
const TOLD_FROM_END = 20
/** A boot program that firmware refuses (Secure Boot) makes it ask again within this time. */
const REFUSED_AT_ONCE_MS = 60_000

export function explain(trace: Trace, facts: WhyFacts): Explanation {
  return { sentences: tell(trace), ...judge(trace, facts) }
}

function tell(trace: Trace): Explanation['sentences'] {
  const all = trace.events.map((event) => ({ at: event.at, text: describeEvent(event) }))
  const leftOut = trace.dropped + Math.max(0, all.length - TOLD_FROM_START - TOLD_FROM_END)
  if (leftOut === 0) return all
  const end = all.slice(Math.max(TOLD_FROM_START, all.length - TOLD_FROM_END))
  return [
    ...all.slice(0, TOLD_FROM_START),
    { at: end[0]?.at ?? trace.updatedAt, text: `(${leftOut} more, left out here)` },
    ...end,
  ]
}

function judge(trace: Trace, { now, previous }: WhyFacts): Pick<Explanation, 'verdict' | 'next'> {
  const again = previous && askedAgain(trace, previous)
  const cause = likeliestCause(trace)
  const silent = `nothing was heard for ${duration(Math.max(0, now - lastHeard(trace)))}`
  switch (trace.state) {
    case 'launched':
      if (trace.stage === 'install')
        return { verdict: `The management OS has done its work: ${sentence(trace.headline)}`, next: [] }
      if (awaitsHome(trace))
        return { verdict: `It was started and is to phone home, which it has not done yet; ${silent}.`, next: [] }
      return trace.stage === 'system'
        ? { verdict: `It has booted: ${sentence(trace.headline)}`, next: [] }
        : {
            verdict: `It started what it was given${trace.profile ? ` (${trace.profile})` : ''} and has asked for nothing since.`,
            next: [],
          }
    case 'parked':
      return {
        verdict: `It is parked, asks again by itself and waits for a decision: ${sentence(trace.headline)}`,
        next: [
          toldToDo(trace) ?? 'approve it, or choose a profile for it (reveille machine approve, reveille machine boot)',
        ],
      }
    case 'running':
      return again ?? { verdict: `It is on its way: ${sentence(trace.headline)}`, next: [] }
    case 'stalled':
      return (
        again ?? { verdict: `It does not go on; ${silent}. Most likely: ${sentence(cause.text)}`, next: cause.next }
      )
    case 'failed':
      return { verdict: `It failed: ${sentence(cause.text)}`, next: cause.next }
    case 'superseded':
      return {
        verdict: `This boot ended when the machine started again. ${sentence(trace.headline)}`,
        next: cause.next,
      }
  }
}

/** What the script that parked it says would help. */
function toldToDo({ events }: Trace): string | undefined {
  const next = events.findLast(({ kind }) => kind === 'http.script')?.detail?.next
  return typeof next === 'string' ? next : undefined
}

/** Firmware that fetches a boot program and starts over at once has refused to run it. */
function askedAgain(trace: Trace, previous: Trace): Pick<Explanation, 'verdict' | 'next'> | undefined {
  const before = evidenceOf(previous)
  const soon = trace.startedAt - lastHeard(previous) <= REFUSED_AT_ONCE_MS
  if (!soon || previous.stage !== 'loader' || !before.programDone || before.ipxeAsked) return undefined
  const cause = likeliestCause(previous)
  return {
    verdict: `It started again ${duration(trace.startedAt - lastHeard(previous))} after the boot before: ${sentence(cause.text)}`,
    next: cause.next,
  }
}

function lastHeard(trace: Trace): number {
  return trace.events.reduce((latest, event) => Math.max(latest, lastTime(event)), trace.startedAt)
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`
}

/** `800 ms`, `12 s`, `4 min`, `3 h`, `2 days`: rounded, for people. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 120_000) return `${Math.round(ms / 1000)} s`
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)} min`
  return ms < 172_800_000 ? `${Math.round(ms / 3_600_000)} h` : `${Math.round(ms / 86_400_000)} days`
}

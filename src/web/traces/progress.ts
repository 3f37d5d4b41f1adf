import type { Trace, TraceEvent } from '../../api/contract/traces.ts'

export type StageName = Trace['stage']

/** The stages of a boot in order, with what each asks in the words of docs/booting.md. */
export const STAGES: readonly (readonly [StageName, string])[] = [
  ['offer', 'Where do I boot?'],
  ['loader', 'Boot program'],
  ['script', 'What do I run?'],
  ['fetch', 'Kernel, initrd, ISO'],
  ['launch', 'Passes control'],
  ['install', 'Management OS'],
  ['system', 'Runs'],
]

export type StageProgress = Readonly<{
  stage: StageName
  asks: string
  /** `passed`: it went on from here; `skipped`: a later stage came without it; `here`: the furthest stage reached. */
  status: 'passed' | 'here' | 'skipped' | 'ahead'
  /** Something in this stage failed or was refused. */
  trouble: boolean
  /** Milliseconds from the first packet to the first event of this stage; `null` when there was none. */
  sinceStart: number | null
  /** Milliseconds until the next stage began; `null` when none came after it. */
  took: number | null
  events: number
}>

/** What became of each stage. An event that belongs to an earlier stage (a second DHCP exchange of iPXE) does not lead back. */
export function stageProgress(trace: Pick<Trace, 'startedAt' | 'stage' | 'events'>): StageProgress[] {
  const start = new Date(trace.startedAt).getTime()
  // Only deployments have it.
  const stages = STAGES.filter(
    ([stage]) => stage !== 'install' || stage === trace.stage || trace.events.some((event) => event.stage === stage),
  )
  const reached = stages.findIndex(([stage]) => stage === trace.stage)
  const firsts = stages.map(([stage]) => trace.events.find((event) => event.stage === stage))
  return stages.map(([stage, asks], index) => {
    const mine = trace.events.filter((event) => event.stage === stage)
    const first = firsts[index]
    const after = firsts.slice(index + 1).find((later) => later !== undefined)
    const status = index > reached ? 'ahead' : index === reached ? 'here' : first ? 'passed' : 'skipped'
    return {
      stage,
      asks,
      status,
      trouble: mine.some((event) => event.outcome === 'failed' || event.outcome === 'refused'),
      sinceStart: first ? new Date(first.at).getTime() - start : null,
      took: first && after ? Math.max(0, new Date(after.at).getTime() - new Date(first.at).getTime()) : null,
      events: mine.reduce((sum, event) => sum + (event.count ?? 1), 0),
    }
  })
}

/** Details of an event as rows, numbers of bytes and times included, nothing without a value. */
export function detailRows(event: TraceEvent): (readonly [string, string])[] {
  const rows = Object.entries(event.detail ?? {})
    .filter(([, value]) => value !== '')
    .map(([name, value]) => [name, String(value)] as const)
  return [['kind', event.kind] as const, ...rows]
}

import { Refusal } from '../kit/errors.ts'
import type { Course, CourseDependencies } from './course.ts'
import { changedDisk, type Deployment, isAtRest, type Task, type TaskWork } from './deployment.ts'
import {
  captured,
  type DiskRecord,
  joined,
  placeOf,
  promised,
  type RecordChange,
  sound,
  superseded,
  wiped,
  written,
} from './disk-records.ts'
import type { Ledger } from './ledger.ts'
import { currentTask, failed, rebooting, succeeded, talking, withTask } from './lifecycle.ts'

/** How the agent says that a task ended. `clean`: no byte of a disk was changed, or all of it was written and verified. */
export type Outcome = Readonly<{
  ok: boolean
  summary: string
  clean: boolean
  detail: Readonly<Record<string, unknown>>
}>

/**
 * Makes a new version of an image of a captured chunk list, and the image if there is none; asked again for the same list it answers
 * with the same version. A `Refusal` when that cannot be.
 */
export type VersionFromCapture = (
  image: string,
  given: Readonly<{ chunks: string; kind: 'disk' | 'partition'; note: string; source: string; by: string }>,
) => Promise<Readonly<{ number: number }>>

type Step = (records: readonly DiskRecord[]) => RecordChange

type Dependencies = Pick<CourseDependencies, 'machines' | 'clock'> &
  Readonly<{ ledger: Ledger; course: Course; versionFromCapture: VersionFromCapture }>

const AGAIN = 'see its log, then deploy it again'

/** What follows from the end of a task. To be called within `ledger.alone` of the machine. */
export class TaskResults {
  readonly #with: Dependencies

  constructor(dependencies: Dependencies) {
    this.#with = dependencies
  }

  /** `task` is `undefined` for the look at the hardware that comes before there are tasks. */
  async take(d: Deployment, task: Task | undefined, outcome: Outcome): Promise<void> {
    const { course, clock } = this.#with
    if (isAtRest(d)) return task && this.#late(d, task, outcome)
    if (!task) {
      if (outcome.ok || d.tasks.length > 0) return
      return course.end(failed(d, `the hardware could not be looked at: ${outcome.summary}`, AGAIN, clock.now()))
    }
    // Told again, or by a boot that is long gone: it is known.
    if (currentTask(d)?.id !== task.id) return
    if (!outcome.ok) return this.#failed(d, task, outcome)
    if (task.work.kind === 'capture') return this.#captured(d, task, task.work, outcome)
    return this.#done(d, task, outcome, stepOf(d.machine, task.work, clock.now()))
  }

  /** The deployment ended meanwhile; but a disk that turned out whole, or untouched, is not half-written. */
  async #late(d: Deployment, task: Task, outcome: Outcome): Promise<void> {
    const { ledger, clock } = this.#with
    const disk = changedDisk(task.work)
    if (!outcome.clean || !disk) return
    const records = ledger.records(d.machine)
    const place = placeOf(d.machine, disk, clock.now())
    const mine = records.some(
      (record) =>
        record.serial === place.serial && record.partition === place.partition && record.halfWrittenBy === d.id,
    )
    if (!mine) return
    const change = joined(records, outcome.ok ? stepOf(d.machine, task.work, clock.now()) : (now) => sound(now, place))
    const text = `${task.id} still ended after all: ${outcome.summary}; its disk is not half-written`
    await ledger.save(
      { ...d, dirty: false, updatedAt: clock.now() },
      { records: change, lines: [ledger.line('info', text)] },
    )
  }

  async #failed(d: Deployment, task: Task, outcome: Outcome): Promise<void> {
    const { ledger, course, clock } = this.#with
    const now = clock.now()
    const disk = changedDisk(task.work)
    const clean = disk && outcome.clean
    const records = joined(ledger.records(d.machine), (each) =>
      clean ? sound(each, placeOf(d.machine, disk, now)) : { put: [], gone: [] },
    )
    const ended = withTask(d, task.id, {
      state: 'failed',
      summary: outcome.summary,
      result: outcome.detail,
      endedAt: now,
    })
    const why =
      task.work.kind === 'capture' && d.action.kind !== 'capture'
        ? `what was to be saved to ${task.work.image} could not be: ${outcome.summary}; nothing was overwritten`
        : outcome.summary
    const dirty = this.#dirtyAfter(d, records)
    await course.end(failed({ ...ended, dirty }, why, AGAIN, now), [], { records })
  }

  async #captured(
    d: Deployment,
    task: Task,
    work: Extract<TaskWork, { kind: 'capture' }>,
    outcome: Outcome,
  ): Promise<void> {
    const { machines, versionFromCapture, clock } = this.#with
    const { chunks } = outcome.detail
    if (typeof chunks !== 'string' || !/^[0-9a-f]{64}$/.test(chunks))
      return this.#failed(d, task, { ...outcome, ok: false, summary: 'the agent did not say what it captured' })
    let summary = `${work.image} needed no new version: nothing has changed since`
    let number: number | null = null
    if (chunks !== work.onlyIfChangedFrom) {
      const name = machines.get(d.machine)?.name ?? d.machine
      const note = d.action.kind === 'capture' ? d.action.note : `saved before ${d.id}`
      const kind = work.from.partition === null ? 'disk' : 'partition'
      try {
        const version = { chunks, kind, note, source: `capture of ${name}`, by: this.#owner(d, work) } as const
        number = (await versionFromCapture(work.image, version)).number
      } catch (error) {
        if (!(error instanceof Refusal)) throw error
        return this.#failed(d, task, { ...outcome, ok: false, summary: error.message })
      }
      summary = `${work.from.serial} is kept as ${work.image}@${number}`
    }
    const place = placeOf(d.machine, work.from, clock.now())
    const told = { ...outcome, summary, detail: { ...outcome.detail, image: work.image, version: number } }
    return this.#done(d, task, told, (records) => captured(records, place, chunks))
  }

  /** What is written back belongs to whoever had the machine before. */
  #owner(d: Deployment, { from }: Extract<TaskWork, { kind: 'capture' }>): string {
    if (d.action.kind === 'capture') return d.orderedBy
    const record = this.#with.ledger
      .records(d.machine)
      .find(({ serial, partition }) => serial === from.serial && partition === (from.partition ?? 0))
    return record?.writeBack?.by ?? d.orderedBy
  }

  async #done(d: Deployment, task: Task, outcome: Outcome, step: Step): Promise<void> {
    const { ledger, course, clock } = this.#with
    const now = clock.now()
    const { summary, detail: result } = outcome
    const done = withTask(d, task.id, { state: 'done', summary, result, endedAt: now })
    const line = ledger.line('info', summary === '' ? `${task.id} is done` : summary)
    if (task.work.kind !== 'finish') {
      const records = joined(ledger.records(d.machine), step)
      const dirty = this.#dirtyAfter(d, records)
      const next = talking({ ...done, dirty, progress: null }, 'running', 'the next step begins', now)
      await ledger.save(next, { lines: [line], records })
      return
    }
    // A kernel that cannot be started directly is reached by a restart: what counts is how the machine left.
    const how = result.how === 'reboot' ? 'reboot' : task.work.how
    course.leaving(d.machine, how === 'reboot')
    if (d.action.kind !== 'install') return course.end(succeeded(done, this.#achieved(d), now), [line])
    const records = joined(
      ledger.records(d.machine),
      (each) => superseded(each, d.id, now),
      ...this.#promises(done, now),
    )
    if (how === 'reboot') await ledger.save(rebooting({ ...done, dirty: false }, now), { lines: [line], records })
    else {
      const left = how === 'kexec' ? 'its system was started by kexec' : 'the machine was switched off'
      const reason = `everything is written and verified, and ${left}`
      const clean = { ...done, dirty: false }
      if (how === 'kexec') await course.started(clean, reason, [line], { records })
      else await course.end(succeeded(clean, reason, now), [line], { records })
    }
  }

  /** What is to be saved before the next deployment writes. */
  #promises(d: Deployment, at: number): Step[] {
    const flashes = d.tasks.flatMap(({ work }) => (work.kind === 'flash' ? [work] : []))
    return (d.order?.targets ?? []).flatMap((target, i): Step[] => {
      const flash = flashes[i]
      if (!target.writeBack || !flash) return []
      const image = target.image.replace(/@\d+$/, '')
      const writeBack = { image, bytes: target.bytes, chunks: flash.chunks, deployment: d.id, by: d.orderedBy }
      return [(records) => promised(records, placeOf(d.machine, flash.to, at), writeBack)]
    })
  }

  #achieved({ action, tasks }: Deployment): string {
    const told = tasks.findLast(({ work, summary }) => work.kind !== 'finish' && summary !== '')?.summary
    return told ?? `the ${action.kind} is done`
  }

  #dirtyAfter(d: Deployment, change: RecordChange): boolean {
    const records = this.#with.ledger.records(d.machine)
    const touched = [...change.put, ...change.gone]
    const kept = records.filter(
      (record) => !touched.some(({ serial, partition }) => serial === record.serial && partition === record.partition),
    )
    return [...kept, ...change.put].some(({ halfWrittenBy }) => halfWrittenBy === d.id)
  }
}

/** What becomes of the records when a task has ended well. */
function stepOf(machine: string, work: TaskWork, at: number): Step {
  const disk = changedDisk(work)
  if (!disk) return () => ({ put: [], gone: [] })
  const place = placeOf(machine, disk, at)
  if (work.kind === 'flash') return () => written(place, work.chunks)
  return work.kind === 'wipe' ? (records) => wiped(records, place) : (records) => sound(records, place)
}

import { Refusal } from '../kit/errors.ts'
import type { Mac } from '../kit/mac.ts'
import type { Inventory } from '../machines/inventory.ts'
import type { Course, CourseDependencies } from './course.ts'
import {
  changedDisk,
  type Deployment,
  isAtRest,
  type LogLine,
  type Task,
  type TaskDisk,
  type TaskWork,
} from './deployment.ts'
import { begun, joined, placeOf, pulled } from './disk-records.ts'
import { type InstallConfigs, misfits, withConfig } from './install-config.ts'
import type { Ledger } from './ledger.ts'
import { booting, currentTask, failed, SILENT_MS, silent, TALKING, talking, withTask } from './lifecycle.ts'
import { planTasks, tasksOf, workText } from './planning.ts'
import { heardProgress, type Report, stateDuring } from './progress.ts'
import type { AgentBoot } from './repository.ts'
import { type Outcome, TaskResults, type VersionFromCapture } from './task-results.ts'

/** How old the progress on disk may be, in milliseconds. In memory it is exact. */
const SAVE_MS = 10_000
/** A request for a boot does not count while the management OS was heard this recently: anybody may ask for a script. */
const HEARD_MS = 10_000
/** Most lists of other disks that are told to an agent. */
const MOST_LOCAL = 32

type LocalList = Readonly<{ serial: string; partition: number | null; chunks: string }>

/** A task as the agent is given it. */
export type GivenTask =
  | Exclude<TaskWork, { kind: 'flash' }>
  | (Extract<TaskWork, { kind: 'flash' }> & { local: LocalList[] })

/** `wait`: ask again after `seconds`. */
export type NextForAgent =
  | Readonly<{ do: 'task'; id: string; task: GivenTask }>
  | Readonly<{ do: 'wait'; seconds: number; reason: string }>

/** `stop`: leave the task at the next safe point; no further byte is to be written. */
export type HeardByServer = Readonly<{ stop: boolean; shell: boolean }>

type Dependencies = Pick<CourseDependencies, 'machines' | 'clock' | 'log'> &
  Readonly<{
    ledger: Ledger
    course: Course
    versionFromCapture: VersionFromCapture
    configs?: InstallConfigs | undefined
    /** Whether an operator waits for a terminal of this machine. */
    wantsShell: (machine: string) => boolean
  }>

/** What the management OS is answered. Everything that must not be lost is durable before its promise resolves; all may be asked twice. */
export class AgentDesk {
  readonly #with: Dependencies
  readonly #results: TaskResults
  readonly #savedAt = new Map<string, number>()

  constructor(dependencies: Dependencies) {
    this.#with = dependencies
    this.#results = new TaskResults(dependencies)
  }

  /** Keeps a boot whose pass was fetched; older boots of its machine are over. False when it was there before: the pass was replayed. */
  takeBoot(boot: Pick<AgentBoot, 'id' | 'machine' | 'deployment' | 'expiresAt'>): Promise<boolean> {
    const { ledger, clock } = this.#with
    return ledger.alone(boot.machine, async () => {
      if (ledger.boot(boot.id)) return false
      const { id, machine, deployment, expiresAt } = boot
      const taken = { id, machine, deployment, createdAt: clock.now(), expiresAt, nonce: null, serverNonce: null }
      await ledger.saveBoot(
        taken,
        ledger.boots(machine).filter((old) => this.#over(old)),
      )
      return true
    })
  }

  /** The boot, while it may still speak. */
  boot(id: string): AgentBoot | undefined {
    const boot = this.#with.ledger.boot(id)
    return boot && !this.#over(boot) && this.#newest(boot) ? boot : undefined
  }

  /** Keeps the nonces of the first hello and returns those that are kept; `undefined` when the boot is over. */
  greet(
    id: string,
    hello: Readonly<{ nonce: string; version: string }>,
    serverNonce: string,
  ): Promise<AgentBoot | undefined> {
    const { ledger, course, clock } = this.#with
    const known = ledger.boot(id)
    if (!known) return Promise.resolve(undefined)
    return ledger.alone(known.machine, async () => {
      const boot = this.boot(id)
      if (!boot || boot.nonce !== null) return boot
      const greeted = { ...boot, nonce: hello.nonce, serverNonce }
      await ledger.saveBoot(greeted)
      course.heard(boot.machine)
      const d = ledger.current(boot.machine)
      if (!d || d.state === 'rebooting') return greeted
      const line = ledger.line('info', `the management OS ${hello.version} says hello`)
      await ledger.save(talking(d, 'running', 'the management OS runs and looks at the hardware', clock.now()), {
        lines: [line],
      })
      return greeted
    })
  }

  /** What the management OS found; the tasks of a deployment are planned on it. */
  inventory({ machine }: AgentBoot, inventory: Inventory): Promise<void> {
    const { ledger, course, clock } = this.#with
    return ledger.alone(machine, async () => {
      course.heard(machine)
      const takenAt = clock.now()
      const serials = new Set(inventory.disks.flatMap(({ serial }) => serial ?? []))
      await ledger.saveRecords(machine, pulled(ledger.records(machine), serials))
      const taken = { takenAt, inventory }
      const d = ledger.current(machine)
      if (!d || d.tasks.length > 0 || d.state === 'rebooting') await ledger.saveInventory(machine, taken)
      else await this.#plan(d, taken)
    })
  }

  async #plan(d: Deployment, taken: Readonly<{ takenAt: number; inventory: Inventory }>): Promise<void> {
    const { ledger, course, clock } = this.#with
    const now = clock.now()
    const records = ledger.records(d.machine)
    const plan = planTasks(d, { machine: this.#name(d.machine), inventory: taken.inventory, records })
    const notes = plan.notes.map((note) => ledger.line('warn', note))
    const problems = [...plan.problems, ...misfits(plan.works, this.#writtenFor(d))]
    if (problems.length > 0) {
      const next = 'correct the order or the hardware, then deploy it again'
      await course.end(failed(d, problems.join('; '), next, now), notes, { inventory: taken })
      return
    }
    const done = (task: Task): Task =>
      task.work.kind === 'inventory'
        ? { ...task, state: 'done', summary: 'the hardware is known', startedAt: now, endedAt: now }
        : task
    const tasks = tasksOf(d, plan.works).map(done)
    const lines = [...notes, ...plan.works.map((work, i) => ledger.line('info', `step ${i + 1}: ${workText(work)}`))]
    const planned = talking({ ...d, tasks }, 'running', 'the hardware is known and the steps are planned', now)
    await ledger.save(planned, { lines, inventory: taken })
  }

  /** The one task to do now. */
  next({ machine }: AgentBoot): Promise<NextForAgent> {
    const { ledger, course, clock } = this.#with
    return ledger.alone(machine, async (): Promise<NextForAgent> => {
      course.heard(machine)
      await course.advance(machine)
      const d = ledger.current(machine)
      if (!d) return this.#idle(machine)
      if (d.tasks.length === 0) return { do: 'task', id: `${d.id}.0`, task: { kind: 'inventory' } }
      const task = currentTask(d) ?? d.tasks.at(-1)
      if (!task) return { do: 'wait', seconds: 5, reason: d.reason }
      const target = changedDisk(task.work)
      if (target && !d.armed.some(({ disk }) => disk === target.serial)) {
        const why = `the disk ${target.serial} is not armed`
        await course.end(failed(d, why, 'this is a fault of Reveille: please report it', clock.now()))
        return { do: 'wait', seconds: 5, reason: why }
      }
      const given = this.#given(d, task)
      if (typeof given === 'string') {
        await course.end(failed(d, given, 'correct the config or its values, then deploy it again', clock.now()))
        return { do: 'wait', seconds: 5, reason: given }
      }
      if (task.state === 'waiting') {
        const started = withTask(d, task.id, { state: 'running', startedAt: task.startedAt ?? clock.now() })
        const what = workText(task.work)
        await ledger.save(talking({ ...started, progress: null }, 'running', what, clock.now()), {
          lines: [ledger.line('info', what)],
        })
      }
      return { do: 'task', id: task.id, task: given }
    })
  }

  /** Without a deployment it makes room, except where a half-written disk keeps the machine from booting. */
  #idle(machine: string): NextForAgent {
    const { ledger, course } = this.#with
    const waits = ledger.open(machine)[0]
    if (waits) return { do: 'wait', seconds: 5, reason: waits.reason }
    if (ledger.records(machine).some(({ halfWrittenBy }) => halfWrittenBy !== null))
      return { do: 'wait', seconds: 15, reason: 'a disk is half-written: deploy this machine again, or wipe it' }
    course.leaving(machine, true)
    return { do: 'task', id: LEAVE, task: { kind: 'finish', how: 'reboot' } }
  }

  /** The task as the agent is given it, or why it cannot be done. */
  #given(d: Deployment, { work, state }: Task): GivenTask | string {
    // What is done needs no secrets any more.
    if (work.kind === 'identity' && state !== 'done') return withConfig(work, this.#writtenFor(d))
    const records = this.#with.ledger.records(d.machine)
    // What is written already no longer has the content that it was armed with.
    const touched = ({ serial }: TaskDisk) =>
      records.some((record) => record.serial === serial && record.halfWrittenBy === d.id) ||
      d.tasks.some((task) => task.state === 'done' && changedDisk(task.work)?.serial === serial)
    const known = (disk: TaskDisk): TaskDisk => (touched(disk) ? { ...disk, fingerprint: null } : disk)
    if (work.kind === 'wipe') return { ...work, disk: known(work.disk) }
    if (work.kind !== 'flash') return work
    const local = localLists(records).filter(({ serial }) => serial !== work.to.serial)
    return { ...work, to: known(work.to), local }
  }

  /**
   * Progress of a task, and the sign of life. `dirty` is durable before the answer; after a `stop` no byte may be written that
   * was not begun.
   */
  async progress({ machine }: AgentBoot, taskId: string, report: Report): Promise<HeardByServer> {
    const { ledger, course, wantsShell } = this.#with
    const shell = wantsShell(machine)
    const d = ledger.current(machine)
    if (d && currentTask(d)?.id === taskId) {
      course.heard(machine)
      if (this.#mustSave(d, report)) {
        const stop = await ledger.alone(machine, () => this.#saveProgress(machine, taskId, report))
        return { stop, shell }
      }
      ledger.remember(this.#heard(d, report))
      return { stop: false, shell }
    }
    // The look at the hardware before there are tasks.
    if (d && d.tasks.length === 0 && taskId === `${d.id}.0`) {
      course.heard(machine)
      return { stop: false, shell }
    }
    return { stop: taskId !== LEAVE && !(d?.state === 'rebooting'), shell }
  }

  #heard(d: Deployment, report: Report): Deployment {
    const now = this.#with.clock.now()
    const task = currentTask(d) as Task
    const progress = heardProgress(d.progress, report, now)
    const state = stateDuring(task, report.phase, report.dirty)
    const running = withTask(d, task.id, { state: 'running', startedAt: task.startedAt ?? now })
    return { ...talking(running, state, workText(task.work), now), progress }
  }

  #mustSave(d: Deployment, report: Report): boolean {
    const task = currentTask(d)
    if (!task || !TALKING.includes(d.state) || task.state !== 'running') return true
    if (report.dirty && this.#begins(d, task)) return true
    if (stateDuring(task, report.phase, report.dirty) !== d.state) return true
    return this.#with.clock.now() - (this.#savedAt.get(d.id) ?? 0) >= SAVE_MS
  }

  /** Whether the disk of this task is not yet known to be half-written. */
  #begins(d: Deployment, { work }: Task): boolean {
    const disk = changedDisk(work)
    if (!disk) return false
    const { serial, partition } = placeOf(d.machine, disk, 0)
    const records = this.#with.ledger.records(d.machine)
    return !records.some(
      (record) => record.serial === serial && record.partition === partition && record.halfWrittenBy === d.id,
    )
  }

  async #saveProgress(machine: string, taskId: string, report: Report): Promise<boolean> {
    const { ledger, clock } = this.#with
    const d = ledger.current(machine)
    const task = d && currentTask(d)
    if (!d || !task || task.id !== taskId) return true
    const disk = report.dirty && this.#begins(d, task) ? changedDisk(task.work) : undefined
    const heard = this.#heard(d, report)
    this.#savedAt.set(d.id, clock.now())
    if (!disk) {
      await ledger.save(heard)
      return false
    }
    const place = placeOf(machine, disk, clock.now())
    const records = joined(ledger.records(machine), (now) => begun(now, place, d.id))
    const lines = [ledger.line('info', `the first byte of ${disk.serial} is about to be changed`)]
    await ledger.save({ ...talking(heard, 'writing', heard.reason, clock.now()), dirty: true }, { lines, records })
    return false
  }

  /** How a task ended. Told again, nothing happens twice. A `Refusal` (`not-found`) for a task that was never this machine's. */
  async result({ machine }: AgentBoot, taskId: string, outcome: Outcome): Promise<void> {
    const { ledger, course } = this.#with
    if (taskId === LEAVE) return
    await ledger.alone(machine, async () => {
      course.heard(machine)
      const d = await ledger.find(taskId.slice(0, Math.max(0, taskId.lastIndexOf('.'))))
      const task = d?.tasks.find(({ id }) => id === taskId)
      const looked = d?.machine === machine && taskId === `${d.id}.0`
      if (!d || d.machine !== machine || (!task && !looked))
        throw new Refusal('not-found', `there is no task ${taskId} for this machine`, { next: 'ask for the next task' })
      await this.#results.take(d, task, outcome)
      if (isAtRest(ledger.get(d.id) ?? d)) this.#savedAt.delete(d.id)
    })
  }

  /** Lines of the management OS, for the log of what it works on. */
  async log({ machine, deployment }: AgentBoot, lines: readonly LogLine[]): Promise<void> {
    const { ledger, course } = this.#with
    await ledger.alone(machine, async () => {
      if (ledger.current(machine)) course.heard(machine)
      await ledger.append(ledger.current(machine)?.id ?? deployment, lines)
    })
  }

  /** What an operator should find in the log although the agent did not say it. */
  remark(
    { machine, deployment }: Pick<AgentBoot, 'machine' | 'deployment'>,
    level: 'info' | 'warn',
    text: string,
  ): void {
    const { ledger, log } = this.#with
    ledger
      .alone(machine, () => ledger.append(ledger.current(machine)?.id ?? deployment, [ledger.line(level, text)]))
      .catch((error: unknown) => log.error({ deployment, error }, 'a remark could not be written into a log'))
  }

  /** SHA-256 of the chunk lists that this boot may read: those of the tasks, and of what other disks are said to hold. */
  lists({ machine }: Pick<AgentBoot, 'machine'>): readonly string[] {
    const { ledger } = this.#with
    const d = ledger.current(machine)
    if (!d) return []
    const flashed = d.tasks.flatMap(({ work }) => (work.kind === 'flash' ? [work.chunks] : []))
    const saved = d.tasks.flatMap(({ work }) => (work.kind === 'capture' ? (work.onlyIfChangedFrom ?? []) : []))
    return [...new Set([...flashed, ...saved, ...localLists(ledger.records(machine)).map(({ chunks }) => chunks)])]
  }

  /** Whether a capture runs: only then does this boot send chunks. */
  captures({ machine }: Pick<AgentBoot, 'machine'>): boolean {
    const d = this.#with.ledger.current(machine)
    return d !== undefined && currentTask(d)?.work.kind === 'capture'
  }

  /** The machine asked for its script and was given the management OS. Resolves when that is recorded. */
  bootSeen(machine: string): Promise<void> {
    const { ledger, course, clock } = this.#with
    return ledger.alone(machine, async () => {
      const d = ledger.current(machine)
      const now = clock.now()
      if (!d || d.state === 'rebooting' || (d.state === 'booting' && (d.deadlineAt ?? 0) - now > BOOTING_LEFT_MS))
        return
      if (TALKING.includes(d.state) && now - course.heardAt(machine) < HEARD_MS) return
      const next = booting(d, now)
      await ledger.save(next, { lines: [ledger.line('info', next.reason)] })
    })
  }

  /** Says in the reason that the management OS is silent; true when it has been for too long. */
  async watch(d: Deployment): Promise<boolean> {
    const { ledger, course, clock } = this.#with
    const now = clock.now()
    const heardAt = course.heardAt(d.machine)
    if (!TALKING.includes(d.state) || now - heardAt < SILENT_MS) return false
    const told = silent(d, heardAt, now)
    if (!d.reason.startsWith(SILENCE)) await ledger.save(told, { lines: [ledger.line('warn', told.reason)] })
    else ledger.remember(told)
    return (told.deadlineAt ?? 0) <= now
  }

  /** What of a machine's name and MAC is shown in traces. */
  machine(id: string): Readonly<{ name: string; mac: Mac | undefined }> | undefined {
    const machine = this.#with.machines.get(id)
    return machine && { name: machine.name, mac: machine.macs[0] }
  }

  #over({ expiresAt }: AgentBoot): boolean {
    return expiresAt <= this.#with.clock.now()
  }

  /** A newer boot of the same machine ends the older ones. */
  #newest(boot: AgentBoot): boolean {
    const mine = this.#with.ledger.boots(boot.machine)
    return mine.at(-1)?.id === boot.id
  }

  #writtenFor({ id, machine }: Deployment) {
    return { deployment: id, machine: this.#with.machines.get(machine), configs: this.#with.configs }
  }

  #name(machine: string): string {
    return this.#with.machines.get(machine)?.name ?? machine
  }
}

/** The task of an agent that is no longer needed. */
const LEAVE = 'leave'
const SILENCE = 'the management OS was last heard'
/** A request for a boot that repeats within a minute is the same boot. */
const BOOTING_LEFT_MS = 9 * 60_000

function localLists(records: readonly { serial: string; partition: number; chunks: string | null }[]): LocalList[] {
  const known = records.flatMap(({ serial, partition, chunks }) =>
    chunks === null ? [] : [{ serial, partition: partition === 0 ? null : partition, chunks }],
  )
  return known.slice(0, MOST_LOCAL)
}

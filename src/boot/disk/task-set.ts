import { getLun, getU32 } from '../../protocols/iscsi/fields.ts'
import { FINAL, IMMEDIATE, REJECT, RESERVED_TAG } from '../../protocols/iscsi/opcodes.ts'
import { planMissingUnit } from '../../protocols/scsi/logical-unit.ts'
import { SENSE } from '../../protocols/scsi/sense.ts'
import { Commands } from './commands.ts'
import type { SessionLun } from './session-lun.ts'
import type { SessionWire } from './session-wire.ts'
import { Task } from './task.ts'

/** Unsent bytes of one connection above which nothing more is read or begun. */
const MOST_BACKLOG = 1024 * 1024
/** Immediate commands that may wait; they are outside the window, so they need a limit of their own. */
const MOST_IMMEDIATE = 32
const MOST_TASKS = 256

/** The SCSI commands of one session: takes headers and data, begins tasks when their data is there, aborts them. */
export class TaskSet {
  readonly #wire: SessionWire
  readonly #luns: (SessionLun | undefined)[] = []
  readonly #numbers: readonly number[]
  readonly #commands: Commands
  readonly #tasks = new Map<number, Task>()
  /** Tasks that wait until what was answered has been taken. */
  readonly #ready: Task[] = []
  readonly #free: Task[] = []
  readonly #cdb = new Uint8Array(16)
  readonly #changed: () => void
  readonly #wake = () => {
    if (!this.#isEnded) this.resume()
  }
  readonly #takeOneMore = () => {
    if (this.#isEnded || this.#ready.length === 0) return
    // Congested: goes on when something was taken.
    if (this.isCongested) return
    this.#run(this.#ready.shift()!)
    if (this.#ready.length > 0) this.#wire.memory.wait(this.#takeOneMore)
    this.#wire.output.flush()
  }
  #isEnded = false

  constructor(wire: SessionWire, luns: readonly SessionLun[], changed: () => void) {
    this.#wire = wire
    this.#changed = changed
    for (const one of luns) this.#luns[one.lun.number] = one
    this.#numbers = luns.map((one) => one.lun.number).sort((a, b) => a - b)
    this.#commands = new Commands(wire, luns, (task) => this.#finish(task))
  }

  get outstanding(): number {
    return this.#tasks.size
  }

  /**
   * Whether new work has to wait, and with it reading from the socket. Short memory is no reason not to read: what is awaited may be the data
   * of writes, which give theirs back when they are done.
   */
  get isCongested(): boolean {
    return this.#wire.output.backlog > MOST_BACKLOG
  }

  get hasWaiting(): boolean {
    return this.#ready.length > 0
  }

  /**
   * A SCSI command (RFC 7143, 11.3). @returns why it is rejected; -1: it is not.
   */
  command(head: Uint8Array, at: number, data: Uint8Array, now: number): number {
    const dataBytes = data.length
    const flags = head[at + 1]!
    const immediate = (head[at]! & IMMEDIATE) !== 0
    if (immediate ? this.#tasks.size >= MOST_TASKS + MOST_IMMEDIATE : this.#tasks.size >= MOST_TASKS)
      return REJECT.immediateCommand
    const tag = getU32(head, at + 16)
    if (this.#tasks.size > 0 && this.#tasks.has(tag)) return REJECT.taskInProgress
    const writes = (flags & 0x20) !== 0
    if (dataBytes > 0 && (!writes || !this.#wire.parameters.immediateData)) return REJECT.protocolError
    const task = this.#free.pop() ?? new Task()
    task.reset()
    task.tag = tag
    task.cmdSN = getU32(head, at + 24)
    task.startedAt = now
    const expected = getU32(head, at + 20)
    task.expectedIn = (flags & 0x40) !== 0 ? expected : 0
    task.expectedOut = writes ? expected : 0
    const cdb = this.#cdb
    for (let i = 0; i < 16; i++) cdb[i] = head[at + 32 + i]!
    task.lunNumber = getLun(head, at + 8)
    const place = task.lunNumber < 0 ? undefined : this.#luns[task.lunNumber]
    const plan = task.plan
    if (place) {
      task.lun = place.lun
      task.nexus = place.nexus
      place.lun.unit.plan(place.nexus, cdb, plan)
      if (plan.action === 'parameters') task.cdb = cdb.slice()
    } else planMissingUnit(cdb, this.#numbers, plan)

    const wantsData = plan.dataOut > 0 && writes
    task.want = wantsData ? Math.min(plan.dataOut, expected) : 0
    const { firstBurst, initialR2T } = this.#wire.parameters
    if (dataBytes > expected || dataBytes > firstBurst) return REJECT.protocolError
    // Without F, data follows that we did not ask for (11.3.1).
    task.unsolicited = writes && (flags & FINAL) === 0
    if (task.unsolicited && initialR2T) return REJECT.protocolError
    if (dataBytes > 0) this.#take(task, data, task.unsolicited ? firstBurst : 0)
    if (task.unsolicited || task.have < task.want) {
      this.#tasks.set(tag, task)
      if (!task.unsolicited) this.#commands.solicit(task)
      return -1
    }
    this.#begin(task)
    return -1
  }

  /** Takes data that the task wants; what goes beyond is dropped. `most`: how much may follow it without a pause, itself included. */
  #take(task: Task, data: Uint8Array, most: number): undefined {
    const lacks = task.want - task.have
    if (lacks <= 0) return
    const wanted = data.length > lacks ? data.subarray(0, lacks) : data
    // All of it at once: it may be done with before the turn ends.
    if (wanted.length === task.want && !task.unsolicited) {
      task.parts = [wanted]
      task.isBorrowed = true
    } else task.keep(wanted, Math.min(most, lacks), this.#wire.memory)
    task.have += wanted.length
  }

  #begin(task: Task): undefined {
    const isRead = task.plan.action === 'read'
    const memory = this.#wire.memory
    const isShort = isRead && memory.isTight && this.#tasks.size > 0
    if (this.isCongested || isShort || (isRead && this.#ready.length > 0)) {
      task.own(memory)
      this.#tasks.set(task.tag, task)
      this.#ready.push(task)
      if (isShort) memory.wait(this.#takeOneMore)
      return
    }
    this.#run(task)
  }

  #run(task: Task): undefined {
    this.#commands.run(task)
    // Most are answered by now; those that are not have to be found again.
    if (task.isRunning) this.#tasks.set(task.tag, task)
  }

  /** Begins what waited, as far as there is room. */
  resume(): undefined {
    const memory = this.#wire.memory
    // One of a session goes on in any case, or all might wait for each other.
    while (this.#ready.length > 0 && !this.isCongested && (!memory.isTight || this.#ready.length === this.#tasks.size))
      this.#run(this.#ready.shift()!)
    if (this.#ready.length > 0 && memory.isTight) memory.wait(this.#takeOneMore)
    this.#wire.output.flush()
  }

  /**
   * Data-Out (RFC 7143, 11.7). @returns false when it breaks the rules so that the connection cannot go on.
   */
  dataOut(head: Uint8Array, at: number, data: Uint8Array): boolean {
    const task = this.#tasks.get(getU32(head, at + 16))
    // Data of a task that was answered or aborted may still be on its way; one that has all it asked for takes no more.
    if (!task || !awaitsData(task)) return true
    const final = (head[at + 1]! & FINAL) !== 0
    const transfer = getU32(head, at + 20)
    const offset = getU32(head, at + 40)
    if (transfer === RESERVED_TAG ? !task.unsolicited : task.unsolicited || transfer !== task.transfer) return true
    // DataPDUInOrder and DataSequenceInOrder are Yes: one DataSN after the other, without gaps.
    if (getU32(head, at + 36) !== task.expectedDataSN++) return this.#breakOff(task)
    if (task.unsolicited) return this.#unsolicited(task, data, offset, final)
    if (offset !== task.have || data.length > task.asked) return this.#breakOff(task)
    this.#take(task, data, task.asked)
    task.asked -= data.length
    this.#commands.answered(data.length)
    if (!final) return true
    // A sequence that ends early would leave a hole.
    if (task.asked > 0) return this.#breakOff(task)
    if (task.have < task.want) this.#commands.solicit(task)
    else this.#begin(task)
    return true
  }

  #unsolicited(task: Task, data: Uint8Array, offset: number, final: boolean): boolean {
    if (task.want > 0 && task.have < task.want && offset !== task.have) return this.#breakOff(task)
    const left = Math.min(task.expectedOut, this.#wire.parameters.firstBurst) - offset
    if (data.length > left) return false
    task.unsolicited = !final
    this.#take(task, data, left)
    if (!final) return true
    if (task.have < task.want) this.#commands.solicit(task)
    else this.#begin(task)
    return true
  }

  /** The data of one task is not usable; others are not concerned (7.8: with error recovery level 0 the command ends in an error). */
  #breakOff(task: Task): boolean {
    this.#commands.forget(task)
    task.plan.fail(SENSE.dataPhase)
    task.plan.dataOut = task.expectedOut
    this.#commands.respond(task)
    return true
  }

  /** A data segment was damaged on the way: the command it belongs to ends in an error (RFC 7143, 7.9). */
  damaged(head: Uint8Array, at: number): undefined {
    const task = this.#tasks.get(getU32(head, at + 16))
    if (!task || !awaitsData(task)) return
    this.#commands.forget(task)
    task.plan.fail(SENSE.dataDigest)
    this.#commands.respond(task)
  }

  #finish(task: Task): undefined {
    task.isRunning = false
    if (this.#tasks.size > 0) this.#tasks.delete(task.tag)
    task.drop(this.#wire.memory)
    const settled = task.settled
    if (settled) {
      task.settled = undefined
      for (const each of settled) each()
    }
    if (this.#free.length < 64) this.#free.push(task)
    if (this.#ready.length > 0) setImmediate(this.#wake)
    this.#changed()
  }

  /** Ends a task without an answer. @returns when nothing of it goes on; `undefined`: at once. */
  #abort(task: Task): Promise<void> | undefined {
    if (task.isRunning) {
      task.isAborted = true
      return new Promise((resolve) => {
        task.settled = [...(task.settled ?? []), resolve]
      })
    }
    task.isAborted = true
    const at = this.#ready.indexOf(task)
    if (at >= 0) this.#ready.splice(at, 1)
    this.#commands.forget(task)
    this.#finish(task)
    return undefined
  }

  /** ABORT TASK. `undefined`: there is no such task. */
  abortTag(tag: number): Promise<unknown> | undefined {
    const task = this.#tasks.get(tag)
    return task ? (this.#abort(task) ?? Promise.resolve()) : undefined
  }

  /** Aborts the tasks of a LUN; of all when `lun` is `undefined`. @returns when nothing of them goes on. */
  abortAll(lun?: number): Promise<unknown> {
    const waits: Promise<void>[] = []
    for (const task of [...this.#tasks.values()])
      if (lun === undefined || task.lunNumber === lun) {
        const wait = this.#abort(task)
        if (wait) waits.push(wait)
      }
    return Promise.all(waits)
  }

  /** The session is over. @returns when none of its tasks goes on. */
  async end(): Promise<void> {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#wire.memory.forget(this.#takeOneMore)
    await this.abortAll()
    for (const one of this.#luns) one?.lun.unit.detach(one.nexus)
  }
}

const awaitsData = (task: Task) => !task.isRunning && (task.unsolicited || task.asked > 0)

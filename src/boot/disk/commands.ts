import { putCommandResponse, putDataIn, putReadyToTransfer, type Sequence } from '../../protocols/iscsi/responses.ts'
import { type Action, BLOCK_BYTES, STATUS } from '../../protocols/scsi/plan.ts'
import { encodeSense, SENSE, SENSE_BYTES } from '../../protocols/scsi/sense.ts'
import { copy } from './copy.ts'
import { execute, senseOf } from './execute.ts'
import type { Region } from './output.ts'
import type { SessionLun } from './session-lun.ts'
import type { SessionWire } from './session-wire.ts'
import type { Task } from './task.ts'

/** Longest data segment we send: two fit a slab. */
const MOST_DATA_IN = 256 * 1024
/** Answers are sent together, but not more than stays in the processor's cache between being read and being sent. */
const ENOUGH_TO_SEND = 256 * 1024
/** Bytes that one session may have been asked to send at a time, beyond the first request. */
const MOST_SOLICITED = 16 * 1024 * 1024
const TIGHT_BURST = 64 * 1024

/** Runs tasks and answers them. What a task's end means for the session is for `finished` to say. */
export class Commands {
  readonly #wire: SessionWire
  readonly #luns: readonly SessionLun[]
  readonly #finished: (task: Task) => undefined
  readonly #sequence: Sequence
  #solicited = 0
  readonly #unasked: Task[] = []
  #transfers = 0

  constructor(wire: SessionWire, luns: readonly SessionLun[], finished: (task: Task) => undefined) {
    this.#wire = wire
    this.#luns = luns
    this.#sequence = wire.sequence
    this.#finished = finished
  }

  /** Asks for what a task still wants; later, when too much is under way. */
  solicit(task: Task): undefined {
    const wire = this.#wire
    const most = wire.memory.isTight ? Math.min(TIGHT_BURST, wire.parameters.maxBurst) : wire.parameters.maxBurst
    const bytes = Math.min(task.want - task.have, most)
    if (this.#solicited > 0 && this.#solicited + bytes > MOST_SOLICITED) {
      this.#unasked.push(task)
      return
    }
    this.#transfers = (this.#transfers + 1) % 0xffffffff
    task.transfer = this.#transfers
    task.asked = bytes
    task.expectedDataSN = 0
    this.#solicited += bytes
    const at = wire.reserve(0)
    putReadyToTransfer(wire.output.bytes, at, this.#sequence, {
      tag: task.tag,
      lun: task.lunNumber,
      transfer: task.transfer,
      r2tSN: task.r2tSN++,
      offset: task.have,
      bytes,
    })
    wire.seal(at, 0)
    wire.output.flushSoon()
  }

  /** Solicited data came, or will not come any more. */
  answered(bytes: number): undefined {
    this.#solicited -= bytes
    while (this.#unasked.length > 0 && this.#solicited < MOST_SOLICITED) {
      const next = this.#unasked.shift()!
      if (!next.isAborted) this.solicit(next)
    }
  }

  forget(task: Task): undefined {
    const at = this.#unasked.indexOf(task)
    if (at >= 0) this.#unasked.splice(at, 1)
    if (task.asked > 0) {
      const asked = task.asked
      task.asked = 0
      this.answered(asked)
    }
  }

  /** Everything the task wants is there. */
  run(task: Task): undefined {
    task.isRunning = true
    const plan = task.plan
    if (plan.action === 'parameters') {
      // What is in the list may be remembered.
      const list = Buffer.concat(task.parts)
      // Less came than the command says: the list is not whole.
      if (list.length < plan.dataOut) plan.fail(SENSE.parameterListLength)
      else task.lun!.unit.parameters(task.nexus!, task.cdb, list, plan)
    }
    switch (plan.action) {
      case 'read':
        if (plan.flush) return this.#later(task, task.lun!.device.flush(), () => this.#read(task, 0))
        return this.#read(task, 0)
      case 'write':
        return this.#write(task)
      case 'data':
        return this.#answerData(task, plan.data!)
      case 'status':
        if (!plan.settled) return this.respond(task)
        return this.#later(task, plan.settled, () => this.respond(task))
      case 'copy':
        return this.#later(task, copy(task, this.#luns, this.#wire.memory), () => this.respond(task))
      default:
        // Only plain writes are done by halves: for the others the data has to be just what the CDB is about.
        if (task.expectedOut !== plan.dataOut && isWhole(plan.action)) {
          plan.fail(SENSE.invalidField)
          return this.respond(task)
        }
        task.own(this.#wire.memory)
        return this.#later(task, execute(task.lun!, plan, task.parts), () => {
          if (plan.action === 'data') this.#answerData(task, plan.data!)
          else this.respond(task)
        })
    }
  }

  #later(task: Task, work: Promise<unknown>, then: () => void): undefined {
    work.then(
      () => this.#resume(task, then),
      (error) => this.#fail(task, error, true),
    )
  }

  #resume(task: Task, then: () => void): undefined {
    if (task.isAborted) return this.#finished(task)
    then()
    this.#wire.output.flushSoon()
  }

  #fail(task: Task, error: unknown, writing: boolean): undefined {
    if (task.isAborted) return this.#finished(task)
    this.#wire.log.warn({ error: error instanceof Error ? error.message : String(error) }, 'a disk failed a command')
    task.plan.fail(senseOf(error, writing))
    this.respond(task)
    this.#wire.output.flushSoon()
  }

  /** Reads from `offset` on; what is not at hand at once goes on when it is, and lets others pass. */
  #read(task: Task, from: number): undefined {
    const { plan } = task
    const wire = this.#wire
    const output = wire.output
    const total = Math.min(plan.bytes, task.expectedIn)
    if (total === 0) return this.respond(task)
    // Less than whole blocks is announced: rare enough to take a way of its own.
    if (total % BLOCK_BYTES !== 0) return this.#readPart(task)
    const most = wholeBlocks(Math.min(MOST_DATA_IN, wire.parameters.initiatorDataBytes))
    const maxBurst = wholeBlocks(wire.parameters.maxBurst)
    let offset = from
    while (offset < total) {
      const burst = maxBurst - (offset % maxBurst)
      const bytes = Math.min(total - offset, most, burst)
      const at = wire.reserve(bytes)
      let pending: undefined | Promise<void>
      try {
        const start = at + wire.headBytes
        pending = task.lun!.device.read(output.bytes.subarray(start, start + bytes), plan.at + offset)
      } catch (error) {
        output.giveBack(at)
        return this.#fail(task, error, false)
      }
      if (pending) {
        const region = output.detach(at)
        this.#readLater(task, pending, region, offset, bytes, total)
        return
      }
      this.#putDataIn(output.bytes, at, task, offset, bytes, total)
      offset += bytes
      if (output.unsent >= ENOUGH_TO_SEND) output.flush()
    }
    this.#countRead(task, total)
    this.#finished(task)
  }

  #readPart(task: Task): undefined {
    const { plan } = task
    const data = Buffer.allocUnsafe(plan.bytes)
    this.#later(task, Promise.resolve(task.lun!.device.read(data, plan.at)), () => this.#answerData(task, data))
  }

  #readLater(
    task: Task,
    pending: Promise<void>,
    region: Region,
    offset: number,
    bytes: number,
    total: number,
  ): undefined {
    const output = this.#wire.output
    pending.then(
      () => {
        if (task.isAborted) {
          output.drop(region)
          return this.#finished(task)
        }
        // What was finished before goes first: StatSN counts in the order in which PDUs are sent.
        this.#putDataIn(region.slab.bytes, region.at, task, offset, bytes, total)
        output.send(region)
        if (offset + bytes < total) this.#read(task, offset + bytes)
        else {
          this.#countRead(task, total)
          this.#finished(task)
        }
        output.flushSoon()
      },
      (error) => {
        output.drop(region)
        this.#fail(task, error, false)
      },
    )
  }

  #countRead(task: Task, bytes: number): undefined {
    const counters = this.#wire.counters
    const now = performance.now()
    counters.reads++
    counters.bytesRead += bytes
    counters.readLatencies.record((now - task.startedAt) * 1000, now)
  }

  #putDataIn(into: Buffer, at: number, task: Task, offset: number, bytes: number, total: number): undefined {
    const isLast = offset + bytes === total
    putDataIn(into, at, this.#sequence, {
      tag: task.tag,
      dataBytes: bytes,
      dataSN: task.dataSN++,
      offset,
      last: isLast || (offset + bytes) % wholeBlocks(this.#wire.parameters.maxBurst) === 0,
      status: isLast ? STATUS.good : -1,
      residual: isLast ? task.expectedIn - task.plan.bytes : 0,
    })
    this.#wire.sealIn(into, at, bytes)
  }

  #answerData(task: Task, data: Uint8Array): undefined {
    const wire = this.#wire
    const total = Math.min(data.length, task.expectedIn)
    if (total === 0) {
      task.plan.bytes = data.length
      return this.respond(task)
    }
    const most = Math.min(MOST_DATA_IN, wire.parameters.initiatorDataBytes)
    for (let offset = 0; offset < total; ) {
      const burst = wire.parameters.maxBurst - (offset % wire.parameters.maxBurst)
      const bytes = Math.min(total - offset, most, burst)
      const at = wire.reserve(bytes)
      wire.output.bytes.set(data.subarray(offset, offset + bytes), at + wire.headBytes)
      const isLast = offset + bytes === total
      putDataIn(wire.output.bytes, at, this.#sequence, {
        tag: task.tag,
        dataBytes: bytes,
        dataSN: task.dataSN++,
        offset,
        last: isLast || burst === bytes,
        status: isLast ? STATUS.good : -1,
        residual: isLast ? task.expectedIn - data.length : 0,
      })
      wire.seal(at, bytes)
      offset += bytes
    }
    this.#finished(task)
  }

  #write(task: Task): undefined {
    const { plan } = task
    // Announced less than the command is about: whole blocks of what came are written, the rest is residual.
    const bytes = task.have - (task.have % BLOCK_BYTES)
    let pending: undefined | Promise<void>
    if (bytes > 0) {
      try {
        pending = this.#put(task, bytes)
      } catch (error) {
        return this.#fail(task, error, true)
      }
    }
    if (plan.flush) {
      const device = task.lun!.device
      pending = pending ? pending.then(() => device.flush()) : device.flush()
    }
    if (pending) return this.#later(task, pending, () => this.#written(task, bytes))
    this.#written(task, bytes)
  }

  /** What takes longer than this turn needs data that stays as it is. */
  #put(task: Task, bytes: number): undefined | Promise<void> {
    const lun = task.lun!
    const at = task.plan.at
    if (bytes < task.have) return lun.write([Buffer.concat(task.parts, bytes)], at)
    if (lun.writeNow(task.parts, at)) return undefined
    task.own(this.#wire.memory)
    return lun.write(task.parts, at)
  }

  #written(task: Task, bytes: number): undefined {
    const counters = this.#wire.counters
    const now = performance.now()
    counters.writes++
    counters.bytesWritten += bytes
    counters.writeLatencies.record((now - task.startedAt) * 1000, now)
    task.plan.good()
    this.respond(task)
  }

  /** Answers with the status in the plan. */
  respond(task: Task): undefined {
    const { plan } = task
    const wire = this.#wire
    const hasSense = plan.status === STATUS.checkCondition
    const senseBytes = plan.senseData?.length ?? SENSE_BYTES
    const dataBytes = hasSense ? 2 + senseBytes : 0
    const at = wire.reserve(dataBytes)
    const into = wire.output.bytes
    if (hasSense) {
      // RFC 7143, 11.4.7: SenseLength, then the sense data.
      into[at + wire.headBytes] = 0
      into[at + wire.headBytes + 1] = senseBytes
      if (plan.senseData) into.set(plan.senseData, at + wire.headBytes + 2)
      else encodeSense(into, at + wire.headBytes + 2, plan.sense, plan.information)
    }
    putCommandResponse(into, at, this.#sequence, {
      tag: task.tag,
      status: plan.status,
      residual: residualOf(task),
      expDataSN: task.dataSN || task.r2tSN,
      dataBytes,
    })
    wire.seal(at, dataBytes)
    this.#finished(task)
  }
}

const isWhole = (action: Action) =>
  action === 'compare' || action === 'compare-and-write' || action === 'write-same' || action === 'or-write'

const wholeBlocks = (bytes: number) => bytes - (bytes % BLOCK_BYTES)

/** What was announced less what the command was about. */
function residualOf(task: Task): number {
  const { plan } = task
  if (task.expectedOut > 0 || plan.dataOut > 0) return task.expectedOut - plan.dataOut
  if (plan.status !== STATUS.good) return task.expectedIn
  return task.expectedIn - (plan.action === 'read' || plan.data ? plan.bytes : 0)
}

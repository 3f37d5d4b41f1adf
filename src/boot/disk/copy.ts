import { targetAt, unitOf } from '../../protocols/scsi/copy-list.ts'
import type { CopyList, CopyOperation, CopySegment } from '../../protocols/scsi/copy-plan.ts'
import { type CopyFault, deviceFault, encodeCopySense } from '../../protocols/scsi/copy-sense.ts'
import { STATUS } from '../../protocols/scsi/plan.ts'
import { senseOf } from './execute.ts'
import { Gate } from './gate.ts'
import type { Memory } from './memory.ts'
import type { SessionLun } from './session-lun.ts'
import type { Task } from './task.ts'

/** Bytes that are copied in one turn. */
const STEP_BYTES = 512 * 1024
/** What pools keep disks by: steps end there, so that no block is written by halves twice. */
const ALIGNED = 4096
/** A hole of so many bytes stays one; smaller ones are copied with what is around them. */
const LEAST_HOLE = 64 * 1024
/** Bytes of a hole that are made in one turn. */
const MOST_HOLE = 4 * 1024 * 1024

/** All copies of this process take turns, step by step, so that they share it, and other commands come between. */
const gate = new Gate(2)

type End = Readonly<{ by: 'source' | 'destination'; on: SessionLun; id: number }>
type Ends = Readonly<{ source: End; destination: End; from: number; to: number; bytes: number }>

/**
 * EXTENDED COPY between LUNs of one session, by reading and writing as any command does: what was copied is as safe as what was written, and
 * each step is refused where a READ or a WRITE of this initiator would be. The plan holds the answer then. It ends soon when the task is aborted,
 * and nothing of it goes on then. Never rejects.
 */
export async function copy(task: Task, luns: readonly SessionLun[], memory: Memory): Promise<void> {
  const { list, operation } = task.plan.copy!
  for (const [i, segment] of list.segments.entries()) {
    operation.segments = i + 1
    const before = operation.bytes
    const found = endsOf(list, segment, task, luns)
    const fault = 'fault' in found ? found.fault : await copySegment(found, operation, task, memory)
    if (task.isAborted) return operation.fail(STATUS.taskAborted)
    if (!fault) continue
    const written = operation.bytes - before
    const sense = encodeCopySense(fault, i, written > 0 ? segment.bytes - inOrder(found, written) : undefined)
    operation.fail(STATUS.checkCondition, sense)
    task.plan.fail(fault.sense)
    task.plan.senseData = sense
    return
  }
  operation.finish()
  task.plan.good()
}

function endsOf(
  list: CopyList,
  segment: CopySegment,
  task: Task,
  luns: readonly SessionLun[],
): Ends | Readonly<{ fault: CopyFault }> {
  const units = luns.map((one) => one.lun.unit)
  const ends: End[] = []
  for (const by of ['source', 'destination'] as const) {
    const found = unitOf(list, segment, by, task.lun!.unit, units)
    if ('fault' in found) return found
    ends.push({ by, on: luns.find((one) => one.lun.unit === found.unit)!, id: segment[by] })
  }
  const { from, to, bytes } = segment
  return { source: ends[0]!, destination: ends[1]!, from, to, bytes }
}

/** Whether the end of the source is written over before it is read, if one begins at the front. */
const isBackward = ({ source, destination, from, to, bytes }: Ends) =>
  source.on === destination.on && to > from && to < from + bytes

/** How much of what was written is at the front of the segment, one step behind the other (SPC-4, 5.17.7.4 c). */
const inOrder = (found: Ends | Readonly<{ fault: CopyFault }>, written: number) =>
  'fault' in found || isBackward(found) ? 0 : written

async function copySegment(
  ends: Ends,
  operation: CopyOperation,
  task: Task,
  memory: Memory,
): Promise<CopyFault | undefined> {
  const step = isBackward(ends) ? stepBack : stepOn
  for (let left = ends.bytes; left > 0 && !task.isAborted; ) {
    await gate.enter()
    try {
      if (task.isAborted) return undefined
      const refused = refusal(ends.source) ?? refusal(ends.destination)
      if (refused) return refused
      const done = await step(ends, left, memory)
      if (typeof done !== 'number') return done
      operation.bytes += done
      left -= done
    } finally {
      gate.leave()
    }
  }
  return undefined
}

function refusal({ by, on, id }: End): CopyFault | undefined {
  const answer = on.lun.unit.refusal(on.nexus, by === 'destination')
  return answer && deviceFault(by, answer, targetAt(id))
}

/** The next step from the front. @returns how many bytes it was. */
function stepOn(ends: Ends, left: number, memory: Memory): Promise<number | CopyFault> {
  const done = ends.bytes - left
  const [from, to] = [ends.from + done, ends.to + done]
  const run = ends.source.on.lun.device.allocation(from)
  const hole = run.mapped ? 0 : Math.min(left, run.bytes - (run.bytes % ALIGNED), MOST_HOLE)
  if (hole >= LEAST_HOLE) return punch(ends.destination, to, hole)
  return move(ends, from, to, Math.min(left, STEP_BYTES - (to % ALIGNED)), memory)
}

/** The next step from the end. */
function stepBack(ends: Ends, left: number, memory: Memory): Promise<number | CopyFault> {
  const end = ends.to + left
  const bytes = Math.min(left, STEP_BYTES - (ALIGNED - (end % ALIGNED || ALIGNED)))
  return move(ends, ends.from + left - bytes, end - bytes, bytes, memory)
}

async function punch(destination: End, at: number, bytes: number): Promise<number | CopyFault> {
  try {
    await destination.on.lun.zero(at, bytes)
  } catch (error) {
    return failed(destination, error)
  }
  return bytes
}

async function move(
  { source, destination }: Ends,
  from: number,
  to: number,
  bytes: number,
  memory: Memory,
): Promise<number | CopyFault> {
  const piece = memory.take(bytes)
  const data = piece.subarray(0, bytes)
  try {
    await source.on.lun.device.read(data, from)
  } catch (error) {
    memory.give(piece)
    return failed(source, error)
  }
  try {
    // Who reserved it meanwhile waits for writes under way only.
    const refused = refusal(destination)
    if (refused) return refused
    const { lun } = destination.on
    if (!lun.writeNow([data], to)) await lun.write([data], to)
  } catch (error) {
    return failed(destination, error)
  } finally {
    memory.give(piece)
  }
  return bytes
}

function failed(end: End, error: unknown): CopyFault {
  const answer = { status: STATUS.checkCondition, sense: senseOf(error, end.by === 'destination') }
  return deviceFault(end.by, answer, targetAt(end.id))
}

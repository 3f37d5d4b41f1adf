import type { Nexus } from '../../protocols/scsi/logical-unit.ts'
import { Plan } from '../../protocols/scsi/plan.ts'
import type { DiskLun } from './disk-lun.ts'
import type { Memory } from './memory.ts'

const NO_CDB = new Uint8Array(16)

/** A SCSI command from its header to its answer. Used again for later commands, so that a fast read makes nothing new. */
export class Task {
  readonly plan = new Plan()
  tag = 0
  lunNumber = 0
  /** `undefined`: there is no such LUN. */
  lun: DiskLun | undefined
  nexus: Nexus | undefined
  /** Kept only for commands with a parameter list. */
  cdb: Uint8Array = NO_CDB
  cmdSN = 0
  /** What the initiator announced to send or to take (Expected Data Transfer Length), by direction. */
  expectedIn = 0
  expectedOut = 0
  /** Data from the initiator: how much is wanted, asked for and there. */
  want = 0
  asked = 0
  have = 0
  /** The data. While it `isBorrowed` it is a window on what was received, which is used again when the turn ends; else it lies in `pieces`. */
  parts: Uint8Array[] = []
  isBorrowed = false
  pieces: Buffer[] = []
  /** How much of the last piece is free. */
  room = 0
  /** Unsolicited data is still to come. */
  unsolicited = false
  transfer = 0
  r2tSN = 0
  dataSN = 0
  expectedDataSN = 0
  isRunning = false
  isAborted = false
  startedAt = 0
  /** Called when an aborted task that was running has come to rest. */
  settled: (() => void)[] | undefined

  /** Takes data over into memory of its own; `most`: how much may come before it is asked for more. */
  keep(data: Uint8Array, most: number, memory: Memory): void {
    if (this.room < data.length) {
      // What came before is in order, so a new piece begins where the last one ends.
      const piece = memory.take(Math.max(data.length, most))
      this.pieces.push(piece)
      this.parts.push(piece.subarray(0, 0))
      this.room = piece.length
    }
    const piece = this.pieces.at(-1)!
    const to = piece.length - this.room
    piece.set(data, to)
    this.room -= data.length
    this.parts[this.parts.length - 1] = piece.subarray(0, to + data.length)
  }

  /** Its data may be used after this turn. */
  own(memory: Memory): void {
    if (!this.isBorrowed) return
    this.isBorrowed = false
    const borrowed = this.parts
    this.parts = []
    for (const part of borrowed) this.keep(part, part.length, memory)
  }

  /** Lets go of its data. */
  drop(memory: Memory): void {
    if (this.parts.length > 0) this.parts = []
    this.isBorrowed = false
    if (this.pieces.length === 0) return
    const pieces = this.pieces
    this.pieces = []
    this.room = 0
    for (const piece of pieces) memory.give(piece)
  }

  reset(): void {
    this.plan.reset()
    this.lun = undefined
    this.nexus = undefined
    this.cdb = NO_CDB
    this.expectedIn = 0
    this.expectedOut = 0
    this.want = 0
    this.asked = 0
    this.have = 0
    if (this.parts.length > 0) this.parts = []
    this.isBorrowed = false
    if (this.pieces.length > 0) this.pieces = []
    this.room = 0
    this.unsolicited = false
    this.transfer = 0
    this.r2tSN = 0
    this.dataSN = 0
    this.expectedDataSN = 0
    this.isRunning = false
    this.isAborted = false
    this.settled = undefined
  }
}

import type { CopyPlan } from './copy-plan.ts'
import { SENSE, type SenseCode } from './sense.ts'

/** Bytes of a logical block. */
export const BLOCK_BYTES = 512

/** SCSI status (SAM-5, 5.3.1). */
export const STATUS = {
  good: 0x00,
  checkCondition: 0x02,
  busy: 0x08,
  reservationConflict: 0x18,
  taskSetFull: 0x28,
  taskAborted: 0x40,
} as const

/**
 * What the shell has to do for a command. `status`: answer `status` at once. `data`: answer with `data`. `parameters`: take `dataOut` bytes and
 * ask the unit again. All others work on `bytes` bytes of the disk from `at`.
 */
export type Action =
  | 'status'
  | 'data'
  | 'parameters'
  | 'read'
  | 'write'
  | 'or-write'
  | 'compare'
  | 'compare-and-write'
  | 'write-same'
  | 'unmap'
  | 'flush'
  | 'prefetch'
  | 'allocation'
  | 'copy'

/** A command as it was understood. One object for a command's whole life; `reset` makes it new. */
export class Plan {
  action: Action = 'status'
  status: number = STATUS.good
  sense: SenseCode = SENSE.none
  at = 0
  bytes = 0
  /** Bytes the command wants from the initiator. */
  dataOut = 0
  /** Everything written has to be on stable storage before the answer (FUA, SYNCHRONIZE CACHE). */
  flush = false
  /** WRITE SAME: the block is zeros, whether or not one is sent. Compare: after writing (WRITE AND VERIFY). */
  zeros = false
  data: Uint8Array | undefined
  ranges: { at: number; bytes: number }[] | undefined
  /** What the INFORMATION field of the sense data says; -1: nothing. */
  information = -1
  /** Sense data that says more than `sense` and `information`; as it is sent. */
  senseData: Uint8Array | undefined
  copy: CopyPlan | undefined
  /** What has to be over before the answer. */
  settled: Promise<unknown> | undefined
  /** Most bytes of data that the initiator has room for, by its CDB. */
  room = 0

  reset(): undefined {
    this.action = 'status'
    this.status = STATUS.good
    this.sense = SENSE.none
    this.at = 0
    this.bytes = 0
    this.dataOut = 0
    this.flush = false
    this.zeros = false
    this.data = undefined
    this.ranges = undefined
    this.room = 0
    this.information = -1
    this.senseData = undefined
    this.copy = undefined
    this.settled = undefined
  }

  good(): undefined {
    this.action = 'status'
    this.status = STATUS.good
  }

  fail(sense: SenseCode): undefined {
    this.action = 'status'
    this.status = STATUS.checkCondition
    this.sense = sense
    this.dataOut = 0
  }

  conflict(): undefined {
    this.action = 'status'
    this.status = STATUS.reservationConflict
    this.dataOut = 0
  }

  /** Answers with data, cut to what the CDB has room for (SPC-5, 4.2.5.6). */
  answer(data: Uint8Array, room: number): undefined {
    this.action = 'data'
    this.data = data.length > room ? data.subarray(0, room) : data
  }

  take(bytes: number): undefined {
    this.action = 'parameters'
    this.dataOut = bytes
  }
}

import { set16, set32 } from './cdb.ts'
import { BLOCK_BYTES, STATUS } from './plan.ts'
import { encodeSense, SENSE, SENSE_BYTES, type SenseCode } from './sense.ts'

/** Why a copy ended while its segments were processed. */
export type CopyFault = Readonly<{
  sense: SenseCode
  /** The byte that is wrong: of the segment descriptor, or of the parameter list. */
  pointer?: Readonly<{ inSegment: boolean; at: number }> | undefined
  /** What the disk at one end answered to a read or a write. */
  reported?: Readonly<{ by: 'source' | 'destination'; status: number; sense: SenseCode }> | undefined
}>

/**
 * Sense data of fixed format for a copy that ended early (SPC-4, 5.17.7.4). `segment` counts from 0. `left`: bytes of the segment that were not
 * written, if any were.
 */
export function encodeCopySense(fault: CopyFault, segment: number, left: number | undefined): Uint8Array {
  const { pointer, reported } = fault
  const hasSense = reported?.status === STATUS.checkCondition
  const data = new Uint8Array(SENSE_BYTES + (reported ? 1 + (hasSense ? SENSE_BYTES : 0) : 0))
  encodeSense(data, 0, fault.sense, left === undefined ? -1 : left / BLOCK_BYTES)
  data[7] = data.length - 8
  // COMMAND-SPECIFIC INFORMATION: where what the source and what the destination said begins, and the number of the segment.
  if (reported) {
    data[reported.by === 'source' ? 8 : 9] = SENSE_BYTES
    data[SENSE_BYTES] = reported.status
    if (hasSense) encodeSense(data, SENSE_BYTES + 1, reported.sense)
  }
  set16(data, 10, segment)
  if (pointer) {
    // SKSV, and SD for what is counted from the segment descriptor (SPC-4, 4.5.2.4.5).
    data[15] = 0x80 | (pointer.inSegment ? 0x20 : 0)
    set16(data, 16, pointer.at)
  }
  return data
}

/** What EXTENDED COPY comes to when a disk failed it: that disk's own answer is inside. */
export function deviceFault(
  by: 'source' | 'destination',
  answer: Readonly<{ status: number; sense: SenseCode }>,
  descriptorAt: number | undefined,
): CopyFault {
  return {
    sense: SENSE.copyDeviceFailed,
    reported: { by, ...answer },
    pointer: descriptorAt === undefined ? undefined : { inSegment: false, at: descriptorAt },
  }
}

/** RECEIVE COPY STATUS(LID1) (SPC-4, table 253). `status`: 0 goes on, 1 done, 2 ended with an error. */
export function encodeCopyStatus(status: number, segments: number, bytes: number): Uint8Array {
  const data = new Uint8Array(12)
  set32(data, 0, 8)
  data[4] = status
  set16(data, 5, segments)
  // TRANSFER COUNT UNITS 0: bytes.
  set32(data, 8, bytes)
  return data
}

/** RECEIVE COPY FAILURE DETAILS(LID1) (SPC-4, table 246). */
export function encodeFailureDetails(status: number, sense: Uint8Array): Uint8Array {
  const data = new Uint8Array(60 + sense.length)
  set32(data, 0, data.length - 4)
  data[56] = status
  set16(data, 58, sense.length)
  data.set(sense, 60)
  return data
}

import { set16, set32 } from './cdb.ts'
import { LIMITS } from './limits.ts'

/** Bytes of a CSCD descriptor and of a segment descriptor of the kinds we know. */
export const TARGET_BYTES = 32
export const SEGMENT_BYTES = 28
/** Bytes of both kinds of descriptors together. */
export const MOST_DESCRIPTOR_BYTES = LIMITS.copyTargets * TARGET_BYTES + LIMITS.copySegments * SEGMENT_BYTES
/** The list of descriptors that we know: block device to block device, and CSCDs by the names of their units. */
export const SEGMENT_TYPE = 0x02
export const TARGET_TYPE = 0xe4
/** CSCD descriptor ID of the unit that the command was sent to (SPC-4, table 148). */
export const OWN_UNIT = 0xffff
const BLOCK_SHIFT = 9
const MOST_SEGMENT_BYTES = LIMITS.copySegment * 2 ** BLOCK_SHIFT

/** Parameter data of RECEIVE COPY OPERATING PARAMETERS (SPC-4, 6.22). No inline data, no held data, no streams: 0. */
export function operatingParameters(): Uint8Array {
  const data = new Uint8Array(46)
  set32(data, 0, data.length - 4)
  // SNLID: copies without a list identifier are fine.
  data[4] = 1
  set16(data, 8, LIMITS.copyTargets)
  set16(data, 10, LIMITS.copySegments)
  set32(data, 12, MOST_DESCRIPTOR_BYTES)
  set32(data, 16, MOST_SEGMENT_BYTES)
  set16(data, 34, LIMITS.copies)
  data[36] = LIMITS.copies
  data[37] = BLOCK_SHIFT
  data[43] = 2
  data[44] = SEGMENT_TYPE
  data[45] = TARGET_TYPE
  return data
}

/** Page 8Fh, third-party copy (SPC-4, 7.8.17), without its header: the same in other words. */
export function thirdPartyCopy(): Uint8Array {
  const parameters = new Uint8Array(28)
  set16(parameters, 4, LIMITS.copyTargets)
  set16(parameters, 6, LIMITS.copySegments)
  set32(parameters, 8, MOST_DESCRIPTOR_BYTES)
  const general = new Uint8Array(32)
  set32(general, 0, LIMITS.copies)
  set32(general, 4, LIMITS.copies)
  set32(general, 8, MOST_SEGMENT_BYTES)
  general[12] = BLOCK_SHIFT
  return Uint8Array.of(
    // 83h with service action 0, 84h with 0, 3 and 4: those that OPERATIONS has.
    ...descriptor(0x0001, [8, 0x83, 1, 0, 0x84, 3, 0, 3, 4]),
    ...descriptor(0x0004, parameters),
    ...descriptor(0x0008, [2, SEGMENT_TYPE, TARGET_TYPE]),
    ...descriptor(0x000c, [0, 2, OWN_UNIT >> 8, OWN_UNIT & 0xff]),
    ...descriptor(0x8001, general),
  )
}

/** One third-party copy descriptor (SPC-4, 7.8.17.2): a multiple of four bytes. */
function descriptor(type: number, body: Uint8Array | readonly number[]): Uint8Array {
  const data = new Uint8Array(4 + ((body.length + 3) & ~3))
  set16(data, 0, type)
  set16(data, 2, data.length - 4)
  data.set(body, 4)
  return data
}

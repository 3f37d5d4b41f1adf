import { DecodeError } from '../../kit/errors.ts'
import { BHS_BYTES } from './opcodes.ts'

export function getU32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
}

export function setU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24
  bytes[at + 1] = value >>> 16
  bytes[at + 2] = value >>> 8
  bytes[at + 3] = value
}

/** Serial number arithmetic (RFC 1982): whether `a` comes after `b`. */
export function isAfter(a: number, b: number): boolean {
  return ((a - b) | 0) > 0
}

/**
 * The number of a LUN field of 8 bytes (SAM-5, 4.7): peripheral device addressing (below 256, bus 0) or flat addressing (below 16,384), in the
 * first level only. Anything else is no LUN of ours: -1.
 */
export function getLun(bytes: Uint8Array, at: number): number {
  if (getU32(bytes, at + 4) !== 0 || bytes[at + 2] !== 0 || bytes[at + 3] !== 0) return -1
  const method = bytes[at]! >> 6
  if (method === 0) return (bytes[at]! & 0x3f) === 0 ? bytes[at + 1]! : -1
  return method === 1 ? ((bytes[at]! & 0x3f) << 8) | bytes[at + 1]! : -1
}

export function setLun(bytes: Uint8Array, at: number, lun: number): void {
  bytes.fill(0, at, at + 8)
  bytes[at] = lun < 256 ? 0 : 0x40 | (lun >> 8)
  bytes[at + 1] = lun
}

/** Additional header segments that a SCSI command may carry (RFC 7143, 11.2.2). */
export type AdditionalHeaders = Readonly<{
  /** Bytes 16 and on of a CDB that is longer than that. */
  cdb: Uint8Array | undefined
  /** What a bidirectional command expects to read. */
  readBytes: number | undefined
}>

/** Types we do not know are skipped; a segment that does not fit is a `DecodeError`. */
export function decodeAdditionalHeaders(head: Uint8Array, at: number, bytes: number): AdditionalHeaders {
  let cdb: Uint8Array | undefined
  let readBytes: number | undefined
  let next = at + BHS_BYTES
  const end = next + bytes
  while (next < end) {
    // AHSLength counts what follows the type: the specific byte is part of it (11.2.2.1).
    const length = (head[next]! << 8) | head[next + 1]!
    const type = head[next + 2]! & 0x3f
    if (length < 1 || next + 3 + length > end) throw new DecodeError('an additional header does not fit its place')
    if (type === 1) cdb = head.slice(next + 4, next + 3 + length)
    else if (type === 2 && length === 5) readBytes = getU32(head, next + 4)
    next += 3 + length
    next += -(next - at) & 3
  }
  return { cdb, readBytes }
}

import { setLun, setU32 } from './fields.ts'
import { BHS_BYTES, FINAL, RESERVED_TAG, RESPONSE } from './opcodes.ts'

/** Sequence numbers of a connection as every answer carries them (RFC 7143, 4.2.2). */
export type Sequence = {
  /** Of the next answer that carries a status. */
  statSN: number
  expCmdSN: number
  maxCmdSN: number
}

/** Residual of a transfer: what was announced less what there was. Positive: underflow; negative: overflow (RFC 7143, 11.4.5). */
export type Residual = number

const UNDERFLOW = 0x02
const OVERFLOW = 0x04

function begin(into: Uint8Array, at: number, opcode: number, flags: number, dataBytes: number, tag: number): void {
  into.fill(0, at, at + BHS_BYTES)
  into[at] = opcode
  into[at + 1] = flags
  into[at + 5] = dataBytes >>> 16
  into[at + 6] = dataBytes >>> 8
  into[at + 7] = dataBytes
  setU32(into, at + 16, tag)
}

function number(into: Uint8Array, at: number, sequence: Sequence, countsStatus: boolean): void {
  setU32(into, at + 24, sequence.statSN)
  setU32(into, at + 28, sequence.expCmdSN)
  setU32(into, at + 32, sequence.maxCmdSN)
  if (countsStatus) sequence.statSN = (sequence.statSN + 1) >>> 0
}

function setResidual(into: Uint8Array, at: number, residual: Residual): void {
  if (residual === 0) return
  into[at + 1] = into[at + 1]! | (residual > 0 ? UNDERFLOW : OVERFLOW)
  setU32(into, at + 44, Math.abs(residual))
}

/** Data-In (11.7). `status`: -1 when the status comes later; `last`: the sequence ends with it. */
export function putDataIn(
  into: Uint8Array,
  at: number,
  sequence: Sequence,
  fields: Readonly<{
    tag: number
    dataBytes: number
    dataSN: number
    offset: number
    last: boolean
    status: number
    residual: Residual
  }>,
): void {
  const hasStatus = fields.status >= 0
  begin(into, at, RESPONSE.dataIn, fields.last || hasStatus ? FINAL : 0, fields.dataBytes, fields.tag)
  setU32(into, at + 20, RESERVED_TAG)
  if (hasStatus) {
    into[at + 1] = into[at + 1]! | 1
    into[at + 3] = fields.status
    setResidual(into, at, fields.residual)
    number(into, at, sequence, true)
  } else {
    setU32(into, at + 28, sequence.expCmdSN)
    setU32(into, at + 32, sequence.maxCmdSN)
  }
  setU32(into, at + 36, fields.dataSN)
  setU32(into, at + 40, fields.offset)
}

/** SCSI Response (11.4). */
export function putCommandResponse(
  into: Uint8Array,
  at: number,
  sequence: Sequence,
  fields: Readonly<{ tag: number; status: number; residual: Residual; expDataSN: number; dataBytes: number }>,
): void {
  begin(into, at, RESPONSE.command, FINAL, fields.dataBytes, fields.tag)
  into[at + 3] = fields.status
  setResidual(into, at, fields.residual)
  number(into, at, sequence, true)
  setU32(into, at + 36, fields.expDataSN)
}

/** Ready To Transfer (11.8). */
export function putReadyToTransfer(
  into: Uint8Array,
  at: number,
  sequence: Sequence,
  fields: Readonly<{ tag: number; lun: number; transfer: number; r2tSN: number; offset: number; bytes: number }>,
): void {
  begin(into, at, RESPONSE.readyToTransfer, FINAL, 0, fields.tag)
  setLun(into, at + 8, fields.lun)
  setU32(into, at + 20, fields.transfer)
  number(into, at, sequence, false)
  setU32(into, at + 36, fields.r2tSN)
  setU32(into, at + 40, fields.offset)
  setU32(into, at + 44, fields.bytes)
}

/** NOP-In (11.19): an echo (`tag` of the NOP-Out), or a question of ours (`tag` reserved, `transfer` to be sent back). */
export function putNopIn(
  into: Uint8Array,
  at: number,
  sequence: Sequence,
  fields: Readonly<{ tag: number; transfer: number; dataBytes: number }>,
): void {
  begin(into, at, RESPONSE.nopIn, FINAL, fields.dataBytes, fields.tag)
  setU32(into, at + 20, fields.transfer)
  number(into, at, sequence, fields.tag !== RESERVED_TAG)
}

export function putTaskManagementResponse(
  into: Uint8Array,
  at: number,
  sequence: Sequence,
  fields: Readonly<{ tag: number; response: number }>,
): void {
  begin(into, at, RESPONSE.taskManagement, FINAL, 0, fields.tag)
  into[at + 2] = fields.response
  number(into, at, sequence, true)
}

export function putLogoutResponse(
  into: Uint8Array,
  at: number,
  sequence: Sequence,
  fields: Readonly<{ tag: number; response: number; time2Wait: number; time2Retain: number }>,
): void {
  begin(into, at, RESPONSE.logout, FINAL, 0, fields.tag)
  into[at + 2] = fields.response
  number(into, at, sequence, true)
  into[at + 40] = fields.time2Wait >> 8
  into[at + 41] = fields.time2Wait
  into[at + 42] = fields.time2Retain >> 8
  into[at + 43] = fields.time2Retain
}

/** Text Response (11.11). */
export function putTextResponse(
  into: Uint8Array,
  at: number,
  sequence: Sequence,
  fields: Readonly<{ tag: number; transfer: number; final: boolean; continues: boolean; dataBytes: number }>,
): void {
  const flags = (fields.final ? FINAL : 0) | (fields.continues ? 0x40 : 0)
  begin(into, at, RESPONSE.text, flags, fields.dataBytes, fields.tag)
  setU32(into, at + 20, fields.transfer)
  number(into, at, sequence, true)
}

/** Reject (11.17); its data segment is the header that was rejected. */
export function putReject(into: Uint8Array, at: number, sequence: Sequence, reason: number): void {
  begin(into, at, RESPONSE.reject, FINAL, BHS_BYTES, RESERVED_TAG)
  into[at + 2] = reason
  number(into, at, sequence, true)
}

/** Asynchronous Message (11.9) without data. Times in seconds. */
export function putAsynchronous(
  into: Uint8Array,
  at: number,
  sequence: Sequence,
  fields: Readonly<{ event: number; connection: number; time2Wait: number; time2Retain: number; dataBytes: number }>,
): void {
  begin(into, at, RESPONSE.asynchronous, FINAL, fields.dataBytes, RESERVED_TAG)
  number(into, at, sequence, true)
  into[at + 36] = fields.event
  into[at + 38] = fields.connection >> 8
  into[at + 39] = fields.connection
  into[at + 41] = fields.time2Wait
  into[at + 43] = fields.time2Retain
}

/** Login Response (11.13). `request` is the header it answers, of which ISID and tag are taken. */
export function putLoginResponse(
  into: Uint8Array,
  at: number,
  sequence: Sequence,
  request: Uint8Array,
  fields: Readonly<{
    transit: boolean
    stage: number
    next: number
    session: number
    status: number
    dataBytes: number
  }>,
): void {
  const stages = (fields.stage << 2) | (fields.transit ? 0x80 | fields.next : 0)
  begin(into, at, RESPONSE.login, stages, fields.dataBytes, 0)
  into.set(request.subarray(8, 14), at + 8)
  into[at + 14] = fields.session >> 8
  into[at + 15] = fields.session
  into.set(request.subarray(16, 20), at + 16)
  // 11.13.4: StatSN does not count while the login goes on without success, which changes nothing for one connection.
  number(into, at, sequence, true)
  into[at + 36] = fields.status >> 8
  into[at + 37] = fields.status
}

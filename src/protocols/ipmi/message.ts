import { DecodeError } from '../../kit/errors.ts'

/** Slave address of a BMC, and the software id of the first remote console (IPMI 2.0 §5.5). */
export const BMC_ADDRESS = 0x20
export const CONSOLE_ADDRESS = 0x81

/** IPMI 2.0 table 13-8: addresses 2, checksums 2, netFn, sequence, command. */
const REQUEST_BYTES = 7
const ANSWER_BYTES = 8
/** What fits the one length byte of IPMI 1.5; RMCP+ could carry more, no command has it. */
export const MOST_DATA_BYTES = 247

/** A command. `sequence` 0-63 comes back in the answer. `netFn` is even. */
export type IpmiRequest = Readonly<{
  target: number
  lun: number
  netFn: number
  source: number
  sourceLun: number
  sequence: number
  command: number
  data: Uint8Array
}>

/** An answer; `netFn` is the request's plus one. `source` is who answers. */
export type IpmiResponse = Readonly<{
  target: number
  targetLun: number
  netFn: number
  source: number
  lun: number
  sequence: number
  command: number
  completionCode: number
  data: Uint8Array
}>

/** `data` is a copy. */
export function decodeRequest(payload: Uint8Array): IpmiRequest {
  checkMessage(payload, REQUEST_BYTES)
  const netFn = payload[1]! >> 2
  if (netFn & 1) throw new DecodeError('an answer where a command was expected')
  return {
    target: payload[0]!,
    netFn,
    lun: payload[1]! & 3,
    source: payload[3]!,
    sequence: payload[4]! >> 2,
    sourceLun: payload[4]! & 3,
    command: payload[5]!,
    data: payload.slice(6, -1),
  }
}

/** `data` is a copy. */
export function decodeResponse(payload: Uint8Array): IpmiResponse {
  checkMessage(payload, ANSWER_BYTES)
  const netFn = payload[1]! >> 2
  if (!(netFn & 1)) throw new DecodeError('a command where an answer was expected')
  return {
    target: payload[0]!,
    netFn,
    targetLun: payload[1]! & 3,
    source: payload[3]!,
    sequence: payload[4]! >> 2,
    lun: payload[4]! & 3,
    command: payload[5]!,
    completionCode: payload[6]!,
    data: payload.slice(7, -1),
  }
}

function checkMessage(payload: Uint8Array, least: number): void {
  if (payload.length < least) throw new DecodeError('shorter than an IPMI message')
  if (payload.length > MOST_DATA_BYTES + ANSWER_BYTES) throw new DecodeError('longer than an IPMI message can be')
  if (sum(payload, 0, 3) !== 0) throw new DecodeError('the checksum of the addresses is wrong')
  if (sum(payload, 3, payload.length) !== 0) throw new DecodeError('the checksum of the command is wrong')
}

/** From a remote console to a BMC. */
export function encodeRequest(
  request: Pick<IpmiRequest, 'netFn' | 'command' | 'data' | 'sequence'> & Partial<IpmiRequest>,
): Uint8Array {
  const { target = BMC_ADDRESS, source = CONSOLE_ADDRESS, lun = 0, sourceLun = 0, data } = request
  const bytes = new Uint8Array(REQUEST_BYTES + roomOf(data))
  fillHead(bytes, target, (request.netFn << 2) | lun, source, (request.sequence << 2) | sourceLun, request.command)
  bytes.set(data, 6)
  return closed(bytes)
}

/** The answer to `request`. */
export function encodeResponse(
  request: Omit<IpmiRequest, 'data'>,
  answer: Readonly<{ completionCode: number; data: Uint8Array }>,
): Uint8Array {
  const bytes = new Uint8Array(ANSWER_BYTES + roomOf(answer.data))
  const { netFn, lun, source, sourceLun, target, sequence } = request
  fillHead(bytes, source, ((netFn | 1) << 2) | sourceLun, target, (sequence << 2) | lun, request.command)
  bytes[6] = answer.completionCode
  bytes.set(answer.data, 7)
  return closed(bytes)
}

function roomOf(data: Uint8Array): number {
  if (data.length > MOST_DATA_BYTES) throw new RangeError(`${data.length} bytes do not fit an IPMI message`)
  return data.length
}

function fillHead(bytes: Uint8Array, to: number, function_: number, from: number, sequence: number, command: number) {
  bytes[0] = to
  bytes[1] = function_
  bytes[2] = -(to + function_)
  bytes[3] = from
  bytes[4] = sequence
  bytes[5] = command
}

function closed(bytes: Uint8Array): Uint8Array {
  bytes[bytes.length - 1] = -sum(bytes, 3, bytes.length - 1)
  return bytes
}

/** Two's complement sums (IPMI 2.0 §13.8): bytes and their checksum make 0. */
function sum(bytes: Uint8Array, from: number, to: number): number {
  let total = 0
  for (let at = from; at < to; at++) total += bytes[at]!
  return total & 0xff
}

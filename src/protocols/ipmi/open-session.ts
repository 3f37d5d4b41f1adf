import { ByteReader, ByteWriter } from '../../kit/bytes.ts'
import { DecodeError } from '../../kit/errors.ts'
import type { IpmiAlgorithms } from './cryptography.ts'
import { RMCP_STATUS } from './status.ts'

/** RMCP+ Open Session Request (IPMI 2.0 table 13-9). `privilege` 0: the highest that the algorithms allow. */
export type OpenSessionRequest = Readonly<{
  tag: number
  privilege: number
  /** Chosen by the console; not 0. */
  consoleId: number
  algorithms: IpmiAlgorithms
}>

/** Open Session Response (table 13-10). */
export type OpenSessionResponse =
  | Readonly<{
      status: 0
      tag: number
      privilege: number
      consoleId: number
      /** Chosen by the BMC; not 0. */
      managedId: number
      algorithms: IpmiAlgorithms
    }>
  | Readonly<{ status: number; tag: number; consoleId: number }>

export function encodeOpenSessionRequest(request: OpenSessionRequest): Uint8Array {
  const writer = new ByteWriter(32).u8(request.tag).u8(request.privilege).u16(0).u32le(request.consoleId)
  return writeAlgorithms(writer, request.algorithms).finish()
}

/** An algorithm that is left to the BMC (payload length 0) is 255: no number that we offer. */
export function decodeOpenSessionRequest(payload: Uint8Array): OpenSessionRequest {
  const reader = new ByteReader(payload)
  const tag = reader.u8()
  const privilege = reader.u8() & 0x0f
  reader.skip(2)
  return { tag, privilege, consoleId: reader.u32le(), algorithms: readAlgorithms(reader) }
}

export function encodeOpenSessionResponse(response: OpenSessionResponse): Uint8Array {
  const writer = new ByteWriter(36).u8(response.tag).u8(response.status)
  // With an error status nothing follows the console's id.
  if (!isOpened(response)) return writer.u16(0).u32le(response.consoleId).finish()
  writer.u8(response.privilege).u8(0).u32le(response.consoleId).u32le(response.managedId)
  return writeAlgorithms(writer, response.algorithms).finish()
}

export function decodeOpenSessionResponse(payload: Uint8Array): OpenSessionResponse {
  const reader = new ByteReader(payload)
  const tag = reader.u8()
  const status = reader.u8()
  // Some BMCs cut an error short before the id.
  if (status !== RMCP_STATUS.ok && reader.remaining < 6) return { status, tag, consoleId: 0 }
  const privilege = reader.u8() & 0x0f
  reader.skip(1)
  const consoleId = reader.u32le()
  if (status !== RMCP_STATUS.ok) return { status, tag, consoleId }
  const managedId = reader.u32le()
  return { status: 0, tag, privilege, consoleId, managedId, algorithms: readAlgorithms(reader) }
}

/** Whether a session was opened. */
export function isOpened(
  response: OpenSessionResponse,
): response is Extract<OpenSessionResponse, { managedId: number }> {
  return response.status === RMCP_STATUS.ok
}

const LEFT_TO_THE_BMC = 0xff

function writeAlgorithms(writer: ByteWriter, algorithms: IpmiAlgorithms): ByteWriter {
  const numbers = [algorithms.authentication, algorithms.integrity, algorithms.confidentiality]
  for (const [type, number] of numbers.entries()) writer.u8(type).u16(0).u8(8).u8(number).u8(0).u16(0)
  return writer
}

function readAlgorithms(reader: ByteReader): IpmiAlgorithms {
  const [authentication, integrity, confidentiality] = [0, 1, 2].map((type) => {
    const found = reader.u8()
    reader.skip(2)
    const length = reader.u8()
    const number = reader.u8() & 0x3f
    reader.skip(3)
    if (found !== type) throw new DecodeError(`algorithm payload ${found} where ${type} was expected`)
    if (length !== 0 && length !== 8) throw new DecodeError(`an algorithm payload of ${length} bytes`)
    return length === 0 ? LEFT_TO_THE_BMC : number
  })
  return { authentication: authentication!, integrity: integrity!, confidentiality: confidentiality! }
}

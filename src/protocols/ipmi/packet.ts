import { DecodeError } from '../../kit/errors.ts'
import { fillRmcpHeader, RMCP_HEADER_BYTES } from './rmcp.ts'

/** IPMI 2.0 table 13-16. */
export const PAYLOAD = {
  ipmi: 0x00,
  sol: 0x01,
  openSessionRequest: 0x10,
  openSessionResponse: 0x11,
  rakp1: 0x12,
  rakp2: 0x13,
  rakp3: 0x14,
  rakp4: 0x15,
} as const

/** Authentication type that says: RMCP+ (IPMI 2.0 table 13-8). */
const RMCP_PLUS = 0x06
const OEM_EXPLICIT = 0x02

/** The wrapper of IPMI 1.5. Reveille speaks it without a session only: type `none`, number and id 0. */
export type OldPacket = Readonly<{
  version: 1.5
  authentication: number
  sequence: number
  sessionId: number
  payload: Uint8Array
}>

/** An RMCP+ packet. `payload` is as it was sent, so still encrypted if `encrypted`; `session` is all that the seal is over, and the seal. */
export type PlusPacket = Readonly<{
  version: 2
  payloadType: number
  encrypted: boolean
  authenticated: boolean
  sessionId: number
  sequence: number
  payload: Uint8Array
  session: Uint8Array
}>

/**
 * The body of an RMCP packet of class IPMI (table 13-8). Windows on `body`: used before the next receive. Payloads that say
 * who made them themselves (OEM explicit) are refused: nobody here sends or takes any.
 */
export function decodePacket(body: Uint8Array): OldPacket | PlusPacket {
  if (body.length < 10) throw new DecodeError('shorter than an IPMI session header')
  return body[0] === RMCP_PLUS ? decodePlus(body) : decodeOld(body)
}

function decodeOld(body: Uint8Array): OldPacket {
  const authentication = body[0]!
  const head = authentication === 0 ? 10 : 26
  if (body.length < head) throw new DecodeError('shorter than the session header of its authentication type')
  const length = body[head - 1]!
  // A pad byte may follow for the sake of old network chips (13.6, legacy PAD).
  if (body.length < head + length) throw new DecodeError('the message is shorter than it says')
  return {
    version: 1.5,
    authentication,
    sequence: u32le(body, 1),
    sessionId: u32le(body, 5),
    payload: body.subarray(head, head + length),
  }
}

const PLUS_HEADER_BYTES = 12

function decodePlus(body: Uint8Array): PlusPacket {
  if (body.length < PLUS_HEADER_BYTES) throw new DecodeError('shorter than an RMCP+ session header')
  const type = body[1]!
  if ((type & 0x3f) === OEM_EXPLICIT) throw new DecodeError('an OEM payload')
  const length = body[10]! | (body[11]! << 8)
  if (body.length < PLUS_HEADER_BYTES + length) throw new DecodeError('the payload is shorter than it says')
  return {
    version: 2,
    payloadType: type & 0x3f,
    encrypted: (type & 0x80) !== 0,
    authenticated: (type & 0x40) !== 0,
    sessionId: u32le(body, 2),
    sequence: u32le(body, 6),
    payload: body.subarray(PLUS_HEADER_BYTES, PLUS_HEADER_BYTES + length),
    session: body,
  }
}

/** A whole RMCP packet around a message without a session, as IPMI 1.5 has it: Get Channel Authentication Capabilities. */
export function encodeOld(payload: Uint8Array): Uint8Array {
  const packet = new Uint8Array(RMCP_HEADER_BYTES + 10 + payload.length)
  fillRmcpHeader(packet)
  packet[RMCP_HEADER_BYTES + 9] = payload.length
  packet.set(payload, RMCP_HEADER_BYTES + 10)
  return packet
}

/** A whole RMCP packet around a payload outside of a session: opening one, RAKP, and what may be asked before. */
export function encodePlus(payloadType: number, payload: Uint8Array): Uint8Array {
  const packet = new Uint8Array(RMCP_HEADER_BYTES + PLUS_HEADER_BYTES + payload.length)
  fillRmcpHeader(packet)
  fillPlusHeader(packet, payloadType, 0, 0, payload.length)
  packet.set(payload, RMCP_HEADER_BYTES + PLUS_HEADER_BYTES)
  return packet
}

/** Where a payload begins in a whole packet. */
export const PAYLOAD_AT = RMCP_HEADER_BYTES + PLUS_HEADER_BYTES

/** `type`: the payload type with its bits for encrypted (80h) and authenticated (40h). */
export function fillPlusHeader(packet: Uint8Array, type: number, id: number, sequence: number, length: number): void {
  const at = RMCP_HEADER_BYTES
  packet[at] = RMCP_PLUS
  packet[at + 1] = type
  setU32le(packet, at + 2, id)
  setU32le(packet, at + 6, sequence)
  packet[at + 10] = length & 0xff
  packet[at + 11] = length >> 8
}

function u32le(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
}

function setU32le(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value
  bytes[at + 1] = value >>> 8
  bytes[at + 2] = value >>> 16
  bytes[at + 3] = value >>> 24
}

import { DecodeError } from '../../kit/errors.ts'

/** A SOL payload (IPMI 2.0 §15.9): who sends it and what it acknowledges. */
export type SolPacket = Readonly<{
  /** 1 to 15; 0: only an acknowledgement, which is not acknowledged itself. */
  sequence: number
  /** The packet that is acknowledged; 0: none. */
  acknowledged: number
  /** How many characters of it were taken. */
  accepted: number
  /** Bits of `SOL_FROM_CONSOLE` or `SOL_FROM_BMC`. */
  flags: number
  data: Uint8Array
}>

/** Operations of a console (table 15-2). */
export const SOL_FROM_CONSOLE = {
  /** Of the acknowledged packet, send again what comes after the first `accepted` characters. */
  nack: 0x40,
  ring: 0x20,
  break: 0x10,
  pause: 0x08,
  drop: 0x04,
  flushInbound: 0x02,
  flushOutbound: 0x01,
} as const

/** Status of a BMC (table 15-2). */
export const SOL_FROM_BMC = {
  nack: 0x40,
  /** It cannot take characters now. */
  unavailable: 0x20,
  deactivated: 0x10,
  overrun: 0x08,
  break: 0x04,
} as const

export const SOL_HEAD_BYTES = 4
export const MOST_SOL_DATA_BYTES = 251

/** `data` is a copy. */
export function decodeSol(payload: Uint8Array): SolPacket {
  if (payload.length < SOL_HEAD_BYTES) throw new DecodeError('shorter than the head of a SOL payload')
  if (payload.length > SOL_HEAD_BYTES + MOST_SOL_DATA_BYTES)
    throw new DecodeError('a SOL payload of more than 255 bytes')
  return {
    sequence: payload[0]! & 0x0f,
    acknowledged: payload[1]! & 0x0f,
    accepted: payload[2]!,
    flags: payload[3]!,
    data: payload.slice(SOL_HEAD_BYTES),
  }
}

export function encodeSol(packet: SolPacket): Uint8Array {
  if (packet.data.length > MOST_SOL_DATA_BYTES)
    throw new RangeError(`${packet.data.length} characters do not fit a SOL payload`)
  const payload = new Uint8Array(SOL_HEAD_BYTES + packet.data.length)
  payload[0] = packet.sequence
  payload[1] = packet.acknowledged
  payload[2] = packet.accepted
  payload[3] = packet.flags
  payload.set(packet.data, SOL_HEAD_BYTES)
  return payload
}

/** The sequence number after this one: 15 is followed by 1. */
export function nextSolSequence(sequence: number): number {
  return (sequence % 15) + 1
}

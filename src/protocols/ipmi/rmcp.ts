import { ByteReader, ByteWriter } from '../../kit/bytes.ts'
import { DecodeError } from '../../kit/errors.ts'

/** UDP port of RMCP (ASF 2.0 §3.2.1, IPMI 2.0 §13.1.2). */
export const IPMI_PORT = 623

/** No packet of ours or of a client is longer: 255 bytes of SOL or of a message, their seal, and room to spare. */
export const MOST_PACKET_BYTES = 1024

const VERSION = 0x06
/** IPMI messages want no acknowledgement of RMCP's (IPMI 2.0 §13.1.3). */
const NO_ACKNOWLEDGEMENT = 0xff
const HEADER_BYTES = 4
const CLASSES = { 6: 'asf', 7: 'ipmi' } as const

/** `body` is a window on the packet. `sequence` 255: no RMCP acknowledgement is wanted. */
export type RmcpPacket = Readonly<{ class: 'ipmi' | 'asf'; sequence: number; body: Uint8Array }>

/** Acknowledgements of RMCP itself and other classes than ASF and IPMI are refused. */
export function decodeRmcp(packet: Uint8Array): RmcpPacket {
  if (packet.length < HEADER_BYTES) throw new DecodeError('shorter than an RMCP header')
  if (packet.length > MOST_PACKET_BYTES) throw new DecodeError(`longer than ${MOST_PACKET_BYTES} bytes`)
  if (packet[0] !== VERSION) throw new DecodeError(`RMCP version ${packet[0]}`)
  const kind = CLASSES[packet[3] as keyof typeof CLASSES]
  if (kind === undefined) throw new DecodeError(`RMCP class ${packet[3]}`)
  return { class: kind, sequence: packet[2]!, body: packet.subarray(HEADER_BYTES) }
}

export function encodeRmcp(kind: RmcpPacket['class'], body: Uint8Array, sequence = NO_ACKNOWLEDGEMENT): Uint8Array {
  const packet = new Uint8Array(HEADER_BYTES + body.length)
  packet[0] = VERSION
  packet[2] = sequence
  packet[3] = kind === 'asf' ? 6 : 7
  packet.set(body, HEADER_BYTES)
  return packet
}

/** Writes the header in front of an IPMI body that was built with `RMCP_HEADER_BYTES` of room. */
export function fillRmcpHeader(packet: Uint8Array): void {
  packet[0] = VERSION
  packet[1] = 0
  packet[2] = NO_ACKNOWLEDGEMENT
  packet[3] = 7
}
export const RMCP_HEADER_BYTES = HEADER_BYTES

const ASF_IANA = 4542
const ASF_PING = 0x80
const ASF_PONG = 0x40

/** ASF Presence Ping (ASF 2.0 §3.2.4.2): `tag` comes back in the pong. */
export function encodePing(tag: number): Uint8Array {
  return encodeRmcp('asf', new ByteWriter(8).u32(ASF_IANA).u8(ASF_PING).u8(tag).u8(0).u8(0).finish())
}

/** The tag of a Presence Ping; `undefined`: another ASF message, which is not for us. */
export function decodePing(body: Uint8Array): number | undefined {
  const reader = new ByteReader(body)
  if (reader.u32() !== ASF_IANA || reader.u8() !== ASF_PING) return undefined
  return reader.u8()
}

/** Presence Pong (ASF 2.0 §3.2.4.3; IPMI 2.0 table 13-7): IPMI is answered here, ASF's own security and RMCP's are not. */
export function encodePong(tag: number, sequence: number): Uint8Array {
  const body = new ByteWriter(24).u32(ASF_IANA).u8(ASF_PONG).u8(tag).u8(0).u8(16)
  body.u32(ASF_IANA).u32(0).u8(0x81).u8(0).padTo(24)
  return encodeRmcp('asf', body.finish(), sequence)
}

/** The tag of a pong, and whether it says that IPMI is answered; `undefined`: another ASF message. */
export function decodePong(body: Uint8Array): Readonly<{ tag: number; ipmi: boolean }> | undefined {
  const reader = new ByteReader(body)
  if (reader.u32() !== ASF_IANA || reader.u8() !== ASF_PONG) return undefined
  const tag = reader.u8()
  reader.skip(2 + 4 + 4)
  return { tag, ipmi: (reader.u8() & 0x80) !== 0 }
}

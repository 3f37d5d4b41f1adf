import { ByteReader, ByteWriter } from '../../kit/bytes.ts'
import { DecodeError } from '../../kit/errors.ts'

/** RFC 6455 §5.2. */
export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

export type WebSocketFrame = Readonly<{ final: boolean; opcode: number; payload: Uint8Array }>

/** Larger frames are refused: a console sends small ones. */
export const MAX_PAYLOAD = 16 * 1024 * 1024

/** A frame of a client: always masked (§5.3), with four bytes that the caller draws at random. */
export function encodeClientFrame(opcode: number, payload: Uint8Array, mask: Uint8Array): Uint8Array {
  if (mask.length !== 4) throw new RangeError('a mask has four bytes')
  const writer = new ByteWriter(payload.length + 14).u8(0x80 | opcode)
  if (payload.length < 126) writer.u8(0x80 | payload.length)
  else if (payload.length <= 0xffff) writer.u8(0x80 | 126).u16(payload.length)
  else
    writer
      .u8(0x80 | 127)
      .u32(Math.floor(payload.length / 2 ** 32))
      .u32(payload.length % 2 ** 32)
  return writer
    .bytes(mask)
    .bytes(payload.map((byte, i) => byte ^ mask[i & 3]!))
    .finish()
}

/** A frame of a server: never masked (§5.1). */
export function encodeServerFrame(opcode: number, payload: Uint8Array): Uint8Array {
  const writer = new ByteWriter(payload.length + 10).u8(0x80 | opcode)
  if (payload.length < 126) writer.u8(payload.length)
  else if (payload.length <= 0xffff) writer.u8(126).u16(payload.length)
  else
    writer
      .u8(127)
      .u32(Math.floor(payload.length / 2 ** 32))
      .u32(payload.length % 2 ** 32)
  return writer.bytes(payload).finish()
}

type Decoded = { frame: WebSocketFrame; length: number }

/**
 * The first frame of what a server sent and how many bytes it took; `undefined` when more bytes are needed. A frame that a server
 * must not send is a `DecodeError`.
 */
export function decodeServerFrame(bytes: Uint8Array): Decoded | undefined {
  return decodeFrame(bytes, false)
}

/** The same for what a client sent: masked, and given back without its mask. */
export function decodeClientFrame(bytes: Uint8Array): Decoded | undefined {
  return decodeFrame(bytes, true)
}

function decodeFrame(bytes: Uint8Array, masked: boolean): Decoded | undefined {
  if (bytes.length < 2) return undefined
  const reader = new ByteReader(bytes)
  const first = reader.u8()
  const second = reader.u8()
  const opcode = first & 0x0f
  if ((first & 0x70) !== 0) throw new DecodeError('a reserved bit is set without an extension (RFC 6455 §5.2)')
  if (((second & 0x80) !== 0) !== masked)
    throw new DecodeError(
      masked ? 'a client must mask its frames (RFC 6455 §5.1)' : 'a server must not mask its frames (RFC 6455 §5.1)',
    )
  let length = second & 0x7f
  const isControl = opcode >= OPCODE.close
  if (isControl && (length > 125 || (first & 0x80) === 0))
    throw new DecodeError('a control frame is too long or in parts (RFC 6455 §5.5)')
  if (length === 126) {
    if (reader.remaining < 2) return undefined
    length = reader.u16()
  } else if (length === 127) {
    if (reader.remaining < 8) return undefined
    length = reader.u32() * 2 ** 32 + reader.u32()
  }
  if (length > MAX_PAYLOAD) throw new DecodeError(`a frame of ${length} bytes is more than ${MAX_PAYLOAD}`)
  if (reader.remaining < length + (masked ? 4 : 0)) return undefined
  const mask = masked ? reader.bytes(4) : undefined
  const payload = reader.bytes(length)
  if (mask) for (let i = 0; i < payload.length; i++) payload[i] = payload[i]! ^ mask[i & 3]!
  return { frame: { final: (first & 0x80) !== 0, opcode, payload }, length: reader.offset }
}

/** §5.5.1: code and reason of a close frame; a frame without a code means 1005. */
export function readClose(payload: Uint8Array): { code: number; reason: string } {
  if (payload.length < 2) return { code: 1005, reason: '' }
  const reader = new ByteReader(payload)
  const code = reader.u16()
  return { code, reason: String.fromCharCode(...reader.rest()) }
}

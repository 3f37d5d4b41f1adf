import { ByteReader, ByteWriter } from '../../kit/bytes.ts'
import { DecodeError } from '../../kit/errors.ts'

/** RFC 1350 §5; 6 from RFC 2347. */
export const Opcode = { read: 1, write: 2, data: 3, ack: 4, error: 5, oack: 6 } as const

/** RFC 1350 appendix; 8 from RFC 2347: the client ends the transfer because of the options. */
export const TftpError = {
  other: 0,
  fileNotFound: 1,
  accessViolation: 2,
  diskFull: 3,
  illegalOperation: 4,
  unknownTransfer: 5,
  fileExists: 6,
  noSuchUser: 7,
  optionRefused: 8,
} as const

/** Names in lower case (they are case-insensitive, RFC 2347), values as sent, in the order of the packet. */
export type TftpOptions = readonly (readonly [name: string, value: string])[]

export type TftpRequest = Readonly<{ op: 'read' | 'write'; filename: string; mode: string; options: TftpOptions }>

export type TftpPacket =
  | TftpRequest
  | Readonly<{ op: 'data'; block: number; data: Uint8Array }>
  | Readonly<{ op: 'ack'; block: number }>
  | Readonly<{ op: 'error'; code: number; message: string }>
  | Readonly<{ op: 'oack'; options: TftpOptions }>

/** RFC 2347: a request with its options is at most 512 octets. Our own limit is the same for OACK and ERROR. */
export const MAX_REQUEST = 512
/** RFC 2348: the largest block. */
export const MAX_BLKSIZE = 65_464
/** Opcode and block number before the bytes of a DATA packet. */
export const DATA_HEADER = 4

/**
 * Reads one datagram:
 *
 *     RRQ, WRQ   | opcode 2 | filename 0 | mode 0 | (option 0 value 0)* |
 *     DATA       | opcode 2 | block 2 | 0..65464 bytes |
 *     ACK        | opcode 2 | block 2 |
 *     ERROR      | opcode 2 | code 2 | message 0 |
 *     OACK       | opcode 2 | (option 0 value 0)* |
 */
export function decodeTftp(datagram: Uint8Array): TftpPacket {
  const reader = new ByteReader(datagram)
  const opcode = reader.u16()
  switch (opcode) {
    case Opcode.read:
    case Opcode.write: {
      refuseLong(datagram)
      const filename = reader.cstring()
      const mode = reader.cstring().toLowerCase()
      if (filename === '') throw new DecodeError('the request names no file')
      return { op: opcode === Opcode.read ? 'read' : 'write', filename, mode, options: readOptions(reader) }
    }
    case Opcode.data: {
      const block = reader.u16()
      if (reader.remaining > MAX_BLKSIZE) throw new DecodeError(`DATA carries ${reader.remaining} bytes`)
      return { op: 'data', block, data: reader.rest() }
    }
    case Opcode.ack:
      // Whatever a client pads behind the block number means nothing.
      return { op: 'ack', block: reader.u16() }
    case Opcode.error: {
      refuseLong(datagram)
      const code = reader.u16()
      // Some firmware leaves out the NUL, or the whole message: what counts is the code.
      return { op: 'error', code, message: reader.text(reader.remaining) }
    }
    case Opcode.oack:
      refuseLong(datagram)
      return { op: 'oack', options: readOptions(reader) }
    default:
      throw new DecodeError(`${opcode} is no TFTP opcode`)
  }
}

function refuseLong(datagram: Uint8Array): void {
  if (datagram.length > MAX_REQUEST)
    throw new DecodeError(`the packet has ${datagram.length} bytes, ${MAX_REQUEST} is the most`)
}

function readOptions(reader: ByteReader): TftpOptions {
  const options: [string, string][] = []
  while (reader.remaining > 0) {
    const name = reader.cstring().toLowerCase()
    if (name === '') {
      // Padding with NULs up to a round size is harmless; anything behind an empty name is not an option.
      if (reader.rest().some((byte) => byte !== 0)) throw new DecodeError('an option has no name')
      break
    }
    if (options.some(([known]) => known === name)) throw new DecodeError(`the option ${name} appears twice`) // RFC 2347
    options.push([name, reader.cstring()])
  }
  return options
}

export function encodeTftp(packet: TftpPacket): Uint8Array {
  const writer = new ByteWriter().u16(Opcode[packet.op])
  switch (packet.op) {
    case 'read':
    case 'write':
      writer.cstring(packet.filename).cstring(packet.mode)
      return writeOptions(writer, packet.options)
    case 'data':
      return writer.u16(packet.block).bytes(packet.data).finish()
    case 'ack':
      return writer.u16(packet.block).finish()
    case 'error':
      return writer.u16(packet.code).cstring(packet.message).finish()
    case 'oack':
      return writeOptions(writer, packet.options)
  }
}

function writeOptions(writer: ByteWriter, options: TftpOptions): Uint8Array {
  for (const [name, value] of options) writer.cstring(name).cstring(value)
  return writer.finish()
}

/**
 * Writes a DATA header into `target` at `at` and returns where its bytes go. Block numbers have 16 bits and go on with 0 behind
 * 65535, which RFC 1350 leaves open and all common clients expect.
 */
export function writeDataHeader(target: Uint8Array, at: number, block: number): number {
  target[at] = 0
  target[at + 1] = Opcode.data
  target[at + 2] = (block >>> 8) & 0xff
  target[at + 3] = block & 0xff
  return at + DATA_HEADER
}

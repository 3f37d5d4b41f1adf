import thrift from 'thrift'
import { DecodeError } from '../kit/errors.ts'
import {
  APPLICATION_EXCEPTION,
  INVALID_MESSAGE_TYPE,
  MESSAGE,
  type Message,
  type Protocol,
  RESULT,
  type Result,
  readerOf,
  readStruct,
  type StructOf,
  writeStruct,
  written,
} from './structs.ts'

const { Type, MessageType } = thrift.Thrift
/** TApplicationException: the method is not known; the call does not follow the protocol. */
const UNKNOWN_METHOD = 1
const PROTOCOL_ERROR = 7

/** What a client asks: `ping`, `handleMessage`, or something that can only be answered with an exception. */
export type Call = Readonly<{ seqid: number }> &
  (
    | Readonly<{ method: 'ping' }>
    | Readonly<{ method: 'handleMessage'; message: Message }>
    | Readonly<{ method: 'unknown'; name: string; why: string; code: number }>
  )

/** Reads a message that was measured. Throws a `DecodeError` where no answer is possible. */
export function readCall(bytes: Uint8Array): Call {
  const input = readerOf(bytes)
  const { fname, mtype, rseqid: seqid } = input.readMessageBegin()
  if (mtype !== MessageType.CALL) throw new DecodeError('it is not a call')
  const name = String(fname)
  try {
    if (name === 'ping') {
      readStruct(input, {})
      return { method: 'ping', seqid }
    }
    if (name === 'handleMessage')
      return { method: 'handleMessage', seqid, message: readNested(input, 1, MESSAGE) ?? missing('msg') }
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    return { method: 'unknown', seqid, name, why: error.message, code: PROTOCOL_ERROR }
  }
  return { method: 'unknown', seqid, name, why: 'there is no such method', code: UNKNOWN_METHOD }
}

function missing(name: string): never {
  throw new DecodeError(`argument ${name} is missing`)
}

/** One struct in one field of a struct; other fields are left out. */
function readNested<S extends Parameters<typeof readStruct>[1]>(input: Protocol, id: number, shape: S) {
  let found: StructOf<S> | undefined
  input.readStructBegin()
  for (;;) {
    const { ftype, fid } = input.readFieldBegin()
    if (ftype === Type.STOP) break
    if (fid === id && ftype === Type.STRUCT) found = readStruct(input, shape)
    else input.skip(ftype)
  }
  return found
}

/** The answer to `ping`: field 0 of a result is what was returned. */
export function pingReply(seqid: number): Buffer {
  return reply('ping', seqid, (output) => {
    output.writeFieldBegin('success', Type.STRING, 0)
    output.writeString('pong')
    output.writeFieldEnd()
  })
}

export function resultReply(seqid: number, result: Result): Buffer {
  return reply('handleMessage', seqid, (output) => {
    output.writeFieldBegin('success', Type.STRUCT, 0)
    writeStruct(output, RESULT, result)
    output.writeFieldEnd()
  })
}

function reply(name: string, seqid: number, fields: (output: Protocol) => void): Buffer {
  return written((output) => {
    output.writeMessageBegin(name, MessageType.REPLY, seqid)
    output.writeStructBegin('')
    fields(output)
    output.writeFieldStop()
    output.writeStructEnd()
    output.writeMessageEnd()
  })
}

export function exceptionReply(seqid: number, name: string, why: string, code: number): Buffer {
  return written((output) => {
    output.writeMessageBegin(name, MessageType.EXCEPTION, seqid)
    writeStruct(output, APPLICATION_EXCEPTION, { message: why, type: code })
    output.writeMessageEnd()
  })
}

/** A call of `handleMessage`, as a client sends it. */
export function messageCall(seqid: number, message: Message): Buffer {
  return written((output) => {
    output.writeMessageBegin('handleMessage', MessageType.CALL, seqid)
    output.writeStructBegin('')
    output.writeFieldBegin('msg', Type.STRUCT, 1)
    writeStruct(output, MESSAGE, message)
    output.writeFieldEnd()
    output.writeFieldStop()
    output.writeStructEnd()
    output.writeMessageEnd()
  })
}

/** What a guest answered to `handleMessage`: a result, or why there is none. */
export type Answered = Readonly<{ result: Result } | { invalidType: string } | { exception: string }>

export function readAnswer(bytes: Uint8Array): Answered {
  const input = readerOf(bytes)
  const { mtype } = input.readMessageBegin()
  if (mtype === MessageType.EXCEPTION)
    return { exception: readStruct(input, APPLICATION_EXCEPTION).message ?? 'no reason given' }
  if (mtype !== MessageType.REPLY) throw new DecodeError('it is not an answer')
  let answered: Answered | undefined
  input.readStructBegin()
  for (;;) {
    const { ftype, fid } = input.readFieldBegin()
    if (ftype === Type.STOP) break
    if (fid === 0 && ftype === Type.STRUCT) answered = { result: readStruct(input, RESULT) }
    else if (fid === 1 && ftype === Type.STRUCT)
      answered = { invalidType: readStruct(input, INVALID_MESSAGE_TYPE).why ?? 'no reason given' }
    else input.skip(ftype)
  }
  if (!answered) throw new DecodeError('the answer holds nothing')
  return answered
}

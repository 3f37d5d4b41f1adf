import { connect } from 'node:net'
import { DecodeError } from '../kit/errors.ts'
import { MOST_MESSAGE_BYTES, messageLength } from '../protocols/thrift/measure.ts'
import { messageCall, readAnswer } from './calls.ts'
import { CODE } from './codes.ts'
import { said } from './desk.ts'
import type { Message, Result } from './structs.ts'

const CONNECT_MS = 3000
const ANSWER_MS = 10_000
/** Where the service of a running system listens. */
export const GUEST_PORT = 9090

/** Sends a message to the service of a running system, as the original does, and gives its answer. Nothing is thrown. */
export function forward(message: Message, address: string, port = GUEST_PORT): Promise<Result> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port })
    let received = Buffer.alloc(0)
    let connected = false
    const finish = (result: Result) => {
      clearTimeout(timer)
      socket.destroy()
      resolve(result)
    }
    let timer = setTimeout(() => finish(said(CODE.connectFailed, 'connect failed')), CONNECT_MS)
    socket.once('connect', () => {
      connected = true
      clearTimeout(timer)
      timer = setTimeout(() => finish(said(CODE.timeout, 'the host did not answer in time')), ANSWER_MS)
      // The host's name means something here only.
      socket.write(messageCall(1, { ...message, host: undefined }))
    })
    socket.on('error', () =>
      finish(connected ? said(CODE.exception, 'the connection broke') : said(CODE.connectFailed, 'connect failed')),
    )
    socket.on('close', () => finish(said(CODE.exception, 'the host closed the connection without an answer')))
    socket.on('data', (data) => {
      received = Buffer.concat([received, data.subarray(0, MOST_MESSAGE_BYTES + 1)])
      try {
        const length = messageLength(received)
        if (length !== undefined) finish(resultOf(received.subarray(0, length)))
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error
        finish(said(CODE.exception, `the answer of the host is not understood: ${error.message}`))
      }
    })
  })
}

function resultOf(bytes: Uint8Array): Result {
  const answered = readAnswer(bytes)
  if ('result' in answered) return answered.result
  if ('invalidType' in answered) return said(CODE.unknownType, `InvalidMessageType: ${answered.invalidType}`)
  return said(CODE.exception, `exception: ${answered.exception}`)
}

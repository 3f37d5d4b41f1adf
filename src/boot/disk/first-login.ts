import type { Socket } from 'node:net'
import { DecodeError } from '../../kit/errors.ts'
import { getU32 } from '../../protocols/iscsi/fields.ts'
import { BHS_BYTES, REQUEST } from '../../protocols/iscsi/opcodes.ts'
import { PduReader } from '../../protocols/iscsi/pdu-reader.ts'
import { decodeText, type TextPair } from '../../protocols/iscsi/text.ts'
import { type FirstLogin, LOGIN_TIMEOUT_MS } from './contract.ts'

/** Longest data segment during login (RFC 7143, 13.12: 8192 holds until something else is declared). */
export const LOGIN_DATA_BYTES = 8192
/** One PDU and what an initiator may send behind it, which is nothing. */
const MOST_RECEIVED = 64 * 1024

/**
 * Reads the first Login PDU of a connection without answering it. Rejects with `DecodeError` when something else comes, when it takes longer
 * than `timeoutMs`, or when the peer leaves; the caller destroys the socket then.
 */
export function readFirstLogin(socket: Socket, timeoutMs = LOGIN_TIMEOUT_MS): Promise<FirstLogin> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let bytes = 0
    let pairs: TextPair[] | undefined
    const reader = new PduReader(
      {
        onPdu(head, at, _ahsBytes, data) {
          if ((head[at]! & 0x3f) !== REQUEST.login) throw new DecodeError('the first PDU is not a login')
          pairs = decodeText(data)
          reader.stop()
        },
        onDamagedData() {},
      },
      LOGIN_DATA_BYTES,
    )
    reader.mostAhsBytes = 0
    const settle = (outcome: () => void) => {
      clearTimeout(timer)
      socket.off('data', take).off('close', leave).off('error', leave).off('end', leave)
      outcome()
    }
    const leave = () => settle(() => reject(new DecodeError('the initiator left before its login')))
    const timer = setTimeout(() => settle(() => reject(new DecodeError('no login came in time'))), timeoutMs)
    const take = (chunk: Buffer) => {
      chunks.push(chunk)
      bytes += chunk.length
      try {
        if (bytes > MOST_RECEIVED) throw new DecodeError('the first login is too long')
        reader.push(chunk)
      } catch (error) {
        settle(() => reject(error))
        return
      }
      const found = pairs
      if (!found) return
      socket.pause()
      const keys = new Map(found)
      settle(() =>
        resolve({
          received: chunks.length === 1 ? chunk : Buffer.concat(chunks),
          initiator: keys.get('InitiatorName') ?? null,
          target: keys.get('TargetName') ?? null,
          sessionType: keys.get('SessionType') ?? null,
        }),
      )
    }
    socket.on('data', take).on('close', leave).on('error', leave).on('end', leave)
    socket.resume()
  })
}

/** The header of the login that `received` begins with. */
export function loginHeader(first: FirstLogin): Uint8Array {
  return first.received.subarray(0, BHS_BYTES)
}

/** CmdSN of a Login header, from which the numbering of the session starts. */
export const loginCmdSN = (head: Uint8Array, at: number): number => getU32(head, at + 24)

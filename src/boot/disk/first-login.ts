import type { Socket } from 'node:net'
import type { FirstLogin } from './contract.ts'

/**
 * Reads the first Login PDU of a connection without answering it. Rejects with `DecodeError` when something else comes, when it takes longer
 * than `timeoutMs`, or when the peer leaves; the caller destroys the socket then.
 */
export function readFirstLogin(_socket: Socket, _timeoutMs?: number): Promise<FirstLogin> {
  return Promise.reject(new Error('not yet'))
}

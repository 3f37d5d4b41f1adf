import type { BmcCaller } from '../back-end.ts'
import type { CommandSession } from './command.ts'

/** A session that is logged in, as its BMC and its serial line see it. Times in milliseconds since 1970. */
export interface LiveSession extends CommandSession {
  readonly caller: BmcCaller
  readonly since: number
  readonly lastAt: number
  /** Seals a payload and sends it to where the client was heard last. */
  send(payloadType: number, payload: Uint8Array, encrypted?: boolean): void
}

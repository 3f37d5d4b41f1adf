import type { Log } from '../../kit/log.ts'
import type { BmcBackEnd, BmcCaller } from '../back-end.ts'
import type { BmcUser, CipherSuite } from '../bmc.ts'
import type { BmcState } from './commands/state.ts'

export type IpmiAnswer = Readonly<{ completionCode: number; data: Uint8Array }>

/** Numbers of IPMI 2.0 §6.8, as they stand in packets. 0: before anybody has logged in. */
export type PrivilegeLevel = 0 | 1 | 2 | 3 | 4

/** A session that is logged in, as commands see it. */
export interface CommandSession {
  /** The id that the BMC chose. */
  readonly id: number
  /** 1 to 63, for Get Session Info and for who has a payload; unique on its BMC. */
  readonly handle: number
  /** The account as it was when it logged in. */
  readonly user: BmcUser
  readonly suite: CipherSuite
  /** What was asked for at login, at most the user's. */
  readonly maximumPrivilege: PrivilegeLevel
  /** What commands are checked against; Set Session Privilege Level moves it. */
  readonly privilege: PrivilegeLevel
  /** IPv4 address and UDP port of the client. */
  readonly address: string
  readonly port: number
}

/** How a client wants the serial line carried (IPMI 2.0 §26.3; times in milliseconds). */
export type SolSettings = Readonly<{
  encrypted: boolean
  authenticated: boolean
  /** How long characters are gathered, and after how many a packet goes at once. */
  accumulateMs: number
  threshold: number
  /** How often an unanswered packet is sent again, and after how long. */
  retries: number
  retryMs: number
}>

/** Serial over LAN of one BMC: one session has it at a time (IPMI 2.0 §15.9). */
export interface SolPort {
  /** Handle of the session that has it. */
  readonly holder: number | undefined
  /**
   * Opens the console for a session; data flows after the answer to this command went out. `busy`: another has it.
   * @throws Refusal when the back end cannot open one.
   */
  activate(session: CommandSession, settings: SolSettings): Promise<'activated' | 'busy'>
  /** Whoever has it; its client is told. Returns false where nobody had it. */
  deactivate(): boolean
}

/** Bytes of a SOL payload that we take and send, head included: for the answer to Activate Payload. */
export const SOL_PAYLOAD_BYTES = { inbound: 255, outbound: 255 } as const

/** All that a command may look at and change. */
export type CommandContext = Readonly<{
  backEnd: BmcBackEnd
  session: CommandSession
  /** Who asks, for the back end. */
  by: BmcCaller
  /** What this BMC remembers until the process ends: watchdog, reservations, SOL parameters. */
  state: BmcState
  sol: SolPort
  /** All sessions that are logged in to this BMC. */
  sessions: readonly CommandSession[]
  /** Where the socket is bound that this BMC was reached by, such as 0.0.0.0; and its UDP port. */
  host?: string | undefined
  port: number
  /** What it offers, best first. */
  suites: readonly CipherSuite[]
  now: () => number
  log: Log
  /** Ends one session, or all of this BMC with its serial line, once the answer to this command went out: Close Session, Cold Reset. */
  endSessions: (which?: CommandSession) => void
}>

/**
 * One command. `privilege`: what the session must have at least (IPMI 2.0 appendix G); it is checked before `run`.
 * `group`: the body that defines a group extension (netFn 2Ch), its first byte of data. `run` may throw: a `Refusal` becomes its
 * completion code (`completionOf`), a `DecodeError` C7h, anything else FFh and a line in the log. Its answer is kept and sent
 * again for a retry; it never runs twice for one request.
 */
export type Command = Readonly<{
  netFn: number
  command: number
  group?: number
  name: string
  privilege: PrivilegeLevel
  run: (data: Uint8Array, context: CommandContext) => IpmiAnswer | Promise<IpmiAnswer>
}>

/** What answers a command that is in no table; `undefined`: C1h. */
export type Fallback = Readonly<{
  privilege: PrivilegeLevel
  run: (
    request: Readonly<{ netFn: number; lun: number; command: number; data: Uint8Array }>,
    context: CommandContext,
  ) => Promise<IpmiAnswer>
}>

/** What the server takes: owner of the commands hands over all but those of sessions (06h: 38h-3Dh, 54h), which are answered beside the sessions. */
export type CommandSet = Readonly<{ commands: readonly Command[]; fallback?: Fallback }>

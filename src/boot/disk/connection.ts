import type { Socket } from 'node:net'
import { DecodeError } from '../../kit/errors.ts'
import type { Log } from '../../kit/log.ts'
import type { LoginStatus } from '../../protocols/iscsi/login-status.ts'
import { OFFER } from '../../protocols/iscsi/negotiate.ts'
import { PduReader, type PduReceiver } from '../../protocols/iscsi/pdu-reader.ts'
import type { Sequence } from '../../protocols/iscsi/responses.ts'
import type { TextPair } from '../../protocols/iscsi/text.ts'
import { LOGIN_TIMEOUT_MS } from './contract.ts'
import { Counters } from './counters.ts'
import type { LoginDecision } from './decide.ts'
import { LOGIN_DATA_BYTES } from './first-login.ts'
import { takeOver } from './input.ts'
import { type LoggedIn, LoginPhase } from './login-phase.ts'
import type { Memory } from './memory.ts'
import { Output } from './output.ts'
import { DiskSession } from './session.ts'
import type { SessionLun } from './session-lun.ts'
import { SessionWire } from './session-wire.ts'

/** How long what was said last may take to reach the peer before the socket is destroyed. */
const LINGER_MS = 3000
/** What is lacking of a data segment is received where it is gathered if it is so much; less comes together with what follows it. */
const LEAST_DIRECT = 16 * 1024

/** What is known of whom a connection belongs to. */
export interface ConnectionOwner {
  readonly address: string
  decide(keys: ReadonlyMap<string, string>): LoginDecision
  admit(
    connection: Connection,
    login: LoggedIn,
  ): Promise<
    Readonly<{ session: number; luns: readonly SessionLun[] }> | Readonly<{ status: LoginStatus; reason: string }>
  >
  /** The session runs. */
  begun(connection: Connection, login: LoggedIn, session: DiskSession): void
  text(login: LoggedIn, pairs: readonly TextPair[]): readonly TextPair[]
  manage(session: DiskSession, lun: number, func: number, tag: number, cmdSN: number): Promise<number>
  refused(names: Readonly<{ initiator: string; target: string }>, reason: string): void
  /** The connection is closed, and nothing that it began goes on. Called once, whether or not a session began. */
  ended(connection: Connection, reason: string): void
}

/** One TCP connection of an initiator, from its first byte here to its end. */
export class Connection implements PduReceiver {
  readonly counters = new Counters()
  readonly #socket: Socket
  readonly #owner: ConnectionOwner
  readonly #memory: Memory
  readonly #log: Log
  readonly #reader: PduReader
  readonly #output: Output
  readonly #sequence: Sequence = { statSN: 0, expCmdSN: 0, maxCmdSN: 0 }
  readonly #login: LoginPhase
  readonly #keepAliveMs: number
  /** Whether it receives into memory that is used again, and what was read before that. */
  readonly #isOwn: boolean
  #left: Buffer | undefined
  /** Whether what comes next lies in the rest of the data segment under way. */
  #isDirect = false
  #luns: readonly SessionLun[] = []
  #session: DiskSession | undefined
  #timer: NodeJS.Timeout
  #now = 0
  #heardAt = 0
  #isPinged = false
  #isHeld = false
  #ending: Promise<void> | undefined

  constructor(socket: Socket, owner: ConnectionOwner, memory: Memory, log: Log, keepAliveSeconds: number) {
    this.#owner = owner
    this.#memory = memory
    this.#log = log
    this.#keepAliveMs = keepAliveSeconds * 1000
    this.#reader = new PduReader(this, LOGIN_DATA_BYTES, memory)
    this.#reader.mostAhsBytes = 0
    const own = takeOver(socket, {
      // One after the other, so one piece of memory is enough for all: nobody else is read from before this is taken.
      buffer: () => this.#room(),
      callback: (bytes) => this.#onBytes(bytes),
    })
    this.#isOwn = own !== undefined
    this.#left = own?.left
    this.#socket = own?.socket ?? socket
    this.#output = new Output(this.#socket, memory, () => {
      // Whoever takes what it asked for is there, also while nothing is read from it.
      if (this.#isHeld) this.#heardAt = performance.now()
      this.#session?.onRoom()
    })
    this.#timer = setTimeout(() => void this.end('no login was completed in time'), LOGIN_TIMEOUT_MS)
    this.#login = new LoginPhase({
      output: this.#output,
      sequence: this.#sequence,
      decide: (keys) => owner.decide(keys),
      admit: async (login) => {
        const admitted = await owner.admit(this, login)
        if ('status' in admitted) return admitted
        this.#luns = admitted.luns
        return admitted.session
      },
      done: (login) => this.#begin(login),
      refused: (names, reason) => {
        owner.refused(names, reason)
        void this.end(reason)
      },
    })
  }

  get session(): DiskSession | undefined {
    return this.#session
  }

  get isEnding(): boolean {
    return this.#ending !== undefined
  }

  get inFlight(): number {
    return this.#session?.tasks.outstanding ?? 0
  }

  /** Takes over the socket; `received` was read from it before. */
  start(received: Uint8Array): undefined {
    const socket = this.#socket
    socket.setNoDelay(true)
    if (!this.#isOwn) socket.on('data', (chunk: Buffer) => this.#take(() => this.#reader.push(chunk)))
    socket.on('error', () => {})
    socket.on('end', () => void this.end('the initiator closed the connection'))
    socket.on('close', () => {
      // Only now nothing is received into the data segment under way any more.
      this.#reader.close()
      void this.end('the connection broke')
    })
    if (received.length > 0) this.#take(() => this.#reader.push(received))
    const left = this.#left
    this.#left = undefined
    if (left) this.#take(() => this.#reader.push(left))
    if (!this.#ending && !this.#isHeld) socket.resume()
  }

  /** Where the next bytes are received. */
  #room(): Uint8Array {
    this.#isDirect = this.#reader.lacks >= LEAST_DIRECT
    return this.#isDirect ? this.#reader.rest : this.#memory.receiving
  }

  #onBytes(bytes: number): boolean {
    this.#take(() => {
      if (this.#isDirect) this.#reader.filled(bytes)
      else this.#reader.push(this.#memory.receiving, bytes)
    })
    return true
  }

  #take(read: () => void): undefined {
    if (this.#ending) return
    this.#now = performance.now()
    this.#heardAt = this.#now
    this.#isPinged = false
    try {
      read()
    } catch (error) {
      if (!(error instanceof DecodeError)) {
        this.#log.error({ error: error instanceof Error ? error.stack : String(error) }, 'a connection failed')
      }
      void this.end(error instanceof DecodeError ? error.message : 'it failed here; the log says more')
      return
    }
    this.#session?.afterChunk()
  }

  onPdu(head: Uint8Array, at: number, _ahsBytes: number, data: Uint8Array): undefined {
    if (this.#session) this.#session.onPdu(head, at, data, this.#now)
    else this.#login.onPdu(head, at, data)
  }

  onDamagedData(head: Uint8Array, at: number): undefined {
    this.#session?.onDamagedData(head, at)
  }

  #begin(login: LoggedIn): undefined {
    if (this.#ending) {
      for (const one of this.#luns) one.lun.unit.detach(one.nexus)
      return
    }
    clearTimeout(this.#timer)
    const { parameters } = login
    this.#reader.mostDataBytes = OFFER.dataBytes
    this.#reader.mostAhsBytes = 256
    this.#reader.headerDigest = parameters.headerDigest
    this.#reader.dataDigest = parameters.dataDigest
    const wire = new SessionWire(this.#output, parameters, this.#sequence, this.#memory, this.counters, this.#log)
    this.#session = new DiskSession({
      wire,
      luns: this.#luns,
      connectionId: login.connectionId,
      text: (pairs) => this.#owner.text(login, pairs),
      manage: (session, lun, func, tag, cmdSN) => this.#owner.manage(session, lun, func, tag, cmdSN),
      close: (reason) => void this.end(reason),
      hold: (on) => this.#hold(on),
    })
    this.#heardAt = performance.now()
    this.#timer = setInterval(() => this.#watch(), this.#keepAliveMs)
    this.#timer.unref()
    this.#owner.begun(this, login, this.#session)
  }

  #hold(on: boolean): undefined {
    if (on === this.#isHeld) return
    this.#isHeld = on
    if (on) {
      this.#socket.pause()
    } else if (!this.#ending) {
      this.#socket.resume()
    }
  }

  /** A silent initiator is asked; one that does not answer is gone. */
  #watch(): undefined {
    if (performance.now() - this.#heardAt < this.#keepAliveMs) return
    // It is we who do not listen.
    if (this.#isHeld && this.#output.backlog === 0) return
    if (this.#isPinged) {
      this.#socket.destroy()
      void this.end('the initiator does not answer any more')
      return
    }
    this.#isPinged = true
    // While it takes nothing, a question would only wait behind the rest; its silence is counted all the same.
    if (!this.#isHeld) this.#session?.ping()
  }

  /** Ends the connection after what was answered is sent. @returns when nothing that it began goes on. */
  end(reason: string): Promise<void> {
    this.#ending ??= this.#end(reason)
    return this.#ending
  }

  async #end(reason: string): Promise<void> {
    clearTimeout(this.#timer)
    this.#reader.stop()
    // Not now: whoever ends it may still be in the midst of an answer.
    await Promise.resolve()
    this.#output.flush()
    this.#output.close()
    this.#socket.end()
    // What still arrives is of no interest, but has to be taken, or the peer is not told of the end in order.
    this.#socket.resume()
    const linger = setTimeout(() => this.#socket.destroy(), LINGER_MS)
    linger.unref()
    this.#socket.once('close', () => clearTimeout(linger))
    await this.#session?.tasks.end()
    this.#owner.ended(this, reason)
  }
}

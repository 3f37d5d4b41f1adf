import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { networkInterfaces } from 'node:os'
import { DecodeError, Refusal } from '../../kit/errors.ts'
import type { Log } from '../../kit/log.ts'
import type { Stop } from '../../kit/stop.ts'
import { negotiate } from '../../protocols/tftp/negotiate.ts'
import { decodeTftp, encodeTftp, TftpError, type TftpRequest } from '../../protocols/tftp/packet.ts'
import {
  startTransfer,
  stepTransfer,
  type Transfer,
  type TransferEnd,
  type TransferEvent,
  type TransferStep,
} from '../../protocols/tftp/transfer.ts'
import type { TraceRecorder } from '../../traces/trace.ts'
import { type Content, Contents } from './content.ts'
import { decideTftp } from './decide.ts'
import type { FindFile, LoaderFile } from './file.ts'
import { traceDone, traceRead, traceRefused } from './tftp-trace.ts'
import { TransferSocket } from './transfer-socket.ts'

/** Most transfers at once, in all and for one client; the oldest of a client makes room for its newest. */
export const TFTP_LIMITS = { transfers: 512, perClient: 16, windowsize: 64, windowBytes: 128 * 1024 } as const

const TICK_MS = 50
/** How often addresses that came or went are looked for. */
const ADDRESSES_MS = 5000

export type TftpDependencies = Readonly<{
  listen: Readonly<{ host: string; port: number }>
  find: FindFile
  trace: Pick<TraceRecorder, 'record'>
  log: Log
}>

export type TftpStatus = Readonly<{
  listening: readonly string[]
  transfers: number
  completed: number
  probes: number
  failed: number
  /** Requests answered with an error. */
  refused: number
  /** Datagrams that were no TFTP, and requests above the limit. */
  dropped: number
  bytes: number
}>

export type TftpServer = Readonly<{ port: number; status(): TftpStatus; stop: Stop }>

type Session = {
  readonly key: string
  readonly client: string
  readonly request: TftpRequest
  readonly name: string
  readonly startedAt: number
  socket?: TransferSocket
  content?: Content
  state?: Transfer
  /** Bytes are being read from the disk; what would be sent meanwhile is left to the next step. */
  loading: boolean
  traced: boolean
  ended: boolean
}

/**
 * Serves files over TFTP, read only, until stopped. On 0.0.0.0 it also listens on each address by itself, so that a client that
 * asked a second address of an interface is answered from there. Failing to listen is a `Refusal`.
 */
export async function serveTftp(dependencies: TftpDependencies): Promise<TftpServer> {
  const server = new Server(dependencies)
  await server.listen()
  return { port: server.port, status: () => server.status(), stop: () => server.stop() }
}

class Server {
  readonly #with: TftpDependencies
  readonly #contents = new Contents()
  readonly #sockets = new Map<string, Socket>()
  readonly #sessions = new Map<string, Session>()
  readonly #timers: NodeJS.Timeout[] = []
  readonly #counts = { completed: 0, probes: 0, failed: 0, refused: 0, dropped: 0, bytes: 0 }
  #port = 0
  #stopped = false

  constructor(dependencies: TftpDependencies) {
    this.#with = dependencies
  }

  get port(): number {
    return this.#port
  }

  status(): TftpStatus {
    const listening = [...this.#sockets.keys()].map((host) => `${host}:${this.#port}`)
    return { listening, transfers: this.#sessions.size, ...this.#counts }
  }

  async listen(): Promise<void> {
    const { host, port } = this.#with.listen
    this.#port = port
    const where = `${host}:${port}`
    try {
      await this.#open(host)
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : ''
      const next =
        code === 'EADDRINUSE'
          ? `stop the other TFTP server (ss -ulpn 'sport = ${port}' names it) or change tftp.listen`
          : code === 'EACCES'
            ? 'run as root, give the capability CAP_NET_BIND_SERVICE, or change tftp.listen to a port above 1023'
            : 'check tftp.listen'
      throw new Refusal('not-available', `TFTP cannot listen on ${where}: ${code || String(error)}`, { next })
    }
    if (host === '0.0.0.0') {
      await this.#followAddresses()
      this.#timers.push(setInterval(() => void this.#followAddresses(), ADDRESSES_MS).unref())
    }
    this.#timers.push(setInterval(() => this.#tick(), TICK_MS).unref())
  }

  async stop(): Promise<void> {
    this.#stopped = true
    for (const timer of this.#timers) clearInterval(timer)
    for (const session of [...this.#sessions.values()])
      this.#end(session, { outcome: 'aborted', reason: 'the server stopped' }, true)
    const sockets = [...this.#sockets.values()]
    this.#sockets.clear()
    await Promise.all(sockets.map((socket) => new Promise<void>((resolve) => socket.close(() => resolve()))))
  }

  async #open(host: string): Promise<void> {
    const socket = createSocket('udp4')
    const bound = once(socket, 'listening')
    try {
      socket.bind({ address: host, port: this.#port, exclusive: true })
      await bound
    } catch (error) {
      socket.close()
      throw error
    }
    this.#port = socket.address().port
    socket.on('error', (error) => this.#with.log.warn({ host, error: error.message }, 'TFTP socket error'))
    socket.on('message', (datagram, from) => this.#onDatagram(datagram, from, host, socket))
    this.#sockets.set(host, socket)
  }

  /** The kernel hands a datagram to the socket with the closest address; the one on 0.0.0.0 keeps hearing what is new. */
  async #followAddresses(): Promise<void> {
    const now = new Set<string>()
    for (const entries of Object.values(networkInterfaces()))
      for (const entry of entries ?? []) if (entry.family === 'IPv4') now.add(entry.address)
    for (const [host, socket] of this.#sockets) {
      if (host === '0.0.0.0' || now.has(host)) continue
      this.#sockets.delete(host)
      socket.close()
    }
    for (const host of now) {
      if (this.#sockets.has(host) || this.#stopped) continue
      // An address may vanish between being listed and being used: the socket on 0.0.0.0 is still there.
      await this.#open(host).catch((error: unknown) =>
        this.#with.log.debug({ host, error: String(error) }, 'TFTP could not listen on one address by itself'),
      )
    }
  }

  #onDatagram(datagram: Uint8Array, from: RemoteInfo, local: string, socket: Socket): void {
    let packet: ReturnType<typeof decodeTftp>
    try {
      packet = decodeTftp(datagram)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.#counts.dropped++
      return
    }
    if (packet.op !== 'read' && packet.op !== 'write') {
      this.#counts.dropped++
      return
    }
    // Port 0 is no port: an answer to it cannot be sent.
    if (from.port === 0) return
    const decision = decideTftp(packet, from.address, this.#with.find)
    if (decision.serve === null) {
      this.#refuse(packet, from, socket, decision)
      return
    }
    const session = this.#admit(packet, decision.name, from)
    if (!session) return
    this.#begin(session, decision.serve, local, from).catch((error: unknown) => {
      this.#with.log.error({ file: decision.name, error: String(error) }, 'a boot file cannot be read')
      const reason = `the file cannot be read: ${String(error)}`
      this.#end(session, { outcome: 'aborted', reason })
      this.#refuse(packet, from, socket, { code: TftpError.fileNotFound, message: 'file cannot be read', reason })
    })
  }

  #refuse(
    request: TftpRequest,
    to: RemoteInfo,
    socket: Socket,
    { code, message, reason }: { code: number; message: string; reason: string },
  ): void {
    if (this.#stopped) return
    this.#counts.refused++
    // The client does not know our port for this transfer yet, so this one will do (RFC 1350 §4), and at once: GRUB asks for
    // many files that may be absent and waits for each answer.
    try {
      socket.send(encodeTftp({ op: 'error', code, message }), to.port, to.address, () => undefined)
    } catch (error) {
      this.#with.log.debug({ error: String(error) }, 'a TFTP error could not be sent: its address is gone')
    }
    traceRefused(this.#with.trace, to.address, request.filename, reason)
  }

  /** A new session; or none, for a repeated request or when there are too many. */
  #admit(request: TftpRequest, name: string, from: RemoteInfo): Session | undefined {
    const key = `${from.address}:${from.port}`
    const known = this.#sessions.get(key)
    if (known) {
      const early = !known.state || known.state.acked === 0
      if (early && sameRequest(known.request, request)) {
        this.#advance(known, { kind: 'repeated-request' })
        return undefined
      }
      this.#end(known, { outcome: 'aborted', reason: 'the client began again' })
    }
    const own = [...this.#sessions.values()].filter((session) => session.client === from.address)
    if (own.length >= TFTP_LIMITS.perClient)
      this.#end(own[0]!, { outcome: 'aborted', reason: `the client has more than ${TFTP_LIMITS.perClient} transfers` })
    if (this.#sessions.size >= TFTP_LIMITS.transfers) {
      // Silence: firmware repeats its request, but takes an error for the end.
      this.#counts.dropped++
      this.#with.log.warn({ client: from.address, limit: TFTP_LIMITS.transfers }, 'too many TFTP transfers')
      return undefined
    }
    const session: Session = {
      key,
      client: from.address,
      request,
      name,
      startedAt: performance.now(),
      loading: false,
      traced: false,
      ended: false,
    }
    this.#sessions.set(key, session)
    return session
  }

  async #begin(session: Session, file: LoaderFile, local: string, from: RemoteInfo): Promise<void> {
    const [content, socket] = await Promise.all([this.#contents.open(file), TransferSocket.open(local, from)])
    if (session.ended) {
      content.close()
      socket.close()
      return
    }
    session.content = content
    session.socket = socket
    const terms = negotiate(session.request.options, {
      size: content.size,
      maxBlksize: socket.maxBlksize,
      maxWindowsize: TFTP_LIMITS.windowsize,
      maxWindowBytes: TFTP_LIMITS.windowBytes,
    })
    if (terms.windowsize > 1) socket.sendInSegments(terms.blksize)
    socket.listen(
      (packet) => this.#advance(session, { kind: 'packet', packet }),
      () => this.#counts.dropped++,
    )
    this.#perform(session, startTransfer(terms, performance.now()))
  }

  #advance(session: Session, event: TransferEvent): void {
    if (session.state && !session.ended) this.#perform(session, stepTransfer(session.state, event, performance.now()))
  }

  #perform(session: Session, step: TransferStep): void {
    session.state = step.state
    if (!session.traced && !step.state.negotiating) traceRead(this.#with.trace, session, step.state)
    session.traced ||= !step.state.negotiating
    for (const send of step.send) this.#send(session, send)
    if (step.done) this.#end(session, step.done)
  }

  #send(session: Session, send: TransferStep['send'][number]): void {
    const { socket, content, state } = session
    if (!socket || !content || !state || session.ended || session.loading) return
    if (socket.send(send, content, state.terms.blksize) || send.kind !== 'data') return
    session.loading = true
    const { blksize } = state.terms
    content
      .load((send.first - 1) * blksize, send.count * blksize)
      .then(() => {
        session.loading = false
        this.#send(session, send)
      })
      .catch((error: unknown) => {
        session.loading = false
        this.#send(session, { kind: 'packet', packet: { op: 'error', code: TftpError.other, message: 'read error' } })
        this.#end(session, { outcome: 'aborted', reason: `the file cannot be read on: ${String(error)}` })
      })
  }

  #tick(): void {
    for (const session of [...this.#sessions.values()]) this.#advance(session, { kind: 'tick' })
  }

  #end(session: Session, end: TransferEnd, quietly = false): void {
    if (session.ended) return
    session.ended = true
    this.#sessions.delete(session.key)
    const { state } = session
    if (state) this.#counts.bytes += Math.min(state.acked * state.terms.blksize, state.terms.size)
    if (end.outcome === 'complete') this.#counts.completed++
    else if (end.outcome === 'probe') this.#counts.probes++
    else this.#counts.failed++
    if (state && !quietly) {
      if (!session.traced) traceRead(this.#with.trace, session, state, end)
      if (end.outcome !== 'probe')
        traceDone(this.#with.trace, session, state, end, performance.now() - session.startedAt)
    }
    session.socket?.close()
    session.content?.close()
  }
}

function sameRequest(a: TftpRequest, b: TftpRequest): boolean {
  return a.filename === b.filename && JSON.stringify(a.options) === JSON.stringify(b.options)
}

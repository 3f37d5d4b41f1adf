import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { networkInterfaces } from 'node:os'
import { DecodeError, Refusal } from '../../kit/errors.ts'
import { ANY_ADDRESS, parseIpv4 } from '../../kit/ip.ts'
import type { Log } from '../../kit/log.ts'
import type { Stop } from '../../kit/stop.ts'
import { negotiate, type TftpTerms } from '../../protocols/tftp/negotiate.ts'
import { decodeTftp, encodeTftp, TftpError, type TftpRequest } from '../../protocols/tftp/packet.ts'
import type { TraceRecorder } from '../../traces/trace.ts'
import { decideTftp, type TftpDecision } from './decide.ts'
import type { FindOrMakeFile, LoaderFile } from './file.ts'
import { traceDone, traceRead, traceRefused } from './tftp-trace.ts'
import type { TransferReport } from './transfer-worker.ts'
import { Transfers } from './transfers.ts'

/** Most transfers at once, in all and for one client; the oldest of a client makes room for its newest. */
export const TFTP_LIMITS = { transfers: 512, perClient: 16, windowsize: 64, windowBytes: 128 * 1024 } as const

/** How often addresses that came or went are looked for. */
const ADDRESSES_MS = 5000

export type TftpDependencies = Readonly<{
  listen: Readonly<{ host: string; port: number }>
  find: FindOrMakeFile
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
  readonly id: number
  /** `ADDRESS:PORT` of the client. */
  readonly key: string
  readonly client: string
  readonly request: TftpRequest
  readonly name: string
  readonly told: LoaderFile['told']
  readonly startedAt: number
  readonly terms: TftpTerms
  progress: boolean
}

/**
 * Serves files over TFTP, read only, until stopped. On 0.0.0.0 it also listens on each address by itself, so that a client that
 * asked a second address of an interface is answered from there. Failing to listen is a `Refusal`.
 */
export async function serveTftp(dependencies: TftpDependencies): Promise<TftpServer> {
  const server = new Server(dependencies)
  try {
    await server.listen()
  } catch (error) {
    await server.stop()
    throw error
  }
  return { port: server.port, status: () => server.status(), stop: () => server.stop() }
}

class Server {
  readonly #with: TftpDependencies
  #transfers: Transfers
  readonly #sockets = new Map<string, Socket>()
  readonly #sessions = new Map<number, Session>()
  readonly #byKey = new Map<string, Session>()
  /** Clients whose file is being made. */
  readonly #making = new Set<string>()
  readonly #counts = { completed: 0, probes: 0, failed: 0, refused: 0, dropped: 0, bytes: 0 }
  #addressTimer: NodeJS.Timeout | undefined
  #port = 0
  #lastId = 0
  #stopped = false

  constructor(dependencies: TftpDependencies) {
    this.#with = dependencies
    this.#transfers = this.#newTransfers()
  }

  /** Should its thread ever fail, the transfers in it are lost and their clients ask again; a new thread takes over. */
  #newTransfers(): Transfers {
    return new Transfers(
      (report) => this.#onReport(report),
      (error) => {
        this.#with.log.error({ error: String(error), transfers: this.#sessions.size }, 'the TFTP thread failed')
        for (const session of [...this.#sessions.values()]) this.#drop(session, 'the server failed; its log says why')
        if (!this.#stopped) this.#transfers = this.#newTransfers()
      },
    )
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
    try {
      await this.#open(host)
    } catch (error) {
      throw explained(error, host, port)
    }
    if (host !== '0.0.0.0') return
    await this.#followAddresses()
    this.#addressTimer = setInterval(() => void this.#followAddresses(), ADDRESSES_MS).unref()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearInterval(this.#addressTimer)
    const sockets = [...this.#sockets.values()]
    this.#sockets.clear()
    await Promise.all(sockets.map((socket) => new Promise<void>((resolve) => socket.close(() => resolve()))))
    await this.#transfers.stop()
    this.#sessions.clear()
    this.#byKey.clear()
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
    if (this.#stopped) {
      socket.close()
      return
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
    // Port 0 is no port: an answer to it cannot be sent.
    if ((packet.op !== 'read' && packet.op !== 'write') || from.port === 0) {
      this.#counts.dropped++
      return
    }
    const key = `${from.address}:${from.port}`
    const known = this.#byKey.get(key)
    // Before it is decided again: what is asked for by a name may happen because it is asked for.
    if (known && !known.progress && sameRequest(known.request, packet)) {
      this.#transfers.repeat(known.id)
      return
    }
    if (this.#making.has(key)) return
    const decision = decideTftp(packet, from.address, this.#with.find, local)
    if (!(decision instanceof Promise)) {
      this.#obey(decision, packet, from, local, socket)
      return
    }
    if (this.#making.size >= TFTP_LIMITS.transfers) {
      this.#counts.dropped++
      return
    }
    this.#making.add(key)
    const request = packet
    decision
      .catch((error: unknown): TftpDecision => {
        this.#with.log.error({ file: request.filename, error: String(error) }, 'a boot file could not be made')
        const reason = 'it could not be made; the log of the server says why'
        return { serve: null, code: TftpError.other, message: 'the server failed', reason }
      })
      .then((made) => {
        this.#making.delete(key)
        if (!this.#stopped) this.#obey(made, request, from, local, socket)
      })
  }

  #obey(decision: TftpDecision, packet: TftpRequest, from: RemoteInfo, local: string, socket: Socket): void {
    if (decision.serve === null) {
      this.#refuse(packet, from, socket, decision)
      return
    }
    try {
      this.#begin(packet, decision.name, decision.serve, local, from)
    } catch (error) {
      this.#with.log.error({ file: decision.name, error: String(error) }, 'a boot file cannot be sent')
      const reason = `the file cannot be sent: ${String(error)}`
      this.#refuse(packet, from, socket, { code: TftpError.fileNotFound, message: 'file cannot be read', reason })
    }
  }

  #refuse(
    request: TftpRequest,
    to: RemoteInfo,
    socket: Socket,
    { code, message, reason, expected }: Omit<Extract<TftpDecision, { serve: null }>, 'serve'>,
  ): void {
    if (this.#stopped) return
    this.#counts.refused++
    // The client does not know our port for this transfer yet, so this one will do (RFC 1350 §4), and at once: GRUB asks for
    // many files that may be absent and waits for each answer.
    socket.send(encodeTftp({ op: 'error', code, message }), to.port, to.address, () => undefined)
    if (!expected) traceRefused(this.#with.trace, to.address, request.filename, reason)
  }

  #begin(request: TftpRequest, name: string, file: LoaderFile, local: string, from: RemoteInfo): void {
    const key = `${from.address}:${from.port}`
    const known = this.#byKey.get(key)
    if (known) this.#drop(known, 'the client began again')
    const own = [...this.#sessions.values()].filter((session) => session.client === from.address)
    if (own.length >= TFTP_LIMITS.perClient)
      this.#drop(own[0]!, `the client has more than ${TFTP_LIMITS.perClient} transfers`)
    if (this.#sessions.size >= TFTP_LIMITS.transfers) {
      // Silence: firmware repeats its request, but takes an error for the end.
      this.#counts.dropped++
      this.#with.log.warn({ client: from.address, limit: TFTP_LIMITS.transfers }, 'too many TFTP transfers')
      return
    }
    const id = ++this.#lastId
    const peer = { address: parseIpv4(from.address) ?? ANY_ADDRESS, port: from.port }
    const terms = this.#transfers.start(id, file, parseIpv4(local) ?? ANY_ADDRESS, peer, (size, maxBlksize) =>
      negotiate(request.options, {
        size,
        maxBlksize,
        maxWindowsize: TFTP_LIMITS.windowsize,
        maxWindowBytes: TFTP_LIMITS.windowBytes,
      }),
    )
    const startedAt = performance.now()
    const { told } = file
    const session = { id, key, client: from.address, request, name, told, startedAt, terms, progress: false }
    this.#sessions.set(id, session)
    this.#byKey.set(key, session)
  }

  #onReport(report: TransferReport): void {
    if (report.kind === 'malformed') {
      this.#counts.dropped++
      return
    }
    // Reports on a transfer that was dropped meanwhile are of no interest.
    const session = this.#sessions.get(report.id)
    if (!session) return
    if (report.kind === 'begun') {
      traceRead(this.#with.trace, session, session.terms)
      return
    }
    if (report.kind === 'progress') {
      session.progress = true
      return
    }
    this.#forget(session)
    const { end, begun, blocks, retransmits } = report
    const bytes = Math.min(blocks * session.terms.blksize, session.terms.size)
    this.#counts.bytes += bytes
    if (end.outcome === 'complete') this.#counts.completed++
    else if (end.outcome === 'probe') this.#counts.probes++
    else this.#counts.failed++
    if (!begun) traceRead(this.#with.trace, session, session.terms, end)
    if (end.outcome === 'probe') return
    const durationMs = performance.now() - session.startedAt
    traceDone(this.#with.trace, session, session.terms, { end, bytes, retransmits, durationMs })
  }

  #drop(session: Session, reason: string): void {
    this.#transfers.drop(session.id)
    this.#forget(session)
    this.#counts.failed++
    const durationMs = performance.now() - session.startedAt
    const end = { outcome: 'aborted', reason } as const
    traceDone(this.#with.trace, session, session.terms, { end, bytes: 0, retransmits: 0, durationMs })
  }

  #forget(session: Session): void {
    this.#sessions.delete(session.id)
    if (this.#byKey.get(session.key) === session) this.#byKey.delete(session.key)
  }
}

function sameRequest(a: TftpRequest, b: TftpRequest): boolean {
  return a.filename === b.filename && JSON.stringify(a.options) === JSON.stringify(b.options)
}

/** Why listening failed, and what to do about it. */
const LISTEN_TROUBLE: Readonly<Record<string, (port: number) => [why: string, next: string]>> = {
  EADDRINUSE: (port) => [
    'another program has this port',
    `stop the other TFTP server (ss -ulpn 'sport = ${port}' names it) or change tftp.listen`,
  ],
  EACCES: () => [
    'this needs privileges',
    'run as root, give the capability CAP_NET_BIND_SERVICE, or change tftp.listen to a port above 1023',
  ],
  EADDRNOTAVAIL: () => ['this computer has no such address', 'set tftp.listen to an address of this computer'],
}

function explained(error: unknown, host: string, port: number): Refusal {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
  const [why, next] = LISTEN_TROUBLE[code]?.(port) ?? [code, 'check tftp.listen']
  return new Refusal('not-available', `TFTP cannot listen on ${host}:${port}: ${why}`, { next })
}

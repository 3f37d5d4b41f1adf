import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { DecodeError, Refusal } from '../kit/errors.ts'
import { contains, parseIpv4, type Subnet } from '../kit/ip.ts'
import type { Log } from '../kit/log.ts'
import type { Stop } from '../kit/stop.ts'
import { MOST_MESSAGE_BYTES, messageLength } from '../protocols/thrift/measure.ts'
import { exceptionReply, pingReply, readCall, resultReply } from './calls.ts'
import { CODE } from './codes.ts'
import { type Desk, said } from './desk.ts'

const MOST_CONNECTIONS = 64
const MOST_FROM_ONE_ADDRESS = 8
/** How long a connection may be silent between two calls, a call may take to arrive, and its answer to be made and taken, in ms. */
const BOUNDS: ServeBounds = { idleMs: 60_000, arrivalMs: 10_000, answerMs: 60_000 }

export type ServeBounds = Readonly<{ idleMs: number; arrivalMs: number; answerMs: number }>

type Options = Readonly<{
  listen: Readonly<{ host: string; port: number }>
  /** Who may ask; nobody else is even read. */
  clients: readonly Subnet[]
  desk: Pick<Desk, 'answer'>
  log: Log
  bounds?: ServeBounds
}>

export type ThriftService = Readonly<{ port: number; stop: Stop }>

/**
 * Serves the Thrift service over TCP: binary protocol, buffered transport. Connections are independent of each other, and on each one call
 * is answered after the other. Whoever breaks a bound or the protocol loses the connection.
 */
export async function serveThrift({ listen, clients, desk, log, bounds = BOUNDS }: Options): Promise<ThriftService> {
  const open = new Set<Socket>()
  const server = createServer({ pauseOnConnect: true, noDelay: true }, (socket) => {
    const address = (socket.remoteAddress ?? '').replace(/^::ffff:/, '')
    socket.on('error', () => undefined)
    if (!mayAsk(clients, address)) {
      log.warn({ address }, 'a Thrift client that thrift.clients does not name was refused')
      return socket.destroy()
    }
    const fromThere = [...open].filter(({ remoteAddress }) => remoteAddress === socket.remoteAddress).length
    if (open.size >= MOST_CONNECTIONS || fromThere >= MOST_FROM_ONE_ADDRESS) {
      log.warn({ address, open: open.size }, 'too many Thrift connections: another one was refused')
      return socket.destroy()
    }
    open.add(socket)
    socket.once('close', () => open.delete(socket))
    converse(socket, address, { desk, log, bounds })
    socket.resume()
  })
  const failed = once(server, 'error').then(([error]) => Promise.reject(error as Error))
  const listening = once(server, 'listening')
  server.listen(listen)
  try {
    await Promise.race([listening, failed])
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'EADDRINUSE' && code !== 'EADDRNOTAVAIL' && code !== 'EACCES') throw error
    const why = {
      EADDRINUSE: 'is taken by another program',
      EADDRNOTAVAIL: 'is no address of this computer',
      EACCES: 'is not allowed',
    }[code]
    throw new Refusal('not-available', `${listen.host}:${listen.port} ${why}`, { next: 'correct thrift.listen' })
  }
  const { port } = server.address() as { port: number }
  return {
    port,
    async stop() {
      if (!server.listening) return
      const closed = once(server, 'close')
      server.close()
      for (const socket of open) socket.destroy()
      await closed
    },
  }
}

function mayAsk(clients: readonly Subnet[], address: string): boolean {
  const ip = parseIpv4(address)
  return ip !== undefined && clients.some((subnet) => contains(subnet, ip))
}

type Conversation = Readonly<{ desk: Pick<Desk, 'answer'>; log: Log; bounds: ServeBounds }>

function converse(socket: Socket, address: string, { desk, log, bounds }: Conversation): void {
  let received = Buffer.alloc(0)
  let busy = false
  let timer: NodeJS.Timeout
  const expectWithin = (ms: number) => {
    clearTimeout(timer)
    timer = setTimeout(() => socket.destroy(), ms)
  }
  expectWithin(bounds.idleMs)
  socket.once('close', () => clearTimeout(timer))

  const drop = (error: unknown) => {
    if (error instanceof DecodeError) log.warn({ address, reason: error.message }, 'a Thrift client broke the protocol')
    else log.error({ address, error }, 'a Thrift call failed')
    socket.destroy()
  }
  const work = async () => {
    busy = true
    try {
      for (;;) {
        const length = messageLength(received)
        if (length === undefined) break
        const call = readCall(received.subarray(0, length))
        received = Buffer.from(received.subarray(length))
        socket.pause()
        expectWithin(bounds.answerMs + 1000)
        const reply = await replyTo(call, address, desk, bounds.answerMs)
        if (socket.destroyed) return
        // A client that does not take its answer holds nobody up but itself.
        if (!socket.write(reply)) await Promise.race([once(socket, 'drain'), once(socket, 'close')])
        expectWithin(received.length > 0 ? bounds.arrivalMs : bounds.idleMs)
        socket.resume()
      }
    } finally {
      busy = false
    }
  }
  socket.on('data', (data) => {
    // From the first byte of a call on, the rest must come in time.
    if (received.length === 0) expectWithin(bounds.arrivalMs)
    received = Buffer.concat([received, data])
    if (received.length > 2 * MOST_MESSAGE_BYTES + 65_536)
      return drop(new DecodeError('it sends calls faster than they are answered'))
    if (!busy) work().catch(drop)
  })
}

async function replyTo(
  call: ReturnType<typeof readCall>,
  address: string,
  desk: Pick<Desk, 'answer'>,
  answerMs: number,
): Promise<Buffer> {
  if (call.method === 'ping') return pingReply(call.seqid)
  if (call.method === 'unknown') return exceptionReply(call.seqid, call.name, call.why, call.code)
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<ReturnType<typeof said>>((resolve) => {
    timer = setTimeout(() => resolve(said(CODE.timeout, 'timeout error')), answerMs)
  })
  const result = await Promise.race([desk.answer(call.message, address), late])
  clearTimeout(timer)
  return resultReply(call.seqid, result)
}

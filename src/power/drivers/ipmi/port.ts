import { createSocket, type Socket } from 'node:dgram'
import type { Log } from '../../../kit/log.ts'

/** Where a BMC answers. `address` is an IP address, never a name. */
export type Peer = Readonly<{ address: string; port: number }>

/** What takes packets. `unsendable`: the kernel refused to send; `code` as in `ENETUNREACH`. */
export type Receiver = Readonly<{
  receive(bytes: Uint8Array): void
  unsendable(code: string): void
}>

/** Larger ones are no IPMI: the length field of a payload has 16 bits, but no BMC's buffer is larger than a frame. */
const MOST_BYTES = 2048
const RECEIVE_BYTES = 4 << 20

/**
 * One UDP socket of each family for all BMCs. What arrives is handed out by our own session id and only if it came from the peer
 * of that session; what has none goes to all who speak with that peer (several only behind a shared endpoint).
 */
export class IpmiPort {
  readonly #log: Log
  readonly #sockets = new Map<4 | 6, Socket>()
  readonly #peers = new Map<string, Set<Receiver>>()
  readonly #sessions = new Map<number, Readonly<{ key: string; receiver: Receiver }>>()
  #isClosed = false
  /** Packets that belonged to nobody. */
  strays = 0

  constructor(log: Log) {
    this.#log = log
  }

  attach(peer: Peer, receiver: Receiver): () => void {
    const key = keyOf(peer.address, peer.port)
    const receivers = this.#peers.get(key) ?? new Set()
    this.#peers.set(key, receivers.add(receiver))
    return () => {
      receivers.delete(receiver)
      if (receivers.size === 0) this.#peers.delete(key)
      for (const [id, session] of this.#sessions) if (session.receiver === receiver) this.#sessions.delete(id)
    }
  }

  /** `false`: somebody else has this session id; take another. */
  claim(sessionId: number, peer: Peer, receiver: Receiver): boolean {
    if (this.#sessions.has(sessionId)) return false
    this.#sessions.set(sessionId, { key: keyOf(peer.address, peer.port), receiver })
    return true
  }

  release(sessionId: number, receiver: Receiver): void {
    if (this.#sessions.get(sessionId)?.receiver === receiver) this.#sessions.delete(sessionId)
  }

  send(bytes: Uint8Array, peer: Peer, receiver: Receiver): void {
    if (this.#isClosed) return
    this.#socket(peer.address.includes(':') ? 6 : 4).send(bytes, peer.port, peer.address, (error) => {
      if (error) receiver.unsendable((error as NodeJS.ErrnoException).code ?? error.message)
    })
  }

  /** What was sent before still leaves. */
  async close(): Promise<void> {
    this.#isClosed = true
    const sockets = [...this.#sockets.values()]
    const closing = sockets.map((socket) => new Promise<void>((resolve) => socket.ref().close(resolve)))
    this.#sockets.clear()
    this.#peers.clear()
    this.#sessions.clear()
    await Promise.all(closing)
  }

  #socket(family: 4 | 6): Socket {
    const open = this.#sockets.get(family)
    if (open) return open
    const socket = createSocket({
      type: family === 4 ? 'udp4' : 'udp6',
      ipv6Only: family === 6,
      // Destinations are always addresses: looking them up as names would cost a turn of the event loop for each packet.
      lookup: (address, _options, done) => done(null, address, family),
    })
    socket.on('message', (bytes, from) => this.#deliver(bytes, keyOf(from.address, from.port)))
    socket.on('error', (error) => this.#log.warn({ error: error.message }, 'The socket to BMCs had an error'))
    socket.bind(0, () => {
      try {
        socket.setRecvBufferSize(RECEIVE_BYTES)
      } catch (error) {
        this.#log.debug({ error: String(error) }, 'The receive buffer for BMCs stays as it is')
      }
    })
    // Waiting for BMCs keeps no process alive: who asked does.
    socket.unref()
    this.#sockets.set(family, socket)
    return socket
  }

  #deliver(bytes: Buffer, key: string): void {
    if (bytes.length > MOST_BYTES) return void this.strays++
    // `slice` of a Buffer is no copy, which whoever takes a Uint8Array may rely on.
    const packet = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
    const id = sessionIdOf(bytes)
    const session = id === 0 ? undefined : this.#sessions.get(id)
    if (session) {
      if (session.key === key) session.receiver.receive(packet)
      else this.strays++
      return
    }
    const receivers = this.#peers.get(key)
    if (!receivers) return void this.strays++
    for (const receiver of receivers) receiver.receive(packet)
  }
}

const keyOf = (address: string, port: number) => `${address} ${port}`

/** RMCP+ (IPMI 2.0 table 13-8): authentication type 06h, then payload type and session id; answers of the key exchange have 0 there and ours inside. */
function sessionIdOf(bytes: Buffer): number {
  if (bytes.length < 16 || bytes[4] !== 0x06) return 0
  const payloadType = (bytes[5] as number) & 0x3f
  const isKeyExchange = payloadType === 0x11 || payloadType === 0x13 || payloadType === 0x15
  if (isKeyExchange) return bytes.length >= 24 ? bytes.readUInt32LE(20) : 0
  return bytes.readUInt32LE(6)
}

import { createSocket, type Socket } from 'node:dgram'
import { type BlockList, isIPv6 } from 'node:net'
import { networkInterfaces } from 'node:os'
import { MOST_PACKET_BYTES } from '../../protocols/ipmi/rmcp.ts'
import type { ServedBmc } from './served-bmc.ts'
import type { Endpoint, Peer } from './session.ts'

const ANY = '0.0.0.0'
/** Beyond it, as on computers with many bridges, all answers leave as the route to the client says. */
const MOST_LOCAL = 16

type Receive = (endpoint: Endpoint, bytes: Uint8Array, peer: Peer) => void
type Opening = Readonly<{
  /** Addresses of this computer, for a door that is open on all of them. */
  locals: readonly string[]
  /** Whether other doors have the same port on one of our addresses. */
  shares: boolean
}>

/**
 * Where one BMC, or the shared endpoint, is reached by UDP. On all addresses it has one socket more for each of several: what
 * came to an address must be answered from it, for clients hear nobody else, and one socket would answer as the route says.
 */
export class Door {
  readonly host: string
  readonly wantedPort: number
  readonly endpoint: Endpoint
  /** Why it is not open; empty while it is. */
  problem = ''
  /** Who is heard; `undefined`: whom the settings allow. */
  clients: BlockList | undefined
  readonly #receive: Receive
  readonly #ofAddress = new Map<string, Socket>()
  #socket: Socket | undefined
  #reuses = false
  #closed = false
  #last: Promise<void> = Promise.resolve()

  constructor(host: string, port: number, bmc: ServedBmc | undefined, receive: Receive) {
    this.host = host
    this.wantedPort = port
    this.#receive = receive
    this.endpoint = {
      name: bmc?.machine ?? 'shared',
      host,
      port,
      bmc,
      // Without a callback Node drops what the kernel does not take, and so may we: UDP promises nothing, clients ask again.
      send: (packet, { address, port: to, local }) => {
        const socket = (local === undefined ? undefined : this.#ofAddress.get(local)) ?? this.#socket
        socket?.send(packet, to, address)
      },
    }
  }

  get listening(): boolean {
    return this.#socket !== undefined && this.problem === ''
  }

  /** Opens what is not open, one call after the other. Never fails: what went wrong stands in `problem`. */
  open(how: Opening): Promise<void> {
    this.#last = this.#last.then(() => this.#open(how))
    return this.#last
  }

  /** For good. */
  close(): void {
    this.#closed = true
    this.#shut()
  }

  async #open({ locals, shares }: Opening): Promise<void> {
    if (this.#closed) return
    const wanted = this.host === ANY && locals.length > 1 && locals.length <= MOST_LOCAL ? locals : []
    // Sockets of one port on all addresses and on one of them must both be told that they share it.
    const reuses = shares || wanted.length > 0
    if (this.#socket && reuses && !this.#reuses) this.#shut()
    try {
      if (!this.#socket) await this.#openFirst(reuses, shares)
      await this.#openOthers(wanted)
      this.problem = ''
    } catch (error) {
      this.problem = explained(error as NodeJS.ErrnoException, this)
    }
    if (this.#closed) this.#shut()
  }

  #shut(): void {
    for (const socket of [...this.#ofAddress.values(), this.#socket]) shut(socket)
    this.#ofAddress.clear()
    this.#socket = undefined
  }

  async #openFirst(reuses: boolean, shares: boolean): Promise<void> {
    // Whoever shares is not told that another program shares, too: look first whether one has the port.
    if (reuses && !shares && this.wantedPort !== 0) shut(await opened(this.host, this.wantedPort, false))
    const socket = await opened(this.host, this.wantedPort, reuses)
    this.#reuses = reuses
    this.#socket = socket
    ;(this.endpoint as { port: number }).port = socket.address().port
    this.#listen(socket, undefined)
  }

  async #openOthers(wanted: readonly string[]): Promise<void> {
    for (const [local, socket] of this.#ofAddress)
      if (!wanted.includes(local)) {
        this.#ofAddress.delete(local)
        shut(socket)
      }
    for (const local of wanted) {
      if (this.#ofAddress.has(local)) continue
      // An address may be gone again; the first socket answers then.
      const socket = await opened(local, this.endpoint.port, true).catch(() => undefined)
      if (!socket) continue
      this.#ofAddress.set(local, socket)
      this.#listen(socket, local)
    }
  }

  #listen(socket: Socket, local: string | undefined): void {
    socket.on('error', (error) => {
      if (socket === this.#socket) {
        this.problem = explained(error, this)
        this.#shut()
      } else if (local !== undefined) {
        this.#ofAddress.delete(local)
        shut(socket)
      }
    })
    socket.on('message', (bytes, { address, port }) => {
      if (bytes.length > MOST_PACKET_BYTES) return
      this.#receive(this.endpoint, plain(bytes), local === undefined ? { address, port } : { address, port, local })
    })
  }
}

/** The IPv4 addresses of this computer by which others reach it. */
export function localAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((entries) =>
    (entries ?? []).flatMap(({ family, internal, address }) => (family === 'IPv4' && !internal ? [address] : [])),
  )
}

function opened(host: string, port: number, reuseAddr: boolean): Promise<Socket> {
  const socket = createSocket({ type: isIPv6(host) ? 'udp6' : 'udp4', reuseAddr, lookup: asItIs })
  return new Promise((resolve, reject) => {
    const failed = (error: Error) => {
      shut(socket)
      reject(error)
    }
    socket.once('error', failed)
    socket.bind({ port, address: host, exclusive: !reuseAddr }, () => {
      socket.off('error', failed)
      resolve(socket)
    })
  })
}

function shut(socket: Socket | undefined): void {
  try {
    socket?.close()
  } catch {
    // It failed to open and is closed already.
  }
}

function explained(error: NodeJS.ErrnoException, door: Door): string {
  const where = `UDP ${door.host}:${door.wantedPort}`
  switch (error.code) {
    case 'EADDRINUSE':
      return `${where} is used by another program. Find it with: ss -ulpn`
    case 'EADDRNOTAVAIL':
      return `This server does not have the address ${door.host}. Give it to an interface: ip address add`
    case 'EACCES':
      return `${where} needs the capability CAP_NET_BIND_SERVICE, because its port is below 1024.`
    default:
      return `${where} cannot be opened (${error.message}).`
  }
}

/** `slice` of a `Buffer` is no copy; of this it is. */
function plain(bytes: Buffer): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
}

/** Destinations are always addresses: looking them up as names would cost a turn of the event loop for each packet. */
function asItIs(
  address: string,
  _options: unknown,
  done: (error: NodeJS.ErrnoException | null, address: string, family: number) => void,
): void {
  done(null, address, isIPv6(address) ? 6 : 4)
}

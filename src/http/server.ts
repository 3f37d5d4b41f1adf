import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { Socket } from 'node:net'

/** What a connection may cost, so that no client can use up the server by opening many or by dawdling. Times in ms. */
export type ConnectionLimits = Readonly<{
  /** Open at once; further ones are closed at once. */
  connections: number
  /** Open at once from one address: below `connections`, so that one client cannot shut out the others. */
  perAddress: number
  /** From the first byte, or the opening of the connection, to the end of the headers. */
  headersMs: number
  /** Without a byte either way. A body may take as long as it keeps coming: a large image over a slow line takes hours. */
  silenceMs: number
  /** Between two requests on one connection. */
  keepAliveMs: number
}>

export const CONNECTION_LIMITS: ConnectionLimits = {
  connections: 8192,
  perAddress: 1024,
  headersMs: 15_000,
  silenceMs: 600_000,
  keepAliveMs: 30_000,
}

export type Upgrades = Readonly<{
  /** Whether to change protocols. The header alone says nothing: what is not wanted is answered as if it were not there (RFC 9110 §7.8). */
  wanted(request: IncomingMessage): boolean
  take(request: IncomingMessage, socket: Socket, head: Buffer): void
}>

/** An HTTP server whose connections are bounded. Listening is left to the caller. */
export function boundedServer(
  answer: RequestListener,
  upgrades?: Upgrades,
  limits: ConnectionLimits = CONNECTION_LIMITS,
): Server {
  const server = createServer(
    {
      headersTimeout: limits.headersMs,
      // Node would end every request after five minutes, however busily its body comes.
      requestTimeout: 0,
      keepAliveTimeout: limits.keepAliveMs,
      connectionsCheckingInterval: Math.min(5000, limits.headersMs),
      shouldUpgradeCallback: (request) => upgrades?.wanted(request) ?? false,
    },
    answer,
  )
  server.timeout = limits.silenceMs
  server.maxConnections = limits.connections
  boundAddresses(server, limits.perAddress)
  if (upgrades) server.on('upgrade', (request, socket: Socket, head) => upgrades.take(request, socket, head))
  return server
}

/** The same over TLS. `tls`: PEM. The opening of the connection is bounded as headers are. Throws what OpenSSL says of a bad certificate. */
export function securedServer(
  answer: RequestListener,
  tls: Readonly<{ key: string; cert: string }>,
  limits: ConnectionLimits = CONNECTION_LIMITS,
): Server {
  const server = createSecureServer(
    {
      ...tls,
      handshakeTimeout: limits.headersMs,
      headersTimeout: limits.headersMs,
      requestTimeout: 0,
      keepAliveTimeout: limits.keepAliveMs,
      connectionsCheckingInterval: Math.min(5000, limits.headersMs),
    },
    answer,
  )
  server.timeout = limits.silenceMs
  server.maxConnections = limits.connections
  boundAddresses(server, limits.perAddress)
  return server
}

function boundAddresses(server: Server, most: number): void {
  const open = new Map<string, number>()
  server.on('connection', (socket: Socket) => {
    const { remoteAddress } = socket
    // Sockets of the file system have none: only their owner gets there.
    if (remoteAddress === undefined) return
    const count = (open.get(remoteAddress) ?? 0) + 1
    open.set(remoteAddress, count)
    socket.once('close', () => {
      const left = (open.get(remoteAddress) ?? 1) - 1
      if (left > 0) open.set(remoteAddress, left)
      else open.delete(remoteAddress)
    })
    if (count > most) socket.destroy()
  })
}

import { createServer, type Server, type Socket } from 'node:net'
import { DecodeError } from '../../kit/errors.ts'
import type { Target } from '../../volumes/engine.ts'
import type { DiskServerOptions, FirstLogin } from './contract.ts'
import { decideLogin } from './decide.ts'
import { DiskServer, refuseLogin, serveDiscovery } from './disk-server.ts'
import { readFirstLogin } from './first-login.ts'

/** Connections that have not yet said who they are; more are closed. */
const MOST_UNKNOWN = 1024

/** What becomes of a connection whose first login was read. */
export type PortalOptions = Readonly<{
  host: string
  port: number
  targets: Readonly<{ get(iqn: string): Target | undefined; values(): Iterable<Target> }>
  /** Takes the paused socket over: the target is there and this initiator may have it. */
  hand: (socket: Socket, first: FirstLogin, target: Target, address: string) => void
  report: DiskServerOptions['report']
}>

export type Portal = Readonly<{
  host: string
  port: number
  /** Accepts no more. Connections that were handed on are not touched. */
  close(): Promise<void>
}>

/**
 * Accepts connections, reads who they are, and decides: discovery and refusals are answered here, the others are handed on. Rejects when the
 * port is taken.
 */
export async function openPortal(options: PortalOptions): Promise<Portal> {
  const unknown = new Set<Socket>()
  const server: Server = createServer({ pauseOnConnect: true, noDelay: true }, (socket) => {
    if (unknown.size >= MOST_UNKNOWN) {
      socket.destroy()
      return
    }
    unknown.add(socket)
    const address = (socket.remoteAddress ?? '').replace(/^::ffff:/, '')
    const portal = `${(socket.localAddress ?? '').replace(/^::ffff:/, '')}:${socket.localPort}`
    readFirstLogin(socket).then(
      (first) => {
        unknown.delete(socket)
        const decision = decideLogin({ ...first, address }, options.targets)
        if (decision.kind === 'normal') options.hand(socket, first, decision.target, address)
        else if (decision.kind === 'discovery') serveDiscovery(socket, first, { targets: decision.targets, portal })
        else {
          refuseLogin(socket, first, decision.status)
          const names = { target: first.target ?? '', initiator: first.initiator ?? '' }
          options.report({ ...names, address, outcome: 'refused', detail: decision.reason })
        }
      },
      (error) => {
        unknown.delete(socket)
        socket.on('error', () => {})
        socket.destroy()
        if (!(error instanceof DecodeError)) throw error
      },
    )
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, options.host, () => {
      server.off('error', reject)
      resolve()
    })
  })
  const bound = server.address()
  return {
    host: options.host,
    port: typeof bound === 'object' && bound ? bound.port : options.port,
    close: async () => {
      // Its callback comes when the last connection is gone, and those that were handed on may live on.
      server.close()
      for (const socket of unknown) socket.destroy()
    },
  }
}

/** Everything in one process: a portal and the targets behind it. */
export async function serveDisks(
  options: DiskServerOptions & Readonly<{ host: string; port: number }>,
): Promise<
  Readonly<{ server: DiskServer; port: number; apply(target: Target): Promise<void>; stop(): Promise<void> }>
> {
  const targets = new Map<string, Target>()
  const server = new DiskServer(options)
  const portal = await openPortal({
    host: options.host,
    port: options.port,
    targets,
    report: options.report,
    hand: (socket, first, target, address) => server.serve(socket, first.received, { iqn: target.iqn, address }),
  })
  return {
    server,
    port: portal.port,
    apply: async (target) => {
      targets.set(target.iqn, target)
      await server.apply(target)
    },
    stop: async () => {
      await portal.close()
      await server.stop()
    },
  }
}

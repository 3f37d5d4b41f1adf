// Wiring (main process): const workers = await DiskWorkers.start({ entry, workers, settings, log, report })
//   pool = new WorkersPool(await FilePool.open(DIRECTORY, { ..., sweep: true, lockWaitMs: 2000 }), workers)   (sweep: before the workers start)
//   engine = await BuiltinEngine.listen({ workers, listen, log, report })
// At the end: engine.stop() (stops the workers too), then pool.close(). `src/compose/disk-workers.ts` does all of it.
import { createServer, type Server, type Socket } from 'node:net'
import { decideLogin } from '../../../boot/disk/decide.ts'
import { refuseLogin, serveDiscovery } from '../../../boot/disk/disk-server.ts'
import { readFirstLogin } from '../../../boot/disk/first-login.ts'
import { Refusal } from '../../../kit/errors.ts'
import type { Log } from '../../../kit/log.ts'
import type { LoginReport, Session, Target, TargetEngine } from '../../engine.ts'
import type { DiskWorkers } from './workers.ts'

/** Connections that have not logged in yet. */
const MOST_WAITING = 512

export type BuiltinEngineOptions = Readonly<{
  workers: DiskWorkers
  listen: Readonly<{ host: string; port: number }>
  log: Log
  report: (report: LoginReport) => void
}>

/** The built-in target: listens here, decides by the first Login PDU, and hands the connection to the worker that has the target. */
export class BuiltinEngine implements TargetEngine {
  readonly name = 'builtin'
  readonly portal: Readonly<{ host: string; port: number }>
  readonly #workers: DiskWorkers
  readonly #server: Server
  readonly #log: Log
  readonly #report: (report: LoginReport) => void
  readonly #waiting = new Set<Socket>()

  private constructor({ workers, listen, log, report }: BuiltinEngineOptions, server: Server, port: number) {
    this.#workers = workers
    this.#server = server
    this.#log = log
    this.#report = report
    this.portal = { host: listen.host, port }
    server.on('connection', (socket) => void this.#met(socket))
  }

  static async listen(options: BuiltinEngineOptions): Promise<BuiltinEngine> {
    const server = createServer({ pauseOnConnect: true, noDelay: true })
    const { host, port } = options.listen
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) =>
        reject(
          new Refusal('not-available', `iSCSI cannot listen on ${host}:${port}: ${error.message}`, {
            next: 'free that port, or set iscsi.listen to another one',
          }),
        ),
      )
      server.listen(port, host, resolve)
    })
    const address = server.address()
    return new BuiltinEngine(options, server, typeof address === 'object' && address ? address.port : port)
  }

  apply(target: Target): Promise<void> {
    return this.#workers.apply(target)
  }

  withdraw(iqn: string): Promise<void> {
    return this.#workers.withdraw(iqn)
  }

  async sessions(): Promise<readonly Session[]> {
    const each = await Promise.all(this.#workers.all.map((worker) => worker.call('sessions', []).catch(() => [])))
    return each.flat()
  }

  async kick(session: string): Promise<void> {
    await Promise.all(this.#workers.all.map((worker) => worker.call('kick', [session]).catch(() => undefined)))
  }

  async stop(): Promise<void> {
    // Its callback counts connections that were handed to a process which is dead by now: it may never come.
    this.#server.close()
    for (const socket of this.#waiting) socket.destroy()
    await this.#workers.stop()
  }

  async #met(socket: Socket): Promise<void> {
    socket.on('error', () => socket.destroy())
    const address = plainAddress(socket.remoteAddress)
    if (address === undefined || this.#waiting.size >= MOST_WAITING) return void socket.destroy()
    this.#waiting.add(socket)
    try {
      const first = await readFirstLogin(socket)
      const { initiator, target, sessionType } = first
      const decision = decideLogin({ initiator, target, sessionType, address }, this.#workers.targets)
      if (decision.kind === 'normal') {
        const { iqn } = decision.target
        return await this.#workers.serving(iqn)?.serve(socket, first.received, { iqn, address })
      }
      if (decision.kind === 'discovery') {
        const portal = `${plainAddress(socket.localAddress) ?? this.portal.host}:${this.portal.port}`
        return serveDiscovery(socket, first, { targets: decision.targets, portal })
      }
      this.#report({
        target: target ?? '',
        initiator: initiator ?? '',
        address,
        outcome: 'refused',
        detail: decision.reason,
      })
      refuseLogin(socket, first, decision.status)
    } catch (error) {
      this.#log.debug({ address, error: (error as Error).message }, 'a connection to the iSCSI port did not log in')
      socket.destroy()
    } finally {
      this.#waiting.delete(socket)
    }
  }
}

/** An IPv4 address that came over a socket for both, without its prefix. */
function plainAddress(address: string | undefined): string | undefined {
  return address?.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address
}

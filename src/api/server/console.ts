import { Buffer } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import fastifyWebsocket from '@fastify/websocket'
import type { FastifyInstance } from 'fastify'
import { allowsRole, allowsScope } from '../../access/scopes.ts'
import { CONSOLE_PATH } from '../contract/lab.ts'
import type { ApiDependencies, SerialConsole } from './dependencies.ts'
import { consoleOf } from './handlers/lab.ts'
import { machineOf } from './handlers/machines.ts'

/** What is printed faster than the reader takes it; beyond, the connection ends and the reader begins with the record again. */
const MOST_UNSENT = 4 * 1024 * 1024
/** The largest paste. */
const MOST_TYPED = 64 * 1024

/** Private close codes (RFC 6455 §7.4.2). */
export const CONSOLE_CLOSE = { slow: 4408, gone: 4410, ended: 4401 } as const

/** The part of a `ws` socket used here. */
type Socket = {
  readonly bufferedAmount: number
  readonly readyState: number
  send(data: Uint8Array): void
  close(code?: number, reason?: string): void
  on(event: 'message', listener: (data: unknown, binary: boolean) => void): unknown
  on(event: 'close' | 'error', listener: () => void): unknown
}

const OPEN = 1

/** What stands for the route of the WebSocket in guard and audit; it is no operation of the contract. */
const CONSOLE_DEMAND = { needs: 'viewer', group: 'console', method: 'GET' } as const

const PATH = new RegExp(`^${CONSOLE_PATH.replace('{machine}', '[^/?#]+')}(\\?|$)`)

/** Whether a request asks for a serial console by WebSocket. */
export function isConsole({ url, headers }: Pick<IncomingMessage, 'url' | 'headers'>): boolean {
  return headers.upgrade?.toLowerCase() === 'websocket' && PATH.test(url ?? '')
}

/** Serial consoles by WebSocket: binary frames both ways, the recorded end first. Typing needs the role `operator`. */
export async function serveConsoles(app: FastifyInstance, api: ApiDependencies): Promise<void> {
  await app.register(fastifyWebsocket, { options: { maxPayload: MOST_TYPED } })
  app.route({
    method: 'GET',
    url: CONSOLE_PATH.replace('{machine}', ':machine'),
    websocket: true,
    config: { demand: CONSOLE_DEMAND },
    // What cannot be is refused before the upgrade, as a problem that a program can read.
    preValidation: async (request) => {
      const { machine } = request.params as { machine: string }
      consoleOf(api.consoles, machineOf(api.machines, machine))
    },
    handler: (socket: Socket, request) => {
      const { machine: reference } = request.params as { machine: string }
      const machine = machineOf(api.machines, reference)
      const { credential } = request.visit
      const identify = () => credential && api.access.authenticate(credential)
      const mayType = () => {
        const principal = identify()
        return principal && allowsRole(principal.role, 'operator') && allowsScope(principal.scopes, 'console', 'write')
      }
      socket.on('error', () => socket.close())
      connect(socket, consoleOf(api.consoles, machine), mayType).catch((error: unknown) => {
        api.log.error({ error, machine: machine.name }, 'a serial console could not be read')
        socket.close(CONSOLE_CLOSE.gone, 'the console cannot be read')
      })
      // A user may be disabled while they watch.
      const stop = api.events.listen(({ topic }) => {
        if ((topic === 'user' || topic === 'token') && !identify()) socket.close(CONSOLE_CLOSE.ended, 'log in again')
      })
      socket.on('close', stop)
    },
  })
}

async function connect(socket: Socket, console: SerialConsole, mayType: () => boolean | undefined): Promise<void> {
  // Listening starts before the first wait: what is typed meanwhile must not be lost.
  socket.on('message', (data) => {
    if (data instanceof Buffer && mayType()) console.type(data)
  })
  const record = await console.recorded()
  if (socket.readyState !== OPEN) return
  if (record.length > 0) socket.send(record)
  const stop = console.follow(
    (bytes) => {
      if (socket.readyState !== OPEN) return
      if (socket.bufferedAmount > MOST_UNSENT) socket.close(CONSOLE_CLOSE.slow, 'the reader is too slow')
      else socket.send(bytes)
    },
    () => socket.close(CONSOLE_CLOSE.gone, 'the console is gone'),
  )
  socket.on('close', stop)
}

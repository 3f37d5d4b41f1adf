import { Buffer } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import fastifyWebsocket from '@fastify/websocket'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { allowsRole, allowsScope } from '../../access/scopes.ts'
import type { ConsoleView, ConsoleViewer, OwnConsole } from '../../consoles/console.ts'
import { Refusal } from '../../kit/errors.ts'
import { CONSOLE_PATH } from '../contract/consoles.ts'
import type { ApiDependencies } from './dependencies.ts'
import { authorise } from './guard.ts'
import { machineOf } from './handlers/machines.ts'
import { addressOf } from './operations.ts'

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

/** A shell is the machine itself: seeing it takes what typing takes. */
const SHELL_DEMAND = { needs: 'operator', group: 'console', method: 'POST' } as const

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
      const machine = wantedMachine(api, request)
      const audited = auditedAs(api, request)
      if (audited === undefined) return
      authorise(request.visit.principal, SHELL_DEMAND)
      await recordOpened(api, request, audited, machine.name)
    },
    handler: (socket: Socket, request) => {
      const machine = wantedMachine(api, request)
      const audited = auditedAs(api, request)
      const { credential } = request.visit
      const identify = () => credential && api.access.authenticate(credential)
      const mayType = () => {
        const principal = identify()
        return (
          principal !== undefined &&
          allowsRole(principal.role, 'operator') &&
          allowsScope(principal.scopes, 'console', 'write')
        )
      }
      socket.on('error', () => socket.close())
      const who = request.visit.principal?.name ?? '(nobody)'
      const view = viewOrClose(socket, () => openView(api, request, { who, via: 'api', mayType: mayType() }))
      if (!view) return
      connect(socket, view, mayType).catch((error: unknown) => {
        api.log.error({ error, machine: machine.name }, 'a serial console could not be read')
        socket.close(CONSOLE_CLOSE.gone, 'the console cannot be read')
      })
      // A user may be disabled while they watch.
      const stop = api.events.listen(({ topic }) => {
        const may = audited === undefined ? identify : mayType
        if ((topic === 'user' || topic === 'token') && !may()) socket.close(CONSOLE_CLOSE.ended, 'log in again')
      })
      socket.on('close', stop)
    },
  })
}

function wantedMachine(api: ApiDependencies, request: FastifyRequest) {
  return machineOf(api.machines, (request.params as { machine: string }).machine)
}

/** The shell of the management OS, where it is asked for; refused where there is none. */
function wantedShell(api: ApiDependencies, request: FastifyRequest): OwnConsole | undefined {
  if ((request.query as { shell?: string }).shell === undefined) return undefined
  const machine = wantedMachine(api, request)
  const shell = api.agentShell?.(machine)
  if (!shell)
    throw new Refusal('not-available', `${machine.name} does not run the management OS now, or agent.shell is false`, {
      next: `wait for its deployment, or leave --agent out: reveille console ${machine.name}`,
    })
  return shell
}

/** The action that opening it is audited under; `undefined` for consoles that every viewer may see. */
function auditedAs(api: ApiDependencies, request: FastifyRequest): string | undefined {
  const shell = wantedShell(api, request)
  if (shell) return shell.audited
  const source = api.consoles.sourceOf(wantedMachine(api, request))
  return 'own' in source ? source.own.audited : undefined
}

/** A place at the serial console, or with `?shell` at the shell. */
function openView(api: ApiDependencies, request: FastifyRequest, viewer: ConsoleViewer): ConsoleView {
  const shell = wantedShell(api, request)
  return shell ? viewOf(shell) : api.consoles.attach(wantedMachine(api, request), viewer)
}

/** A refusal after the upgrade can only be told by how the connection ends. */
function viewOrClose(socket: Socket, open: () => ConsoleView): ConsoleView | undefined {
  try {
    return open()
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    socket.close(CONSOLE_CLOSE.gone, error.message.slice(0, 120))
    return undefined
  }
}

function viewOf(shell: OwnConsole): ConsoleView {
  let stop: (() => void) | undefined
  return {
    recorded: () => shell.recorded(),
    listen: (received, ended) => {
      stop = shell.follow(received, () => ended('the shell ended'))
    },
    write: (bytes) => shell.type(bytes),
    sendBreak: () => undefined,
    close: () => stop?.(),
  }
}

/** Before anything is seen: what cannot be written into the audit log is not opened. */
async function recordOpened(api: ApiDependencies, request: FastifyRequest, action: string, subject: string) {
  const { principal } = request.visit
  const who = principal?.name ?? '(nobody)'
  const via = principal?.via ?? 'none'
  const deed = { who, via, address: addressOf(request), action, subject, detail: '', outcome: 'ok' } as const
  await api.access.audit.record(deed)
}

async function connect(socket: Socket, view: ConsoleView, mayType: () => boolean): Promise<void> {
  // Listening starts before the first wait: what is typed meanwhile must not be lost, and who left is not kept.
  socket.on('message', (data) => {
    if (data instanceof Buffer && mayType()) view.write(data)
  })
  socket.on('close', () => view.close())
  const record = await view.recorded()
  if (socket.readyState !== OPEN) {
    view.close()
    return
  }
  if (record.length > 0) socket.send(record)
  view.listen(
    (bytes) => {
      if (socket.readyState !== OPEN) return
      if (socket.bufferedAmount > MOST_UNSENT) socket.close(CONSOLE_CLOSE.slow, 'the reader is too slow')
      else socket.send(bytes)
    },
    (why) => socket.close(CONSOLE_CLOSE.gone, why.slice(0, 120)),
  )
}

import { X509Certificate } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Backoff } from '../../access/backoff.ts'
import { listen } from '../../http/listen.ts'
import { CONNECTION_LIMITS, type ConnectionLimits, securedServer } from '../../http/server.ts'
import type { Clock } from '../../kit/clock.ts'
import { formatSubnet, type Subnet } from '../../kit/ip.ts'
import type { Log } from '../../kit/log.ts'
import type { Inventory } from '../../machines/inventory.ts'
import type { BmcDirectory, BmcFace } from '../back-end.ts'
import { admits } from './accounts.ts'
import { loadCertificate } from './certificate.ts'
import { Login } from './login.ts'
import { Problem, problemAnswer, type RedfishAnswer } from './messages.ts'
import { PATHS } from './paths.ts'
import { Remembered } from './remembered.ts'
import { RedfishService } from './service.ts'
import { RedfishSessions } from './sessions.ts'

/** The largest body that any request here needs, many times over. */
export const MOST_BODY = 65_536
const MOST_TARGET = 2048
const LIMITS: ConnectionLimits = {
  ...CONNECTION_LIMITS,
  connections: 1024,
  perAddress: 128,
  silenceMs: 60_000,
}
const TIDY_MS = 60_000

export type RedfishOptions = Readonly<{
  directory: BmcDirectory
  settings: Readonly<{
    listen: Readonly<{ host: string; port: number }>
    /** PEM files; a self-signed certificate in the data directory without. */
    certificate?: string | undefined
    key?: string | undefined
  }>
  dataDir: string
  /** Who may ask for BMCs that name no clients of their own; empty: everybody. */
  clients: readonly Subnet[]
  /** Entries that a log keeps. */
  events: number
  /** What the management OS found in a machine (by id); nothing is known without. */
  inventory?: ((machine: string) => Promise<Inventory | undefined>) | undefined
  clock: Clock
  log: Log
}>

export type RedfishFace = BmcFace &
  Readonly<{
    port: number
    /** SHA-256 of its certificate, as drivers take it: `SHA256:` and base64. */
    fingerprint: string
    /** Path of a machine's system in the service. */
    pathOf(machine: string): string
  }>

/** Serves Redfish over HTTPS for all BMCs of the directory. Refuses when the port is taken or the certificate cannot be used. */
export async function serveRedfish(options: RedfishOptions): Promise<RedfishFace> {
  const { directory, settings, clients, clock, log } = options
  const { certificate, key } = await loadCertificate({ ...settings, dataDir: options.dataDir, now: clock.now() })
  const sessions = new RedfishSessions(directory, clock)
  const remembered = new Remembered()
  const around = {
    directory,
    sessions,
    remembered,
    now: () => clock.now(),
    inventory: options.inventory ?? (async () => undefined),
    uuid: uuidOf(certificate),
    events: options.events,
  }
  const backoff = new Backoff(clock, {
    free: 5,
    firstWaitMs: 1000,
    longestWaitMs: 60_000,
    forgetMs: 600_000,
    keys: 10_000,
  })
  const service = new RedfishService(around, new Login(around, clients, backoff), log)
  const mayAsk = (address: string) =>
    clients.length === 0 || directory.all().some((backEnd) => admits(backEnd, clients, address))
  const server = securedServer(
    (request, response) => {
      respond(request, response, { service, mayAsk }).catch((error: unknown) => {
        log.error({ error: String(error) }, 'a Redfish answer could not be sent')
        response.destroy()
      })
    },
    { key, cert: certificate },
    LIMITS,
  )
  server.on('tlsClientError', (error: NodeJS.ErrnoException) =>
    log.debug({ error: error.code ?? error.message }, 'a Redfish client did not agree on TLS'),
  )
  const stopListening = await listen(server, settings.listen, 'gateway.redfish.listen')
  const tidy = setInterval(
    () => remembered.keepOnly(new Set(directory.all().map(({ machine }) => machine.id))),
    TIDY_MS,
  ).unref()
  const { port } = server.address() as AddressInfo
  log.info(
    { host: settings.listen.host, port, clients: clients.map(formatSubnet) },
    'Redfish is answered for machines with a BMC',
  )
  let stopping: Promise<void> | undefined
  return {
    port,
    fingerprint: fingerprintOf(certificate),
    pathOf: PATHS.system,
    statusOf: () => ({ listening: server.listening, problem: server.listening ? '' : 'the Redfish service has ended' }),
    sessions: () => sessions.shown(),
    endSessions: (machine, user) => sessions.endOf(machine, user),
    stop() {
      clearInterval(tidy)
      stopping ??= stopListening()
      return stopping
    },
  }
}

type Desk = Readonly<{ service: RedfishService; mayAsk(address: string): boolean }>

async function respond(request: IncomingMessage, response: ServerResponse, { service, mayAsk }: Desk): Promise<void> {
  response.on('error', () => undefined)
  const address = (request.socket.remoteAddress ?? '').replace(/^::ffff:/, '')
  if (!mayAsk(address)) {
    request.socket.destroy()
    return
  }
  const body = await bodyOf(request)
  if (body === 'broken') return
  send(request, response, body === 'too-large' ? tooLarge() : await answerTo(request, { body, address, service }))
}

async function answerTo(
  request: IncomingMessage,
  { body, address, service }: { body: string; address: string; service: RedfishService },
): Promise<RedfishAnswer> {
  const target = request.url ?? ''
  const [raw = '', ...query] = target.split('?')
  let path: string
  try {
    path = decodeURIComponent(raw)
  } catch {
    path = ''
  }
  if (target.length > MOST_TARGET || !path.startsWith('/') || /[\x00-\x1f\x7f]/.test(path))
    return problemAnswer([new Problem('ResourceMissingAtURI', ['this address'])])
  const headers = Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value]),
  )
  return service.answer({
    method: request.method ?? '',
    path,
    query: new URLSearchParams(query.join('?')),
    headers,
    body,
    address,
  })
}

function tooLarge(): RedfishAnswer {
  const problem = new Problem('PayloadTooLarge', [String(MOST_BODY)], { headers: { connection: 'close' } })
  return problemAnswer([problem])
}

function bodyOf(request: IncomingMessage): Promise<string | 'too-large' | 'broken'> {
  return new Promise((resolve) => {
    const pieces: Buffer[] = []
    let size = 0
    request
      .on('data', (piece: Buffer) => {
        size += piece.length
        if (size > MOST_BODY) resolve('too-large')
        else pieces.push(piece)
      })
      .on('end', () => resolve(Buffer.concat(pieces).toString('utf8')))
      .on('error', () => resolve('broken'))
      .on('close', () => resolve('broken'))
  })
}

function send(request: IncomingMessage, response: ServerResponse, { status, headers, body }: RedfishAnswer): void {
  if (response.destroyed) return
  const bytes = body === undefined ? undefined : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
  response.writeHead(status, {
    // DSP0266 §"Response headers"
    'odata-version': '4.0',
    'cache-control': 'no-cache',
    'x-content-type-options': 'nosniff',
    ...(bytes === undefined
      ? {}
      : { 'content-type': 'application/json; charset=utf-8', 'content-length': String(bytes.length) }),
    ...(request.url === '/redfish/v1/' || request.url === '/redfish/v1'
      ? { link: '</redfish/v1/$metadata>; rel=describedby' }
      : {}),
    ...headers,
  })
  response.end(request.method === 'HEAD' ? undefined : bytes)
}

/** The same as long as the certificate is. */
function uuidOf(certificate: string): string {
  const digits = new X509Certificate(certificate).fingerprint256.replaceAll(':', '').toLowerCase()
  return digits.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/, '$1-$2-5$3-8$4-$5')
}

function fingerprintOf(certificate: string): string {
  const digits = new X509Certificate(certificate).fingerprint256.replaceAll(':', '')
  return `SHA256:${Buffer.from(digits, 'hex').toString('base64').replace(/=+$/, '')}`
}

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import fastifyCookie from '@fastify/cookie'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { Refusal } from '../../kit/errors.ts'
import type { Route } from '../contract/route.ts'
import { contract, type OperationId } from '../contract.ts'
import type { ControlRequests } from './call.ts'
import { isConsole, serveConsoles } from './console.ts'
import type { ApiDependencies } from './dependencies.ts'
import { serveDocumentation } from './docs.ts'
import { EventStreams } from './events.ts'
import { authorise, credentialOf, type Demand, refuseForgery } from './guard.ts'
import { secureAnswers } from './headers.ts'
import { serveHealth } from './health.ts'
import { serveMetrics } from './metrics.ts'
import { blankVisit, recordRefused, serveOperations } from './operations.ts'
import { failureOf, MethodNotAllowed, PROBLEM_TYPE, refusalOf } from './problems.ts'
import { serveConsolePages } from './web.ts'

/** The most JSON that one request may send, in bytes. */
export const MOST_JSON = 8 * 1024 * 1024
/** How long the rest of a refused upload is read and thrown away, so that its sender can hear the refusal, in ms. */
const LINGER_MS = 5000

/** One way into the API, for a `node:http` server. */
export type Door = Readonly<{
  request(request: IncomingMessage, response: ServerResponse): void
  /** Whether a request may change to the WebSocket protocol: consoles alone, for any other route would do it without a login. */
  upgradable(request: IncomingMessage): boolean
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void
}>

export type Api = Readonly<{
  /** For networks: everything needs a login. */
  network: Door
  /** For the control socket alone: whoever can open it is admin. */
  control: Door
  /** The Fastify instance, for tests. */
  app: FastifyInstance
  /** Ends event streams and consoles and waits for what is being answered. */
  close(): Promise<void>
}>

declare module 'fastify' {
  interface FastifyContextConfig {
    operation?: OperationId
    demand?: Demand
  }
}

/** Builds REST, events, consoles, documentation, metrics, health and the console's pages. Listening is left to main.ts. */
export async function createApi(api: ApiDependencies, options: { checkAnswers?: boolean } = {}): Promise<Api> {
  const control: ControlRequests = new WeakSet()
  const streams = new EventStreams(api)
  const app = fastify({
    logger: false,
    bodyLimit: MOST_JSON,
    routerOptions: { maxParamLength: 300 },
    // Bad URLs never reach the hooks.
    frameworkErrors: (error, request, reply) => {
      request.visit = blankVisit(undefined)
      reply.headers({ 'x-content-type-options': 'nosniff' })
      fail(api, error, request, reply)
    },
  })
  app.decorateRequest('visit')
  await app.register(fastifyCookie)
  secureAnswers(app)
  app.addHook('onRequest', async (request) => admit(api, control, request))
  app.addHook('onResponse', async (request) => endUpload(request))
  app.setErrorHandler((error, request, reply) => fail(api, error, request, reply))
  app.setNotFoundHandler(async (request) => refuseUnknown(request))

  serveHealth(app, api)
  serveMetrics(app, api, streams)
  await serveOperations(app, api, streams, options.checkAnswers ?? false)
  await serveConsoles(app, api)
  await serveDocumentation(app, api.server.version)
  await serveConsolePages(app, api.webDirectory)
  await app.ready()

  const door = (mark: (request: IncomingMessage) => void): Door => ({
    request(request, response) {
      mark(request)
      app.routing(request, response)
    },
    upgradable: isConsole,
    upgrade(request, socket, head) {
      mark(request)
      // @fastify/websocket hears upgrades on Fastify's own server, which never listens here.
      app.server.emit('upgrade', request, socket, head)
    },
  })
  return {
    network: door(() => undefined),
    control: door((request) => control.add(request)),
    app,
    async close() {
      streams.close()
      await app.close()
    },
  }
}

/** What a request must be allowed to do. Pages, health and documentation are public. */
function demandOf(request: FastifyRequest): Demand | undefined {
  const { operation, demand } = request.routeOptions.config
  return operation ? contract[operation] : demand
}

/** Finds out who asks and refuses what they may not do, before a byte of the body is read. */
function admit({ access }: ApiDependencies, control: ControlRequests, request: FastifyRequest): void {
  const visit = blankVisit(request.routeOptions.config.operation)
  request.visit = visit
  const demand = demandOf(request)
  if (!demand) return
  visit.subject = Object.values((request.params as Record<string, string> | undefined) ?? {}).join('@')
  visit.credential = credentialOf(request, control)
  visit.principal = visit.credential && access.authenticate(visit.credential)
  const open = demand.needs === 'public'
  if (open || visit.principal) refuseForgery(request, open ? undefined : visit.credential)
  authorise(visit.principal, demand, visit.credential?.kind)
  // A login makes a new principal; that of an old cookie has nothing to do with it.
  if (open) visit.principal = undefined
}

async function fail(api: ApiDependencies, error: unknown, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  if (request.raw.destroyed && !request.raw.complete) {
    api.log.debug({ route: request.routeOptions.url }, 'the client went away in the middle of its request')
    reply.hijack()
    return
  }
  const refusal = refusalOf(error, api.log)
  const { problem, headers } = failureOf(refusal)
  await recordRefused(request, `${refusal.code}: ${refusal.message}`, api)
  // What was set for the answer that did not come about.
  for (const name of ['content-length', 'content-disposition', 'etag', 'accept-ranges']) reply.removeHeader(name)
  await reply
    .code(problem.status)
    .headers({ ...headers, 'cache-control': 'no-store' })
    .type(PROBLEM_TYPE)
    .send(JSON.stringify(problem))
}

/** The sender of a refused upload hears the refusal only while somebody reads on; but not for ever. */
function endUpload({ raw }: FastifyRequest): void {
  if (raw.complete || raw.destroyed) return
  raw.resume()
  setTimeout(() => raw.complete || raw.socket.destroy(), LINGER_MS).unref()
}

const PATTERNS = Object.values<Route>(contract).map(({ method, path }) => ({
  method,
  pattern: new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}/?$`),
}))

function refuseUnknown(request: FastifyRequest): never {
  const path = new URL(request.url, 'http://localhost').pathname
  const methods = new Set(PATTERNS.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method))
  if (methods.size > 0) throw new MethodNotAllowed(request.method, path, [...methods])
  throw new Refusal('not-found', `there is no ${request.method} ${path}`, { next: 'see /api/docs for what there is' })
}

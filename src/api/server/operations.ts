import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Route } from '../contract/route.ts'
import { wording } from '../contract/wording.ts'
import { contract, type OperationId } from '../contract.ts'
import type { Visit } from './call.ts'
import type { ApiDependencies } from './dependencies.ts'
import type { EventStreams } from './events.ts'
import { accessHandlers } from './handlers/access.ts'
import { agentHandlers } from './handlers/agent.ts'
import { backupHandlers } from './handlers/backup.ts'
import { bmcHandlers } from './handlers/bmcs.ts'
import { configHandlers } from './handlers/configs.ts'
import { consoleHandlers } from './handlers/consoles.ts'
import { deploymentHandlers } from './handlers/deployments.ts'
import { guestHandlers } from './handlers/guests.ts'
import { imageHandlers } from './handlers/images.ts'
import { chunkHandlers } from './handlers/images-chunks.ts'
import { contentHandlers } from './handlers/images-content.ts'
import { fetchHandlers } from './handlers/images-fetch.ts'
import { labHandlers } from './handlers/lab.ts'
import { machineHandlers } from './handlers/machines.ts'
import { maintenanceHandlers } from './handlers/maintenance.ts'
import { powerHandlers } from './handlers/power.ts'
import { profileHandlers } from './handlers/profiles.ts'
import { roomHandlers } from './handlers/rooms.ts'
import { serverHandlers } from './handlers/server.ts'
import { storageHandlers } from './handlers/storage.ts'
import { traceHandlers } from './handlers/traces.ts'
import { volumeHandlers } from './handlers/volumes.ts'
import { invalid } from './problems.ts'

/** The most JSON that somebody without a login may send, in bytes: it is held in memory before anything is known of them. */
const MOST_PUBLIC_JSON = 16 * 1024

/** A handler as the registration sees it: its call was checked against the contract of its operation. */
type AnyHandler = (call: unknown) => unknown

function handlersOf(api: ApiDependencies, streams: EventStreams) {
  return {
    ...accessHandlers(api),
    ...machineHandlers(api),
    ...powerHandlers(api),
    ...bmcHandlers(api),
    ...traceHandlers(api),
    ...imageHandlers(api),
    ...chunkHandlers(api),
    ...contentHandlers(api),
    ...fetchHandlers(api),
    ...profileHandlers(api),
    ...deploymentHandlers(api),
    ...agentHandlers(api),
    ...serverHandlers(api),
    ...backupHandlers(api),
    ...configHandlers(api),
    ...consoleHandlers(api),
    ...labHandlers(api),
    ...volumeHandlers(api),
    ...maintenanceHandlers(api),
    ...storageHandlers(api),
    ...roomHandlers(api),
    ...guestHandlers(api),
    events: streams.open.bind(streams),
  } satisfies Record<OperationId, unknown>
}

/** Where a request came from, for audit log and rate limits. */
export function addressOf({ visit, raw }: FastifyRequest): string {
  return visit.credential?.kind === 'socket' ? 'control.sock' : (raw.socket.remoteAddress ?? 'unknown')
}

export function blankVisit(operation: OperationId | undefined): Visit {
  return { operation, credential: undefined, principal: undefined, subject: undefined, detail: '' }
}

/** Registers every route of the contract. What a client sends is checked here, what comes back is exactly the contract's. */
export async function serveOperations(
  app: FastifyInstance,
  api: ApiDependencies,
  streams: EventStreams,
  /** Checks each answer against the contract too. For tests: it costs as much as the rest of a request. */
  checkAnswers: boolean,
): Promise<void> {
  const handlers: Record<OperationId, unknown> = handlersOf(api, streams)
  const operations = Object.entries<Route>(contract) as [OperationId, Route][]
  const register = (scope: FastifyInstance, wanted: (route: Route) => boolean) => {
    for (const [id, route] of operations) {
      if (!wanted(route)) continue
      const query = exactly(route.query)
      scope.route({
        method: route.response === 'bytes' ? [route.method, 'HEAD'] : route.method,
        // Fastify's own HEAD would wait for the end of an answer that is a stream.
        exposeHeadRoute: typeof route.response !== 'string',
        url: route.path.replace(/\{(\w+)\}/g, ':$1'),
        config: { operation: id },
        ...(route.needs === 'public' ? { bodyLimit: MOST_PUBLIC_JSON } : {}),
        handler: (request, reply) =>
          answer({ route, query, handler: handlers[id] as AnyHandler, request, reply, checkAnswers, audit: api }),
      })
    }
  }
  // Two scopes, for content types are understood by scope: raw streams whatever their type, and JSON alone.
  await app.register(async (scope) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', (_request, payload, done) => done(null, payload))
    register(scope, (route) => route.body === 'bytes')
  })
  await app.register(async (scope) => {
    scope.removeContentTypeParser('text/plain')
    register(scope, (route) => route.body !== 'bytes')
  })
}

type Answer = Readonly<{
  route: Route
  query: z.ZodType | undefined
  handler: AnyHandler
  request: FastifyRequest
  reply: FastifyReply
  checkAnswers: boolean
  audit: Pick<ApiDependencies, 'access' | 'log'>
}>

async function answer({ route, query, handler, request, reply, checkAnswers, audit }: Answer): Promise<unknown> {
  const { visit } = request
  const params = read(route.params, request.params, 'path')
  visit.subject = Object.values((params as Record<string, unknown> | undefined) ?? {}).join('@')
  const result = await handler({
    params,
    query: read(query, request.query, 'query'),
    // Who stops reading must not end the connection: the refusal has to go back on it.
    body:
      route.body === 'bytes'
        ? request.raw.iterator({ destroyOnReturn: false })
        : read(route.body, request.body, 'body'),
    by: visit.principal,
    credential: visit.credential,
    address: addressOf(request),
    about(subject: string, detail = '') {
      visit.subject = subject
      visit.detail = detail
    },
    request,
    reply,
  })
  if (route.action !== undefined) await recordDone(request, route.action, audit)
  if (reply.sent || route.response === 'bytes' || route.response === 'events') return reply
  reply.code(route.status ?? 200).header('cache-control', 'no-store')
  if (typeof route.response === 'string') return reply.send()
  if (checkAnswers) route.response.parse(result)
  return result
}

/** A misspelt filter must be refused: left out, it would answer with everything. */
function exactly(query: z.ZodType | undefined): z.ZodType | undefined {
  return query instanceof z.ZodObject ? query.strict() : query
}

function read(schema: z.ZodType | 'bytes' | undefined, value: unknown, what: string): unknown {
  if (schema === undefined || schema === 'bytes') return undefined
  const parsed = schema.safeParse(value ?? undefined, { error: wording })
  if (!parsed.success) throw invalid(what, parsed.error)
  return parsed.data
}

/** The change is made, so that the answer must say so even when the log cannot be written. */
async function recordDone(request: FastifyRequest, action: string, { access, log }: Answer['audit']): Promise<void> {
  const { principal, subject = '', detail } = request.visit
  if (!principal) return
  const deed = { who: principal.name, via: principal.via, address: addressOf(request), action, subject, detail }
  try {
    await access.audit.record({ ...deed, outcome: 'ok' })
  } catch (error) {
    log.error({ ...deed, error }, 'a change could not be written to the audit log')
  }
}

/** Writes a refused change to the audit log. A failing log must not hide the refusal. */
export async function recordRefused(
  request: FastifyRequest,
  reason: string,
  { access, log }: Answer['audit'],
): Promise<void> {
  const { operation, principal, subject = '' } = request.visit
  const action = operation && (contract[operation] as Route).action
  if (action === undefined) return
  const who = principal?.name ?? '(nobody)'
  const deed = { who, via: principal?.via ?? 'none', address: addressOf(request), action, subject, detail: reason }
  try {
    await access.audit.record({ ...deed, outcome: 'refused' }, !principal)
  } catch (error) {
    log.error({ ...deed, error }, 'a refusal could not be written to the audit log')
  }
}

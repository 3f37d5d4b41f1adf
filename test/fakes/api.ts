import type { InputOf, OutputOf } from '../../src/api/client/client.ts'
import type { Transport, Upload } from '../../src/api/client/transport.ts'
import type { Route } from '../../src/api/contract/route.ts'
import { contract, type OperationId } from '../../src/api/contract.ts'
import { ERROR_CODES, Refusal } from '../../src/kit/errors.ts'

/** What a handler is given: parameters, query and body as the contract parsed them; a raw body is joined. */
export type Call<Id extends OperationId> = {
  params: NonNullable<InputOf<Id> extends { params?: infer P } ? P : never>
  query: Record<string, unknown>
  body: InputOf<Id> extends { body?: infer B } ? B : undefined
  bytes: Uint8Array
}
export type Handlers = {
  [Id in OperationId]?: (
    call: Call<Id>,
  ) => OutputOf<Id> | Promise<OutputOf<Id>> | Uint8Array | AsyncIterable<Uint8Array> | WithHeaders | undefined
}
/** Bytes that come with headers. */
type WithHeaders = { bytes: Uint8Array; headers: Record<string, string> }

/** What was asked of the server, in order. */
export type Asked = { id: OperationId; params: unknown; query: unknown; body: unknown }

async function joined(body: string | Upload | undefined): Promise<Uint8Array> {
  if (body === undefined || typeof body === 'string') return new TextEncoder().encode(body ?? '')
  const { content } = body
  if (content instanceof Uint8Array) return content
  if (content instanceof Blob) return content.bytes()
  const pieces: Uint8Array[] = []
  let sent = 0
  for await (const piece of content) {
    pieces.push(piece)
    sent += piece.length
    body.onProgress?.(sent)
  }
  return Buffer.concat(pieces)
}

function hasHeaders(result: unknown): result is WithHeaders {
  return typeof result === 'object' && result !== null && 'bytes' in result && 'headers' in result
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

function answer(status: number, body: unknown, type: string) {
  const bytes = new TextEncoder().encode(body === undefined ? '' : JSON.stringify(body))
  const headers: Record<string, string> = { 'content-type': type, 'content-length': String(bytes.length) }
  return { status, header: (name: string) => headers[name], body: once(bytes), cancel() {} }
}

function problem(refusal: Refusal) {
  const { status, title } = ERROR_CODES[refusal.code]
  const { code, message: detail, next, problems } = refusal
  return answer(
    status,
    { type: 'about:blank', title, status, code, detail, next, problems },
    'application/problem+json',
  )
}

function match(path: string, pattern: string): Record<string, string> | undefined {
  const names = [...pattern.matchAll(/\{(\w+)\}/g)].map((found) => found[1]!)
  const found = new RegExp(`^${pattern.replace(/\{\w+\}/g, '([^/]+)')}$`).exec(path)
  return found ? Object.fromEntries(names.map((name, i) => [name, decodeURIComponent(found[i + 1]!)])) : undefined
}

/**
 * A server that holds callers to the contract: what they send and what the handlers answer must both pass the schemas of the
 * route. Operations without a handler are `not-found`; a handler may throw a `Refusal`.
 */
export function fakeApi(handlers: Handlers): { transport: Transport; asked: Asked[] } {
  const asked: Asked[] = []
  const transport: Transport = async ({ method, path: target, body }) => {
    const url = new URL(target, 'http://fake')
    const candidates = Object.entries<Route>(contract)
    const fitting = candidates
      .map(([id, route]) => ({ id: id as OperationId, route, params: match(url.pathname, route.path) }))
      .filter(({ route, params }) => route.method === method && params)
    // As the server does: `/volumes/sessions` is not the volume `sessions`.
    const found = fitting.find(({ route }) => route.path === url.pathname) ?? fitting[0]
    if (!found) return problem(new Refusal('not-found', `no route ${method} ${url.pathname}`))
    const { id, route } = found
    const bytes = await joined(body)
    const json: unknown =
      route.body === undefined || route.body === 'bytes' || bytes.length === 0
        ? undefined
        : JSON.parse(new TextDecoder().decode(bytes))
    const parsed = {
      params: route.params ? route.params.safeParse(found.params) : { success: true as const, data: {} },
      query: route.query
        ? route.query.safeParse(Object.fromEntries(url.searchParams))
        : { success: true as const, data: {} },
      body:
        route.body && route.body !== 'bytes' ? route.body.safeParse(json) : { success: true as const, data: undefined },
    }
    for (const [part, result] of Object.entries(parsed))
      if (!result.success)
        return problem(
          new Refusal('validation-failed', `the ${part} is not valid`, {
            problems: result.error.issues.map((issue) => ({ path: issue.path.join('.'), message: issue.message })),
          }),
        )
    const call = { params: parsed.params.data, query: parsed.query.data, body: parsed.body.data, bytes }
    asked.push({ id, params: call.params, query: call.query, body: call.body })
    const handler = handlers[id] as ((call: unknown) => unknown) | undefined
    if (!handler) return problem(new Refusal('not-found', `there is no ${id} here`))
    try {
      const result = await handler(call)
      if (route.response === 'nothing') return answer(204, undefined, '')
      if (route.response === 'bytes' || route.response === 'events') {
        const { bytes, headers } = hasHeaders(result)
          ? result
          : { bytes: result, headers: {} as WithHeaders['headers'] }
        const stream = bytes instanceof Uint8Array ? once(bytes) : (bytes as AsyncIterable<Uint8Array>)
        return { status: 200, header: (name) => headers[name], body: stream, cancel() {} }
      }
      return answer(route.status ?? 200, route.response.parse(result), 'application/json')
    } catch (error) {
      if (error instanceof Refusal) return problem(error)
      throw error
    }
  }
  return { transport, asked }
}

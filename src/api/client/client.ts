import type { z } from 'zod'
import type { Contract, OperationId } from '../contract.ts'
import { ApiProblem, problemOf } from './problem.ts'
import { ROUTES } from './routes.ts'
import { readText, type Transport, type TransportResponse, type Upload } from './transport.ts'

/** An answer that is not JSON: read `body` to its end or call `cancel`. */
export type Download = TransportResponse

type Sent<T> = T extends z.ZodType ? z.input<T> : T extends 'bytes' ? Upload : never
type Part<K extends string, R> = R extends { readonly [key in K]: infer T }
  ? Record<never, never> extends Sent<T>
    ? { readonly [key in K]?: Sent<T> }
    : undefined extends Sent<T>
      ? { readonly [key in K]?: Sent<T> }
      : { readonly [key in K]: Sent<T> }
  : unknown

/** What a call of this operation takes; parts with defaults may be left out. */
export type InputOf<Id extends OperationId> = Part<'params', Contract[Id]> &
  Part<'query', Contract[Id]> &
  Part<'body', Contract[Id]> & { readonly signal?: AbortSignal }

/** What a call of this operation answers: the JSON body, a `Download`, or nothing. */
export type OutputOf<Id extends OperationId> = Contract[Id]['response'] extends z.ZodType
  ? z.output<Contract[Id]['response']>
  : Contract[Id]['response'] extends 'nothing'
    ? undefined
    : Download

/** One method per operation id of the contract. Every method rejects with `ApiProblem`. */
export type ApiClient = {
  readonly [Id in OperationId]: Record<never, never> extends InputOf<Id>
    ? (input?: InputOf<Id>) => Promise<OutputOf<Id>>
    : (input: InputOf<Id>) => Promise<OutputOf<Id>>
}

type AnyInput = {
  params?: Readonly<Record<string, unknown>>
  query?: Readonly<Record<string, unknown>>
  body?: unknown
  signal?: AbortSignal
}

export function createClient(transport: Transport): ApiClient {
  const client: Record<string, (input?: AnyInput) => Promise<unknown>> = {}
  for (const [id, route] of Object.entries(ROUTES)) client[id] = (input) => call(transport, route, input ?? {})
  // The table is checked against the contract by its own test, which the compiler cannot follow through Object.entries.
  return client as unknown as ApiClient
}

type Page = { items: unknown[]; next: string | null }

/** Collects all pages of a list: `await all(client.listMachines, { query: { state: 'ready' } })`. */
export async function all<List extends (input: never) => Promise<Page>>(
  list: List,
  ...[input]: Parameters<List>
): Promise<Awaited<ReturnType<List>>['items']> {
  const items: unknown[] = []
  const given: AnyInput = input ?? {}
  let cursor: string | null = null
  do {
    const query = { limit: 1000, ...given.query, ...(cursor === null ? {} : { cursor }) }
    const page: Page = await list({ ...given, query } as never)
    items.push(...page.items)
    cursor = page.next
  } while (cursor !== null)
  return items
}

/** A path with its parameters and query filled in. Exported for links and downloads by the browser itself. */
export function pathOf(
  path: string,
  params: Readonly<Record<string, unknown>> = {},
  query: Readonly<Record<string, unknown>> = {},
): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(params[name])))
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query))
    if (value !== undefined && value !== null) search.set(name, String(value))
  return search.size > 0 ? `${filled}?${search}` : filled
}

async function call(
  transport: Transport,
  [method, path, sends, answers]: (typeof ROUTES)[OperationId],
  { params, query, body, signal }: AnyInput,
): Promise<unknown> {
  const headers: Record<string, string> = { accept: 'application/json, application/problem+json, */*;q=0.5' }
  if (sends === 'bytes') headers['content-type'] = 'application/octet-stream'
  else if (body !== undefined) headers['content-type'] = 'application/json'
  const response = await transport({
    method,
    path: pathOf(path, params, query),
    headers,
    body: sends === 'bytes' ? (body as Upload) : body === undefined ? undefined : JSON.stringify(body),
    signal,
  })
  if (response.status >= 400) throw await problemOf(response)
  if (answers === 'bytes' || answers === 'events') return response
  const text = await readText(response.body)
  return answers === 'nothing' ? undefined : json(text, response.status)
}

function json(text: string, status: number): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new ApiProblem({
      status,
      code: 'unexpected-answer',
      detail: 'the answer is not JSON, so it is not one of Reveille',
      next: 'check the address: something else seems to answer there, a proxy for example',
      cause,
    })
  }
}

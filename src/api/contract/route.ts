import type { z } from 'zod'
import type { Role } from '../../access/user.ts'

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'HEAD'

/**
 * One route of the API, said once: server, typed client, OpenAPI and the audit log are all made from it.
 * `needs` is the least role; `public` means no login. `group` with `read`/`write` (by method) is the scope a token needs.
 * A `body` of `'bytes'` is a raw stream; a `response` of `'bytes'`, `'events'` or `'nothing'` is not JSON.
 */
export type Route = Readonly<{
  method: Method
  path: string
  summary: string
  group: string
  needs: Role | 'public'
  params?: z.ZodType
  query?: z.ZodType
  body?: z.ZodType | 'bytes'
  response: z.ZodType | 'bytes' | 'events' | 'nothing'
  /** The status of success; 200 unless given. */
  status?: 200 | 201 | 202 | 204
  /** What the audit log calls it; routes that change nothing have none. */
  action?: string
}>

/** Keeps the precise type of each route while checking its form. */
export function route<const R extends Route>(r: R): R {
  return r
}

type Parsed<T> = T extends z.ZodType ? z.output<T> : undefined
type Given<T> = T extends z.ZodType ? z.input<T> : undefined

export type ParamsOf<R extends Route> = Parsed<R['params']>
export type QueryOf<R extends Route> = Parsed<R['query']>
/** What a handler returns and a client receives. */
export type ResponseOf<R extends Route> = R['response'] extends z.ZodType ? z.output<R['response']> : undefined
/** What a client may send: defaults may be left out. */
export type SentBodyOf<R extends Route> = Given<R['body']>

import { randomBytes } from 'node:crypto'
import type { z } from 'zod'
import { TooManyRequests } from '../../access/backoff.ts'
import { ERROR_CODES, type ErrorCode, Refusal } from '../../kit/errors.ts'
import type { Log } from '../../kit/log.ts'
import type { Problem } from '../contract/common.ts'

export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8'
/** Problems listed of one request; a body can have thousands. */
const MOST_PROBLEMS = 50

/** An answer of failure (RFC 9457) with the headers that belong to it. */
export type Failure = Readonly<{ problem: Problem; headers: Readonly<Record<string, string>> }>

export function failureOf(refusal: Refusal): Failure {
  const { status, title } = ERROR_CODES[refusal.code]
  return {
    problem: {
      type: `urn:reveille:problem:${refusal.code}`,
      title,
      status,
      code: refusal.code,
      detail: refusal.message,
      ...(refusal.next === undefined ? {} : { next: refusal.next }),
      ...(refusal.problems.length === 0 ? {} : { problems: [...refusal.problems] }),
    },
    headers: {
      ...(refusal instanceof TooManyRequests ? { 'retry-after': String(refusal.retryAfterSeconds) } : {}),
      ...(refusal.code === 'not-authenticated' ? { 'www-authenticate': 'Bearer realm="Reveille"' } : {}),
      ...(refusal instanceof MethodNotAllowed ? { allow: refusal.allow.join(', ') } : {}),
    },
  }
}

/** A path that exists, asked with a method it does not know. */
export class MethodNotAllowed extends Refusal {
  readonly allow: readonly string[]

  constructor(method: string, path: string, allow: readonly string[]) {
    super('method-not-allowed', `${path} does not understand ${method}`, { next: `use ${allow.join(' or ')}` })
    this.allow = allow
  }
}

/** What Fastify itself refuses, in our words. */
const FASTIFY_CODES: Readonly<Record<string, readonly [ErrorCode, string, string]>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: [
    'too-large',
    'the JSON body is larger than is taken here: 8 MiB, and 16 KiB before a login',
    'send less at once',
  ],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: [
    'unsupported-media-type',
    'this route takes JSON',
    'send it with Content-Type: application/json',
  ],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: [
    'validation-failed',
    'the body is not as long as its Content-Length',
    'send it again',
  ],
  FST_ERR_CTP_INVALID_JSON_BODY: ['validation-failed', 'the body is not valid JSON', 'send one JSON value'],
  FST_ERR_CTP_EMPTY_JSON_BODY: [
    'validation-failed',
    'the body is empty, but its type says JSON',
    'send one JSON value',
  ],
  FST_ERR_BAD_URL: ['validation-failed', 'the URL is not well encoded', 'percent-encode it as in RFC 3986'],
  FST_ERR_MAX_PARAM_LENGTH: [
    'validation-failed',
    'a part of the path is too long',
    'names have at most 100 characters',
  ],
}

/** Makes a refusal of whatever was thrown. What nobody foresaw is logged under an id, and only the id is shown. */
export function refusalOf(error: unknown, log: Log): Refusal {
  if (error instanceof Refusal) return error
  const known = error instanceof Error && 'code' in error ? FASTIFY_CODES[String(error.code)] : undefined
  if (known) return new Refusal(known[0], known[1], { next: known[2] })
  if (error instanceof Error && 'statusCode' in error && Number(error.statusCode) < 500)
    return new Refusal('validation-failed', 'the request is not one that HTTP allows')
  const id = randomBytes(6).toString('hex')
  log.error({ error, id }, 'a request failed')
  return new Refusal('internal', `Reveille failed to answer this; its log says more under the id ${id}`, {
    next: 'look the id up in the log of the server and report it',
  })
}

/** The problems of a value field by field. The values themselves are not repeated: they may be secrets. */
export function invalid(what: string, error: z.ZodError): Refusal {
  const problems = error.issues.slice(0, MOST_PROBLEMS).map((issue) => {
    const unknown = issue.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : []
    return { path: [...issue.path, ...unknown].join('.'), message: issue.message }
  })
  const [first] = problems
  const detail = first ? `${first.path === '' ? what : first.path}: ${first.message}` : `the ${what} is not valid`
  return new Refusal('validation-failed', detail, { problems, next: 'correct the fields named in `problems`' })
}

import type { Problem } from '../contract/common.ts'
import { readText, type TransportResponse } from './transport.ts'

/**
 * Whatever went wrong with a call. `code` is the stable word of the server's RFC 9457 answer, or `unreachable` when nobody
 * answered and `unexpected-answer` when what answered is not Reveille; `status` is 0 when nobody answered.
 */
export class ApiProblem extends Error {
  override name = 'ApiProblem'
  readonly status: number
  readonly code: string
  /** What happened, for people. */
  readonly detail: string
  /** What to do about it. */
  readonly next: string | undefined
  /** Field by field, for `validation-failed`. */
  readonly problems: readonly { path: string; message: string }[]
  /** Seconds to wait before another try, where the server said so. */
  readonly retryAfter: number | undefined

  constructor(given: {
    status: number
    code: string
    detail: string
    next?: string | undefined
    problems?: readonly { path: string; message: string }[] | undefined
    retryAfter?: number | undefined
    cause?: unknown
  }) {
    super(given.detail, { cause: given.cause })
    this.status = given.status
    this.code = given.code
    this.detail = given.detail
    this.next = given.next
    this.problems = given.problems ?? []
    this.retryAfter = given.retryAfter
  }
}

export function unreachable(where: string, cause: unknown): ApiProblem {
  return new ApiProblem({
    status: 0,
    code: 'unreachable',
    detail: `${where} does not answer: ${cause instanceof Error ? cause.message || cause.name : String(cause)}`,
    next: 'check that the server runs (reveille serve) and that the address is right',
    cause,
  })
}

/** Makes the problem that an answer with a status of failure tells of. */
export async function problemOf(response: TransportResponse): Promise<ApiProblem> {
  const text = await readText(response.body)
  const told = response.header('content-type')?.startsWith('application/problem+json') ? read(text) : undefined
  const seconds = Number(response.header('retry-after') ?? Number.NaN)
  return new ApiProblem({
    status: response.status,
    code: told?.code ?? 'unexpected-answer',
    detail: told?.detail ?? `the answer has status ${response.status} and is not one of Reveille's`,
    next: told ? told.next : 'check the address: something else seems to answer there, a proxy for example',
    problems: told?.problems,
    retryAfter: Number.isFinite(seconds) ? seconds : undefined,
  })
}

function read(text: string): Problem | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isProblem(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isProblem(value: unknown): value is Problem {
  return (
    typeof value === 'object' &&
    value !== null &&
    'code' in value &&
    typeof value.code === 'string' &&
    'detail' in value &&
    typeof value.detail === 'string'
  )
}

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { z } from 'zod'
import { ERROR_CODES, type ErrorCode, Refusal } from '../../kit/errors.ts'

/** An answer with JSON, or without content. */
export function sendJson(response: ServerResponse, status: number, value?: unknown): void {
  if (response.destroyed || response.headersSent) return
  const body = value === undefined ? undefined : JSON.stringify(value)
  response.writeHead(status, {
    'cache-control': 'no-store',
    ...(body === undefined
      ? {}
      : { 'content-type': 'application/json; charset=utf-8', 'content-length': Buffer.byteLength(body) }),
  })
  response.end(body)
}

/** Problem details (RFC 9457), as the API gives them. */
export function sendProblem(
  response: ServerResponse,
  code: ErrorCode,
  detail: string,
  more: Readonly<{ next?: string | undefined; headers?: Readonly<Record<string, string>> }> = {},
): void {
  if (response.destroyed || response.headersSent) return
  const { status, title } = ERROR_CODES[code]
  const body = JSON.stringify({
    type: `urn:reveille:problem:${code}`,
    title,
    status,
    code,
    detail,
    ...(more.next === undefined ? {} : { next: more.next }),
  })
  response.writeHead(status, {
    'content-type': 'application/problem+json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    ...(status === 429 ? { 'retry-after': '1' } : {}),
    ...more.headers,
  })
  response.end(body)
}

/** The body, of at most so many bytes; more is refused (`too-large`), by its announced length before a byte is read. */
export async function readBody(request: IncomingMessage, most: number): Promise<Buffer> {
  const announced = request.headers['content-length']
  const tooLarge = () => new Refusal('too-large', `a body here has at most ${most} bytes`)
  if (announced !== undefined && Number(announced) > most) throw tooLarge()
  // One allocation where the length is known: chunks are large and come often.
  const whole = announced === undefined ? undefined : Buffer.allocUnsafe(Number(announced))
  const pieces: Buffer[] = []
  let length = 0
  for await (const piece of request as AsyncIterable<Buffer>) {
    if (length + piece.length > (whole?.length ?? most)) throw tooLarge()
    if (whole) piece.copy(whole, length)
    else pieces.push(piece)
    length += piece.length
  }
  if (whole && length !== whole.length) throw new Refusal('validation-failed', 'the body broke off')
  return whole ?? Buffer.concat(pieces)
}

/** The JSON of a body in its shape. What it held is not repeated in a refusal. */
export async function readJson<T>(request: IncomingMessage, schema: z.ZodType<T>, most: number): Promise<T> {
  const body = await readBody(request, most)
  let value: unknown
  try {
    value = JSON.parse(body.toString('utf8'))
  } catch {
    throw new Refusal('validation-failed', 'the body is not valid JSON')
  }
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const [first] = parsed.error.issues
  throw new Refusal('validation-failed', `${first?.path.join('.') || 'the body'}: ${first?.message ?? 'not valid'}`)
}

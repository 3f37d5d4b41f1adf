import type { IncomingMessage, ServerResponse } from 'node:http'
import { Refusal } from '../../kit/errors.ts'
import type { Log } from '../../kit/log.ts'
import type { BootHandler, BootTarget } from '../http.ts'

/** Longest request target; iPXE's longest (with all it knows of a machine) has about 500 characters. */
export const MAX_TARGET = 2048

/** The parts of a request that a target is read from. */
export type TargetRequest = Readonly<{
  url?: string | undefined
  socket: Readonly<{
    remoteAddress?: string | undefined
    localAddress?: string | undefined
    localPort?: number | undefined
  }>
}>

export type ParsedTarget = BootTarget | Readonly<{ status: 400 | 414; reason: string }>

/**
 * Reads what a request asks for; never throws. `advertised` is the base URL of the settings (`http://10.0.0.1:8080`); without it
 * the address counts by which the machine reached us.
 */
export function parseTarget(request: TargetRequest, advertised?: string): ParsedTarget {
  const url = request.url ?? ''
  if (url.length > MAX_TARGET) return { status: 414, reason: `a URL here has at most ${MAX_TARGET} characters` }
  // RFC 9112 §3.2.2: a server accepts the absolute form too.
  const target = url.replace(/^https?:\/\/[^/?#]*/i, '')
  const [beforeQuery = '', ...rest] = target.replace(/#.*$/s, '').split('?')
  const path = plainPath(beforeQuery)
  if (path === undefined) return { status: 400, reason: 'the path cannot be read: it climbs, or its encoding is wrong' }
  const { remoteAddress, localAddress, localPort } = request.socket
  return {
    path,
    query: new URLSearchParams(rest.join('?')),
    client: dotted(remoteAddress),
    base: advertised ?? `http://${dotted(localAddress)}:${localPort ?? 80}`,
  }
}

/** One slash between parts, escapes decoded; `undefined` for what climbs, has control characters or bad escapes. */
function plainPath(raw: string): string | undefined {
  let decoded: string
  try {
    decoded = decodeURIComponent(raw)
  } catch {
    return undefined
  }
  if (!decoded.startsWith('/') || /[\x00-\x1f\x7f]/.test(decoded)) return undefined
  const parts = decoded.split('/').filter((part) => part !== '' && part !== '.')
  return parts.includes('..') ? undefined : `/${parts.join('/')}`
}

/** IPv4 peers of a socket that also speaks IPv6 look like `::ffff:10.0.0.1`. */
function dotted(address: string | undefined): string {
  return (address ?? '0.0.0.0').replace(/^::ffff:/i, '')
}

export type BootServer = (request: IncomingMessage, response: ServerResponse) => void

/** Answers requests by the first handler that takes them, else 404. What a handler throws becomes a 500 and a log entry. */
export function serveBoot(dependencies: {
  handlers: readonly BootHandler[]
  log: Log
  /** Base URL for machines, if the settings fix one. */
  advertised?: string | undefined
}): BootServer {
  const { handlers, log, advertised } = dependencies
  return (request, response) => {
    // A machine that is switched off in the middle is no fault of ours.
    response.on('error', (error) => log.debug({ error: error.message }, 'a boot response broke off'))
    const target = parseTarget(request, advertised)
    if ('status' in target) {
      sendText(request, response, target.status, target.reason)
      return
    }
    try {
      if (handlers.some((handler) => handler(request, response, target))) return
      sendText(request, response, 404, `there is nothing to boot at ${shown(target.path)}`)
    } catch (error) {
      log.error(
        { path: shown(target.path), error: error instanceof Error ? error.stack : String(error) },
        'a boot handler failed',
      )
      if (response.headersSent) response.destroy()
      else sendText(request, response, error instanceof Refusal ? 503 : 500, 'Reveille failed; its log says more')
    }
  }
}

/** A short answer in plain text, for a screen: one line. The body is left out for HEAD. */
export function sendText(
  request: Pick<IncomingMessage, 'method'>,
  response: ServerResponse,
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  const body = Buffer.from(`${text}\n`)
  response.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    'content-length': body.length,
    'x-content-type-options': 'nosniff',
    ...headers,
  })
  response.end(request.method === 'HEAD' ? undefined : body)
}

function shown(path: string): string {
  return path.replace(/[^\x20-\x7e]/g, '?').slice(0, 200)
}

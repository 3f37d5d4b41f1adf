import { type ClientRequest, Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { unreachable } from './problem.ts'
import type { Transport, TransportRequest, TransportResponse, Upload } from './transport.ts'

/**
 * Where the server is: its address (`https://host:8080`) with a token, or its control socket, which needs none. Connections
 * are kept for further calls and do not keep the process alive.
 */
export type Target = Readonly<{ url: string; token?: string | undefined }> | Readonly<{ socket: string }>

/** Calls the server from a Node program. Uploads may be streams of any size; a progress callback is told what has left. */
export function nodeTransport(target: Target): Transport {
  const open = opener(target)
  return (request) =>
    new Promise((resolve, reject) => {
      const outgoing = open(request)
      const fail = (cause: unknown) => reject(request.signal?.aborted ? cause : unreachable(placeOf(target), cause))
      let answered = false
      outgoing.on('response', (incoming) => {
        answered = true
        resolve(answerOf(incoming))
      })
      // After the answer an error only means that the server did not want the rest of the upload.
      outgoing.on('error', (cause) => answered || fail(cause))
      if (request.body === undefined || typeof request.body === 'string') outgoing.end(request.body)
      else
        send(outgoing, request.body, () => answered).catch((cause: unknown) => {
          if (!answered) outgoing.destroy(cause instanceof Error ? cause : new Error(String(cause)))
        })
    })
}

function placeOf(target: Target): string {
  return 'socket' in target ? target.socket : target.url
}

function opener(target: Target): (request: TransportRequest) => ClientRequest {
  if ('socket' in target) {
    const agent = new HttpAgent({ keepAlive: true })
    return ({ method, path, headers, signal, body }) =>
      httpRequest({
        socketPath: target.socket,
        agent,
        method,
        path,
        headers: { host: 'localhost', ...headers, ...lengthOf(body) },
        signal,
      })
  }
  const base = new URL(target.url)
  const secure = base.protocol === 'https:'
  if (!secure && base.protocol !== 'http:')
    throw unreachable(target.url, new Error('an address of the server starts with http:// or https://'))
  const agent = secure ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true })
  const authorization: Record<string, string> =
    target.token === undefined ? {} : { authorization: `Bearer ${target.token}` }
  const prefix = base.pathname.replace(/\/+$/, '')
  return ({ method, path, headers, signal, body }) =>
    (secure ? httpsRequest : httpRequest)(new URL(prefix + path, base), {
      agent,
      method,
      headers: { ...headers, ...authorization, ...lengthOf(body) },
      signal,
    })
}

function lengthOf(body: TransportRequest['body']): Record<string, string> {
  if (body === undefined) return {}
  if (typeof body === 'string') return { 'content-length': String(Buffer.byteLength(body)) }
  const bytes =
    body.content instanceof Uint8Array
      ? body.content.length
      : body.content instanceof Blob
        ? body.content.size
        : body.bytes
  return bytes === undefined ? {} : { 'content-length': String(bytes) }
}

async function* pieces({ content }: Upload): AsyncGenerator<Uint8Array> {
  if (content instanceof Uint8Array) yield content
  else if (content instanceof Blob) yield* content.stream()
  else yield* content
}

async function send(outgoing: ClientRequest, upload: Upload, unwanted: () => boolean): Promise<void> {
  let sent = 0
  for await (const piece of pieces(upload)) {
    if (unwanted() || outgoing.destroyed) return
    if (!outgoing.write(piece)) await drained(outgoing)
    sent += piece.length
    upload.onProgress?.(sent)
  }
  outgoing.end()
}

/** Also an answer or the end of the connection wakes the sender: nobody would drain any more. */
function drained(outgoing: ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    const wakes = ['drain', 'response', 'close'] as const
    const wake = () => {
      for (const name of wakes) outgoing.off(name, wake)
      resolve()
    }
    for (const name of wakes) outgoing.on(name, wake)
  })
}

function answerOf(incoming: IncomingMessage): TransportResponse {
  return {
    status: incoming.statusCode ?? 0,
    header(name) {
      const value = incoming.headers[name]
      return Array.isArray(value) ? value.join(', ') : value
    },
    body: incoming,
    cancel: () => incoming.destroy(),
  }
}

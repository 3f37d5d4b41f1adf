import { type Agent, request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { gunzipSync } from 'node:zlib'

export type Sent = Readonly<{
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  url: URL
  headers: Readonly<Record<string, string>>
  body?: string | undefined
  agent: Agent
  signal: AbortSignal
}>

export type Received = Readonly<{
  status: number
  headers: IncomingMessage['headers']
  /** Parsed JSON; `undefined` for none and for anything else. */
  json: unknown
}>

/** Largest answer that is read; more ends the connection. */
export const MOST_ANSWER = 4 * 1024 * 1024
/** Without a byte either way, in ms. */
const SILENCE_MS = 20_000

/** One request and its whole answer. Fails with the error of the connection, or one that says which bound was broken. */
export function exchange({ method, url, headers, body, agent, signal }: Sent): Promise<Received> {
  return new Promise((resolve, reject) => {
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest
    const request = send(url, { method, headers, agent, signal, timeout: SILENCE_MS }, (response) => {
      const pieces: Buffer[] = []
      let size = 0
      response.on('data', (piece: Buffer) => {
        size += piece.length
        pieces.push(piece)
        if (size > MOST_ANSWER) request.destroy(new Error(`it answered more than ${MOST_ANSWER} bytes`))
      })
      response.on('error', reject)
      response.on('close', () => {
        if (!response.complete) return reject(new Error('the answer broke off'))
        const { statusCode: status = 0, headers } = response
        resolve({ status, headers, json: parsed(Buffer.concat(pieces), headers['content-encoding']) })
      })
    })
    request.on('timeout', () => request.destroy(new Error(`it was silent for ${SILENCE_MS / 1000} seconds`)))
    request.on('error', reject)
    request.end(body)
  })
}

/** Some services pack what was not asked to be packed. */
function parsed(bytes: Buffer, encoding: string | undefined): unknown {
  if (bytes.length === 0) return undefined
  try {
    const plain = encoding === 'gzip' ? gunzipSync(bytes, { maxOutputLength: MOST_ANSWER }) : bytes
    return JSON.parse(plain.toString('utf8'))
  } catch {
    return undefined
  }
}

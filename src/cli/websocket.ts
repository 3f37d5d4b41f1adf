import { createHash, randomBytes } from 'node:crypto'
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { Duplex } from 'node:stream'
import type { Target } from '../api/client/node.ts'
import { ApiProblem, problemOf, unreachable } from '../api/client/problem.ts'
import { decodeServerFrame, encodeClientFrame, OPCODE, readClose } from '../protocols/websocket/frame.ts'

export type WebSocketEvents = Readonly<{
  onBytes: (bytes: Uint8Array) => void
  /** Called once, also when the connection breaks (code 1006, RFC 6455 §7.1.5). */
  onEnd: (code: number, reason: string) => void
}>

export type WebSocketConnection = Readonly<{ send(bytes: Uint8Array): void; close(): void }>

/** RFC 6455 §1.3. */
const ACCEPT_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

function upgradeOptions(target: Target, path: string, key: string): { secure: boolean; options: RequestOptions } {
  const headers = {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-key': key,
    'sec-websocket-version': '13',
  }
  if ('socket' in target)
    return { secure: false, options: { socketPath: target.socket, path, headers: { host: 'localhost', ...headers } } }
  const url = new URL(path, target.url)
  return {
    secure: url.protocol === 'https:',
    options: {
      host: url.hostname,
      port: url.port,
      path: url.pathname + url.search,
      headers: { ...headers, ...(target.token ? { authorization: `Bearer ${target.token}` } : {}) },
    },
  }
}

/**
 * Opens a WebSocket over the control socket or TCP; Node's own can neither use a Unix socket nor send a token. A refusal of the
 * server rejects with its `ApiProblem`.
 */
export function openWebSocket(target: Target, path: string, events: WebSocketEvents): Promise<WebSocketConnection> {
  const key = randomBytes(16).toString('base64')
  const { secure, options } = upgradeOptions(target, path, key)
  const where = 'socket' in target ? target.socket : target.url
  return new Promise((resolve, reject) => {
    const asking = (secure ? httpsRequest : httpRequest)(options)
    asking.on('error', (cause) => reject(unreachable(where, cause)))
    asking.on('response', (response) => void problemOf(answer(response)).then(reject, reject))
    asking.on('upgrade', (response, socket, head) => {
      const expected = createHash('sha1')
        .update(key + ACCEPT_GUID)
        .digest('base64')
      if (response.headers['sec-websocket-accept'] === expected) resolve(connect(socket, head, events))
      else {
        socket.destroy()
        reject(
          new ApiProblem({
            status: 101,
            code: 'unexpected-answer',
            detail: `${where} answered as something else than a WebSocket server`,
          }),
        )
      }
    })
    asking.end()
  })
}

function answer(response: IncomingMessage) {
  return {
    status: response.statusCode ?? 0,
    header: (name: string) => String(response.headers[name] ?? ''),
    body: response,
    cancel: () => response.destroy(),
  }
}

function connect(socket: Duplex, head: Buffer, { onBytes, onEnd }: WebSocketEvents): WebSocketConnection {
  let ended = false
  const end = (code: number, reason: string) => {
    if (ended) return
    ended = true
    onEnd(code, reason)
    socket.end()
  }
  const send = (opcode: number, payload: Uint8Array) => {
    if (!ended && socket.writable) socket.write(encodeClientFrame(opcode, payload, randomBytes(4)))
  }
  let waiting: Uint8Array = new Uint8Array()
  const take = (chunk: Uint8Array) => {
    waiting = waiting.length === 0 ? chunk : Buffer.concat([waiting, chunk])
    for (let decoded = decodeServerFrame(waiting); decoded && !ended; decoded = decodeServerFrame(waiting)) {
      const { opcode, payload } = decoded.frame
      waiting = waiting.subarray(decoded.length)
      if (opcode === OPCODE.ping) send(OPCODE.pong, payload)
      else if (opcode === OPCODE.close) {
        const { code, reason } = readClose(payload)
        send(OPCODE.close, payload.subarray(0, 2))
        end(code, reason)
      } else if (opcode <= OPCODE.binary) onBytes(payload)
    }
  }
  const guarded = (chunk: Uint8Array) => {
    try {
      take(chunk)
    } catch (error) {
      end(1002, error instanceof Error ? error.message : String(error))
    }
  }
  socket.on('data', guarded)
  socket.on('error', (error) => end(1006, error.message))
  socket.on('close', () => end(1006, 'the connection broke'))
  guarded(head)
  return {
    send: (bytes) => send(OPCODE.binary, bytes),
    close() {
      send(OPCODE.close, Uint8Array.of(0x03, 0xe8))
      end(1000, '')
    },
  }
}

import { Agent, request as httpRequest, type IncomingMessage } from 'node:http'

export type WireRequest = Readonly<{
  method: 'GET' | 'POST' | 'PUT'
  path: string
  headers?: Readonly<Record<string, string>> | undefined
  body?: Uint8Array | string | undefined
  /** The largest answer that is taken, in bytes. */
  most: number
  signal?: AbortSignal | undefined
}>

export type WireAnswer = Readonly<{ status: number; header(name: string): string; body: Buffer }>

/** Without a byte for so long, a request has failed: the server may be gone without a word. */
const SILENCE_MS = 20_000

/** Carries requests to one server over a few connections that stay open. Rejects when there is no whole answer. */
export class Wire {
  readonly #base: URL
  readonly #agent: Agent

  /** `connections`: how many requests travel at once; others wait in line. */
  constructor(server: string, connections: number) {
    this.#base = new URL(server)
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections, scheduling: 'fifo' })
  }

  send({ method, path, headers, body, most, signal }: WireRequest): Promise<WireAnswer> {
    return new Promise((resolve, reject) => {
      const asking = httpRequest({
        agent: this.#agent,
        host: this.#base.hostname,
        port: this.#base.port || 80,
        method,
        path,
        headers: { ...headers, ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }) },
        timeout: SILENCE_MS,
        ...(signal ? { signal } : {}),
      })
      asking.on('timeout', () => asking.destroy(new Error(`no answer for ${SILENCE_MS / 1000} s`)))
      asking.on('error', reject)
      asking.on('response', (response) => collect(response, most).then(resolve, reject))
      asking.end(body)
    })
  }

  close(): void {
    this.#agent.destroy()
  }
}

async function collect(response: IncomingMessage, most: number): Promise<WireAnswer> {
  const announced = Number(response.headers['content-length'] ?? 0)
  const tooMuch = () => {
    response.destroy()
    return new Error(`the server sent more than ${most} bytes`)
  }
  if (announced > most) throw tooMuch()
  // One allocation where the length is known: chunks are large and come often.
  const whole = announced > 0 ? Buffer.allocUnsafeSlow(announced) : undefined
  const pieces: Buffer[] = []
  let length = 0
  for await (const piece of response as AsyncIterable<Buffer>) {
    if (length + piece.length > (whole?.length ?? most)) throw tooMuch()
    if (whole) piece.copy(whole, length)
    else pieces.push(piece)
    length += piece.length
  }
  if (whole && length !== whole.length) throw new Error('the answer broke off')
  return {
    status: response.statusCode ?? 0,
    header: (name) => String(response.headers[name] ?? ''),
    body: whole ?? Buffer.concat(pieces, length),
  }
}

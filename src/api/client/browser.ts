import { ApiProblem, unreachable } from './problem.ts'
import type { Transport, TransportRequest, TransportResponse, Upload } from './transport.ts'

/** The part of `XMLHttpRequest` used here: it alone tells a page how much of an upload has left. */
interface Xhr {
  upload: { onprogress: ((event: { loaded: number }) => void) | null }
  onload: (() => void) | null
  onerror: (() => void) | null
  onabort: (() => void) | null
  readonly status: number
  readonly responseText: string
  open(method: string, url: string): void
  setRequestHeader(name: string, value: string): void
  getResponseHeader(name: string): string | null
  send(body: Blob | Uint8Array): void
  abort(): void
}

/** Calls the server this page came from, with its session cookie. The header proves that a script of ours asks, not a foreign form. */
export const browserTransport: Transport = (request) => {
  const headers = { ...request.headers, 'x-reveille-csrf': '1' }
  const { body } = request
  return body !== undefined && typeof body !== 'string'
    ? upload({ ...request, headers }, body)
    : exchange({ ...request, headers }, body)
}

async function exchange(request: TransportRequest, body: string | undefined): Promise<TransportResponse> {
  const ended = new AbortController()
  const signal = request.signal ? AbortSignal.any([request.signal, ended.signal]) : ended.signal
  const init = { method: request.method, headers: request.headers, credentials: 'same-origin', signal } as const
  const response = await fetch(request.path, body === undefined ? init : { ...init, body }).catch((cause: unknown) => {
    throw request.signal?.aborted ? cause : unreachable('the server', cause)
  })
  return {
    status: response.status,
    header: (name) => response.headers.get(name) ?? undefined,
    body: chunks(response),
    cancel: () => ended.abort(),
  }
}

/** Not every browser can iterate a stream, but every one has its reader. */
async function* chunks(response: Response): AsyncGenerator<Uint8Array> {
  const reader = response.body?.getReader()
  if (!reader) return
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      yield value
    }
  } finally {
    await reader.cancel().catch(() => undefined)
  }
}

function upload(request: TransportRequest, { content, onProgress }: Upload): Promise<TransportResponse> {
  if (!(content instanceof Blob || content instanceof Uint8Array))
    throw new TypeError('a browser uploads a Blob or bytes, not a stream')
  const xhr = new (globalThis as unknown as { XMLHttpRequest: new () => Xhr }).XMLHttpRequest()
  return new Promise((resolve, reject) => {
    xhr.open(request.method, request.path)
    for (const [name, value] of Object.entries(request.headers)) xhr.setRequestHeader(name, value)
    xhr.upload.onprogress = ({ loaded }) => onProgress?.(loaded)
    xhr.onload = () =>
      resolve({
        status: xhr.status,
        header: (name) => xhr.getResponseHeader(name) ?? undefined,
        body: one(new TextEncoder().encode(xhr.responseText)),
        cancel: () => undefined,
      })
    xhr.onerror = () => reject(unreachable('the server', new Error('the upload broke off')))
    xhr.onabort = () =>
      reject(
        new ApiProblem({ status: 0, code: 'cancelled', detail: 'the upload was cancelled; nothing of it was kept' }),
      )
    request.signal?.addEventListener('abort', () => xhr.abort())
    xhr.send(content)
  })
}

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

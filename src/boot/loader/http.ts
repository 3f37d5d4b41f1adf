import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FileRole } from '../../images/image.ts'
import type { Log } from '../../kit/log.ts'
import { decideRange, noneMatchHits } from '../../protocols/http/range.ts'
import type { TraceKind } from '../../traces/kinds.ts'
import type { TraceRecorder } from '../../traces/trace.ts'
import type { BootHandler, BootTarget } from '../http.ts'
import { BOOT_PATHS } from '../paths.ts'
import type { FindFile } from './file.ts'
import { ProgramCache } from './program-cache.ts'
import { type Sent, sendFile } from './send-file.ts'
import { sendText } from './target.ts'

export type LoaderHttpDependencies = Readonly<{
  find: FindFile
  blobs: Readonly<{
    stat(sha256: string): Promise<Readonly<{ bytes: number }> | undefined>
    path(sha256: string): Promise<string | undefined>
  }>
  /** Which image a blob belongs to. A blob of no image is not given away: knowing a hash proves nothing. */
  describe(sha256: string): Readonly<{ image: string; role: FileRole }> | undefined
  trace: Pick<TraceRecorder, 'record'>
  log: Log
}>

const PROGRAM = BOOT_PATHS.program('')
const BLOB = '/boot/blob/'

type Asked = Readonly<{ request: IncomingMessage; response: ServerResponse; target: BootTarget; startedAt: number }>

/** What is to be sent: its size, its SHA-256, and how to send a part of it. */
type Found = Readonly<{
  size: number
  sha256: string
  send(part: { start: number; length: number }): Promise<Sent>
}>

/** Answers `/boot/program/NAME` and `/boot/blob/SHA256/NAME` to GET and HEAD, with Range, ETag and Content-Length. */
export function loaderHandler(dependencies: LoaderHttpDependencies): BootHandler {
  const programs = new ProgramCache()
  return (request, response, target) => {
    const isProgram = target.path.startsWith(PROGRAM)
    if (!isProgram && !target.path.startsWith(BLOB)) return false
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      sendText(request, response, 405, 'only GET and HEAD are answered here', { allow: 'GET, HEAD' })
      return true
    }
    const asked = { request, response, target, startedAt: performance.now() }
    const answer = isProgram ? serveProgram(dependencies, programs, asked) : serveBlob(dependencies, asked)
    answer.catch((error: unknown) => {
      dependencies.log.error({ path: target.path.slice(0, 200), error: String(error) }, 'a boot file could not be sent')
      if (response.headersSent) response.destroy()
      else sendText(request, response, 500, 'the file cannot be read; the log of the server says why')
    })
    return true
  }
}

async function serveProgram(dependencies: LoaderHttpDependencies, cache: ProgramCache, asked: Asked): Promise<void> {
  const { request, response, target } = asked
  const name = target.path.slice(PROGRAM.length)
  const file = dependencies.find(name, target.client)
  const program = file && (await cache.get(file))
  if (!program) {
    sendText(request, response, 404, `there is no boot program ${shown(name)}`)
    record(dependencies.trace, asked, 'http.program', { bytes: 0, complete: true }, { file: shown(name) })
    return
  }
  const { bytes, sha256 } = program
  const sent = await serveContent(asked, {
    size: bytes.length,
    sha256,
    send: ({ start, length }) => sendBytes(response, bytes.subarray(start, start + length)),
  })
  record(dependencies.trace, asked, 'http.program', sent, { file: name })
}

async function serveBlob(dependencies: LoaderHttpDependencies, asked: Asked): Promise<void> {
  const { request, response, target } = asked
  const [sha256 = '', name = ''] = target.path.slice(BLOB.length).split('/')
  const known = dependencies.describe(sha256)
  const [blob, path] = known ? [await dependencies.blobs.stat(sha256), await dependencies.blobs.path(sha256)] : []
  if (!known || !blob || path === undefined) {
    sendText(request, response, 404, 'no image has a file with this SHA-256')
    record(dependencies.trace, asked, 'http.blob', { bytes: 0, complete: true }, { file: shown(name) })
    return
  }
  const sent = await serveContent(asked, { size: blob.bytes, sha256, send: (part) => sendFile(response, path, part) })
  const detail = { file: shown(name), role: known.role, image: known.image }
  const { range } = request.headers
  record(
    dependencies.trace,
    asked,
    'http.blob',
    sent,
    range === undefined ? detail : { ...detail, range: shown(range) },
  )
}

async function serveContent({ request, response }: Asked, found: Found): Promise<Sent> {
  const etag = `"${found.sha256}"`
  const common = { etag, 'accept-ranges': 'bytes', 'cache-control': 'no-cache', 'x-content-type-options': 'nosniff' }
  if (noneMatchHits(request.headers['if-none-match'], etag)) {
    response.writeHead(304, common).end()
    return { bytes: 0, complete: true }
  }
  const ifRange = request.headers['if-range']
  const range = decideRange(
    { range: request.headers.range, ifRange: Array.isArray(ifRange) ? ifRange[0] : ifRange },
    { size: found.size, etag },
  )
  // RFC 9110 §14.2: Range means something for GET alone.
  const answer = request.method === 'HEAD' ? ({ status: 200 } as const) : range
  if (answer.status === 416) {
    sendText(request, response, 416, `the file has ${found.size} bytes`, {
      ...common,
      'content-range': `bytes */${found.size}`,
    })
    return { bytes: 0, complete: true }
  }
  const part =
    answer.status === 206
      ? { start: answer.start, length: answer.end - answer.start + 1 }
      : { start: 0, length: found.size }
  response.writeHead(answer.status, {
    ...common,
    'content-type': 'application/octet-stream',
    'content-length': part.length,
    ...(answer.status === 206 ? { 'content-range': `bytes ${answer.start}-${answer.end}/${found.size}` } : {}),
  })
  if (request.method === 'HEAD' || part.length === 0) {
    response.end()
    return { bytes: 0, complete: true }
  }
  return found.send(part)
}

function sendBytes(response: ServerResponse, bytes: Uint8Array): Promise<Sent> {
  return new Promise((resolve) => {
    const ended = () =>
      resolve({ bytes: response.writableFinished ? bytes.length : 0, complete: response.writableFinished })
    if (response.destroyed) return ended()
    response.once('close', ended)
    response.end(bytes)
  })
}

function record(
  trace: Pick<TraceRecorder, 'record'>,
  { request, response, target, startedAt }: Asked,
  kind: Extract<TraceKind, 'http.program' | 'http.blob'>,
  sent: Sent,
  detail: Readonly<Record<string, string>>,
): void {
  const { statusCode: status } = response
  const what = kind === 'http.program' ? `the boot program ${detail.file}` : `${detail.role ?? 'a file'} ${detail.file}`
  trace.record(
    { address: target.client },
    {
      stage: kind === 'http.program' ? 'loader' : 'fetch',
      kind,
      outcome: status >= 400 ? 'refused' : sent.complete ? 'ok' : 'failed',
      summary: `it asked for ${what} over HTTP (${request.method})`,
      reason: reasonOf(status, sent, request.method === 'HEAD'),
      detail: { ...detail, method: request.method ?? '', status, complete: sent.complete },
      bytes: sent.bytes,
      durationMs: Math.round((performance.now() - startedAt) * 10) / 10,
    },
  )
}

function reasonOf(status: number, sent: Sent, head: boolean): string {
  if (status === 404) return 'there is no such boot file'
  if (status === 416) return 'the range lies outside the file'
  if (status === 304) return 'it has the file already'
  if (head) return 'it asked only for the size'
  return sent.complete ? `all ${sent.bytes} bytes were sent` : `the connection broke off after ${sent.bytes} bytes`
}

function shown(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, 128)
}

import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, request as httpRequest, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { SILENT } from '../../kit/log.ts'
import type { TraceEvent } from '../../traces/trace.ts'
import { BOOT_PATHS } from '../paths.ts'
import { BOOT_PROGRAMS, CLIENT_ARCHITECTURES } from '../programs.ts'
import { loaderHandler } from './http.ts'
import { findProgram } from './programs.ts'
import { serveBoot } from './target.ts'

const program = randomBytes(74_213)
const blob = randomBytes(5_000_000)
const orphan = randomBytes(10)
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const etag = `"${sha256(blob)}"`
const blobPath = BOOT_PATHS.blob(sha256(blob), 'linux 6')

type Recorded = Omit<TraceEvent, 'at'> & { address: string | undefined }
const recorded: Recorded[] = []
let directory: string
let server: Server
let base: string

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'reveille-http-'))
  const files = new Map([
    [sha256(blob), blob],
    [sha256(orphan), orphan],
  ])
  for (const [hash, bytes] of files) await writeFile(join(directory, hash), bytes)
  await writeFile(join(directory, 'program'), program)
  // Every program the offer can advertise, on a machine that may lack Debian's packages.
  const find = findProgram(BOOT_PROGRAMS.map((each) => ({ ...each, path: join(directory, 'program') })))
  const loader = loaderHandler({
    find,
    blobs: {
      stat: async (hash) => (files.has(hash) ? { bytes: files.get(hash)!.length } : undefined),
      path: async (hash) => (files.has(hash) ? join(directory, hash) : undefined),
    },
    describe: (hash) => (hash === sha256(blob) ? { image: 'debian', role: 'kernel' } : undefined),
    trace: { record: (subject, event) => recorded.push({ ...event, address: subject.address }) },
    log: SILENT,
  })
  server = createServer(serveBoot({ handlers: [loader], log: SILENT }))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  await rm(directory, { recursive: true })
})
beforeEach(() => recorded.splice(0))

const get = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
  fetch(base + path, { headers, method })
const bytesOf = async (response: Response) => Buffer.from(await response.arrayBuffer())
/** Events are recorded when the response is over, which a client may see a moment earlier. */
const event = () => expect.poll(() => recorded[0], { timeout: 2000 })

test('every program that the offer can advertise is served, GET and HEAD', async () => {
  const advertised = CLIENT_ARCHITECTURES.flatMap((each) => (each.program === null ? [] : [each.program]))
  expect(advertised.length).toBeGreaterThan(0)
  for (const name of advertised) {
    const head = await get(BOOT_PATHS.program(name), { 'user-agent': 'UefiHttpBoot/1.0' }, 'HEAD')
    expect([head.status, head.headers.get('content-length')]).toEqual([200, String(program.length)])
    expect((await bytesOf(head)).length).toBe(0)
    const response = await get(BOOT_PATHS.program(name).replace('/program/', '/program//'))
    expect(response.headers.get('etag')).toBe(`"${sha256(program)}"`)
    expect((await bytesOf(response)).equals(program)).toBe(true)
  }
  await expect.poll(() => recorded.length).toBe(2 * advertised.length)
  expect(recorded[0]).toMatchObject({
    kind: 'http.program',
    stage: 'loader',
    bytes: 0,
    detail: { method: 'HEAD', complete: true },
  })
  expect(recorded[1]).toMatchObject({
    address: '127.0.0.1',
    outcome: 'ok',
    bytes: program.length,
    detail: { status: 200 },
  })
})

test('a blob of an image is served whole, with all that a client needs to go on later', async () => {
  const response = await get(blobPath)
  expect(Object.fromEntries(response.headers)).toMatchObject({
    'accept-ranges': 'bytes',
    etag,
    'content-length': '5000000',
  })
  expect((await bytesOf(response)).equals(blob)).toBe(true)
  await event().toMatchObject({
    kind: 'http.blob',
    stage: 'fetch',
    outcome: 'ok',
    bytes: 5_000_000,
    detail: { file: 'linux 6', role: 'kernel', image: 'debian', complete: true },
  })
})

test.each([
  ['bytes=0-99', 0, 100],
  ['bytes=1048570-1048580', 1_048_570, 11],
  ['bytes=4999990-', 4_999_990, 10],
  ['bytes=-3000000', 2_000_000, 3_000_000],
])('a part of it: %s', async (range, start, length) => {
  const response = await get(blobPath, { range, 'if-range': etag })
  expect(response.status).toBe(206)
  expect(response.headers.get('content-range')).toBe(`bytes ${start}-${start + length - 1}/5000000`)
  expect((await bytesOf(response)).equals(blob.subarray(start, start + length))).toBe(true)
  await event().toMatchObject({ bytes: length, detail: { status: 206, range } })
})

test('a range of another version gets the whole; one outside gets 416; HEAD ignores it; a known ETag gets 304', async () => {
  expect((await get(blobPath, { range: 'bytes=0-1', 'if-range': '"other"' })).status).toBe(200)
  const outside = await get(blobPath, { range: 'bytes=5000000-' })
  expect([outside.status, outside.headers.get('content-range')]).toEqual([416, 'bytes */5000000'])
  expect((await get(blobPath, { range: 'bytes=0-1' }, 'HEAD')).status).toBe(200)
  const known = await get(blobPath, { 'if-none-match': etag })
  expect([known.status, await known.text()]).toEqual([304, ''])
})

test('what is not there, not given away, not understood', async () => {
  for (const path of [
    '/boot/program/other.efi',
    '/boot/program/',
    BOOT_PATHS.blob(sha256(orphan), 'x'),
    '/boot/blob/x/y',
    '/boot/blob/',
    '/elsewhere',
  ]) {
    const response = await get(path)
    expect(response.status, path).toBe(404)
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8')
    expect((await response.text()).trim().length, path).toBeGreaterThan(10)
  }
  const post = await get(blobPath, {}, 'POST')
  expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
  expect((await get(`/boot/program/${'a'.repeat(3000)}`)).status).toBe(414)
})

test('a client that goes away in the middle is recorded as such, and others go on', async () => {
  await new Promise<void>((resolve, reject) => {
    const asked = httpRequest(base + blobPath, (response: IncomingMessage) => {
      response.once('data', () => response.destroy())
      response.once('close', resolve)
    })
    asked.on('error', reject)
    asked.end()
  })
  await event().toMatchObject({ outcome: 'failed', detail: { complete: false } })
  expect(recorded[0]!.bytes).toBeLessThan(blob.length)
  expect((await bytesOf(await get(blobPath))).equals(blob)).toBe(true)
})

import { createHash, createSecretKey, randomBytes } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { zstdCompressSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FakeDesk, FakeShelf } from '../../../test/fakes/install-desk.ts'
import { RecordedTraces } from '../../../test/fakes/traces.ts'
import { BootPass } from '../../api/contract/agent.ts'
import { ManualClock } from '../../kit/clock.ts'
import { SILENT } from '../../kit/log.ts'
import type { Mac } from '../../kit/mac.ts'
import { CHUNK_BYTES, encodeChunkList } from '../../protocols/chunks/list.ts'
import { sealGrant } from '../capability.ts'
import { BOOT_PATHS } from '../paths.ts'
import { proofOf, sessionOf } from './proof.ts'
import { AGENT_PREFIX, type InstallStage, serveInstall } from './serve.ts'

const KEY = new Uint8Array(32).fill(7)
const MAC = '52:54:00:12:34:56' as Mac
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const nonce = () => randomBytes(16).toString('hex')

let clock: ManualClock
let desk: FakeDesk
let shelf: FakeShelf
let traces: RecordedTraces
let server: Server | undefined
let stage: InstallStage
let base: string

/** The stage anew, as after a restart: only what the desk and the shelf keep, and the key, are what they were. */
async function start(): Promise<void> {
  await stop()
  stage = serveInstall({ desk, chunks: shelf, traces, key: KEY, shell: true, clock, log: SILENT })
  server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://boot')
    if (url.pathname.startsWith(AGENT_PREFIX)) stage.answer(request, response)
    else {
      const target = { path: decodeURIComponent(url.pathname), query: url.searchParams, client: '10.0.0.9', base }
      if (!stage.pass(request, response, target)) response.writeHead(404).end()
    }
  })
  await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve))
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function stop(): Promise<void> {
  server?.closeAllConnections()
  await new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined)))
}

beforeEach(async () => {
  clock = new ManualClock()
  desk = new FakeDesk()
  shelf = new FakeShelf()
  traces = new RecordedTraces()
  await start()
})
afterEach(stop)

const word = (more: { boot?: string; expiresAt?: number } = {}) =>
  sealGrant(
    {
      use: 'agent',
      machine: 'm_1',
      mac: MAC,
      profile: 'd_1',
      once: more.boot ?? 'b_1',
      expiresAt: more.expiresAt ?? clock.now() + 1000,
    },
    createSecretKey(KEY),
  )

async function fetchPass(boot = 'b_1'): Promise<BootPass> {
  const response = await fetch(base + BOOT_PATHS.agentPass(word({ boot })))
  expect(response.status).toBe(200)
  const text = await response.text()
  return BootPass.parse(JSON.parse(text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1)))
}

async function ask(
  path: string,
  options: {
    session?: string
    method?: string
    body?: string | Buffer<ArrayBuffer>
    headers?: Record<string, string>
  } = {},
) {
  const { session, method = 'POST', body, headers } = options
  const response = await fetch(base + AGENT_PREFIX + path, {
    method,
    headers: { ...(session === undefined ? {} : { authorization: `Bearer ${session}` }), ...headers },
    ...(method === 'GET' ? {} : { body: body ?? '{}' }),
  })
  const bytes = Buffer.from(await response.arrayBuffer())
  const json = () => JSON.parse(bytes.toString()) as Record<string, unknown>
  return { status: response.status, bytes, json, headers: response.headers }
}

async function login(pass: BootPass, mine = nonce()): Promise<string> {
  const answer = await ask('hello', { body: JSON.stringify({ boot: pass.boot, nonce: mine, version: '1' }) })
  expect(answer.status).toBe(200)
  const { serverNonce, proof, machine } = answer.json() as { serverNonce: string; proof: string; machine: string }
  expect(proof).toBe(proofOf(pass.secret, mine, serverNonce))
  expect(machine).toBe('web')
  return sessionOf(pass.boot, pass.secret, mine, serverNonce)
}

describe('the pass', () => {
  test('is an initrd with the secret, once; a replayed word is refused and told in log and trace', async () => {
    const path = base + BOOT_PATHS.agentPass(word())
    const first = await fetch(path)
    expect([first.status, first.headers.get('cache-control')]).toEqual([200, 'no-store'])
    const archive = Buffer.from(await first.arrayBuffer())
    expect(archive.length % 4).toBe(0)
    expect(archive.subarray(0, 6).toString()).toBe('070701')
    expect(archive.toString()).toContain('reveille/boot.json\0')
    await start()
    const again = await fetch(base + BOOT_PATHS.agentPass(word()))
    expect(again.status).toBe(403)
    expect(await again.text()).toContain('used before')
    expect(desk.remarks).toEqual([expect.stringContaining('asked for again by 10.0.0.9')])
    expect(traces.events.map(({ kind, outcome }) => [kind, outcome])).toEqual([
      ['agent.pass', 'ok'],
      ['agent.refused', 'refused'],
    ])
    expect(JSON.stringify([traces.events, desk.remarks])).not.toContain('agent~')
  })

  test('looking at its size does not use it up, and forged and expired words get nothing', async () => {
    const path = base + BOOT_PATHS.agentPass(word())
    expect((await fetch(path, { method: 'HEAD' })).status).toBe(405)
    expect((await fetch(path.replace('m_1', 'm_2'))).status).toBe(403)
    expect((await fetch(base + BOOT_PATHS.agentPass(word({ expiresAt: clock.now() })))).status).toBe(403)
    expect(desk.boots.size).toBe(0)
    expect((await fetch(path)).status).toBe(200)
  })

  test('is the same over TFTP, once over both, and what is no pass is left to others', async () => {
    const name = BOOT_PATHS.agentPass(word()).slice(1)
    const found = await stage.passFile(name, '10.0.0.9', 'http://10.0.0.1:8080')
    expect(found?.told).toBe('nothing')
    expect(Buffer.from(found?.bytes ?? []).toString()).toContain('"server":"http://10.0.0.1:8080"')
    expect(await stage.passFile(name, '10.0.0.9', 'http://10.0.0.1:8080')).toBeUndefined()
    expect((await fetch(`${base}/${name}`)).status).toBe(403)
    expect(await stage.passFile(name.replace('m_1', 'm_2'), '10.0.0.8', base)).toBeUndefined()
    expect(stage.passFile('debian/shimx64.efi', '10.0.0.9', base)).toBeUndefined()
    expect(JSON.stringify([traces.events, desk.remarks])).not.toContain('agent~')
  })
})

describe('hello', () => {
  test('proves the server, and again after a restart with the same nonce gives the same session', async () => {
    const pass = await fetchPass()
    const mine = nonce()
    const session = await login(pass, mine)
    await start()
    expect((await ask('next', { session })).status).toBe(200)
    expect(await login(pass, mine)).toBe(session)
  })

  test('of a second agent with the same pass is refused, told once in the log, and takes nothing from the first', async () => {
    const pass = await fetchPass()
    const session = await login(pass)
    for (let i = 0; i < 2; i++) {
      const second = await ask('hello', { body: JSON.stringify({ boot: pass.boot, nonce: nonce(), version: '1' }) })
      expect(second.json()).toMatchObject({ status: 401, code: 'wrong-credentials' })
    }
    expect(desk.remarks).toEqual([expect.stringContaining('said hello before')])
    expect((await ask('next', { session })).status).toBe(200)
  })

  test('for no boot, or in a wrong shape, is refused', async () => {
    expect((await ask('hello', { body: JSON.stringify({ boot: 'b_9', nonce: nonce(), version: '1' }) })).status).toBe(
      401,
    )
    for (const body of ['', '{', '[]', JSON.stringify({ boot: 'b_1', nonce: 'x', version: '1' }), '"x"'])
      expect((await ask('hello', { body })).status).toBe(400)
    expect((await ask('hello', { body: 'x'.repeat(5000) })).status).toBe(413)
    expect((await ask('hello', { method: 'PUT' })).headers.get('allow')).toBe('POST')
  })
})

describe('sessions', () => {
  test('a wrong one is refused and told; one whose boot is over is told to restart', async () => {
    const pass = await fetchPass()
    const session = await login(pass)
    const wrong = `${session.slice(0, -1)}${session.endsWith('0') ? '1' : '0'}`
    expect((await ask('next', { session: wrong })).json()).toMatchObject({ code: 'wrong-credentials' })
    expect(desk.remarks).toEqual([expect.stringContaining('wrong session')])
    for (const odd of ['', 'x', 'b_1.', `b_1.${'0'.repeat(64)}`, 'y'.repeat(1000)])
      expect((await ask('next', { session: odd })).status).toBe(401)
    await fetchPass('b_2')
    expect((await ask('next', { session })).json()).toMatchObject({
      code: 'wrong-credentials',
      next: 'restart the machine',
    })
  })

  test('strangers are slowed down and cost no memory', async () => {
    const statuses = []
    for (let i = 0; i < 30; i++) statuses.push((await ask('next', { session: `b_${i}.x` })).status)
    expect(statuses.filter((status) => status === 429).length).toBe(10)
    clock.advance(1000)
    expect((await ask('next', { session: 'b_1.x' })).status).toBe(401)
  })
})

describe('tasks', () => {
  test('next, progress and result are recorded once each, also when told twice, with traces that people understand', async () => {
    const session = await login(await fetchPass())
    desk.tasks = [{ id: 'd_1.1', task: { kind: 'script', script: 'true', timeoutSeconds: 1 } }]
    for (let i = 0; i < 2; i++)
      expect((await ask('next', { session })).json()).toMatchObject({ do: 'task', id: 'd_1.1' })
    const progress = { phase: 'running', doneBytes: 0, totalBytes: 0, fetchedBytes: 0, writtenBytes: 0, dirty: false }
    const told = await ask('tasks/d_1.1/progress', { session, body: JSON.stringify(progress) })
    expect(told.json()).toEqual({ stop: false, shell: false })
    const unknown = await ask('tasks/d_1.9/progress', { session, body: JSON.stringify(progress) })
    expect(unknown.json()).toMatchObject({ status: 404, code: 'not-found' })
    const result = { ok: true, summary: 'it ran', clean: true, detail: { code: 0 } }
    for (let i = 0; i < 2; i++) {
      const answer = await ask('tasks/d_1.1/result', { session, body: JSON.stringify(result) })
      expect([answer.status, answer.bytes.length]).toEqual([204, 0])
    }
    expect([...desk.results]).toEqual([['d_1.1', result]])
    expect((await ask('next', { session })).json()).toMatchObject({ do: 'wait' })
    expect(traces.events.map(({ kind }) => kind)).toEqual([
      'agent.pass',
      'agent.hello',
      'agent.task',
      'agent.result',
      'agent.wait',
    ])
    expect(traces.events[2]).toMatchObject({ mac: MAC, stage: 'install', reason: 'it is to run a script' })
  })

  test('log lines arrive; what is not of its shape or too much is refused', async () => {
    const session = await login(await fetchPass())
    const lines = [{ at: 1, level: 'info', text: 'hello' }]
    expect((await ask('log', { session, body: JSON.stringify({ lines }) })).status).toBe(204)
    expect(desk.lines).toEqual(lines)
    const many = JSON.stringify({ lines: Array.from({ length: 501 }, () => lines[0]) })
    expect((await ask('log', { session, body: many })).status).toBe(400)
    expect((await ask('log', { session, body: `"${'x'.repeat(4 * 1024 * 1024)}"` })).status).toBe(413)
    expect((await ask('nothing', { session })).status).toBe(404)
    expect((await ask('tasks/d_1.1/erase', { session })).status).toBe(404)
  })
})

describe('chunks', () => {
  const raw = Buffer.alloc(CHUNK_BYTES, 'reveille ')
  const chunk = sha256(raw)
  const list = encodeChunkList({ bytes: CHUNK_BYTES, chunks: [chunk] })
  const other = 'f'.repeat(64)

  test('are given as they are kept, and only those of this deployment', async () => {
    const session = await login(await fetchPass())
    const frame = zstdCompressSync(raw)
    shelf.chunks.set(chunk, { encoding: 'zstd', payload: frame })
    shelf.chunks.set(other, { encoding: 'identity', payload: raw })
    shelf.lists.set(sha256(list), Buffer.from(list))
    expect((await ask(`chunks/${chunk}`, { session, method: 'GET' })).status).toBe(404)
    desk.allowed = ['e'.repeat(64), sha256(list)]
    const given = await ask(`chunks/${chunk}`, { session, method: 'GET' })
    expect([given.status, given.headers.get('x-chunk-encoding')]).toEqual([200, 'zstd'])
    expect(given.bytes.equals(frame)).toBe(true)
    expect((await ask(`chunks/${other}`, { session, method: 'GET' })).json()).toMatchObject({ code: 'not-found' })
    expect((await ask(`chunk-lists/${sha256(list)}`, { session, method: 'GET' })).bytes.equals(list)).toBe(true)
    expect((await ask(`chunk-lists/${other}`, { session, method: 'GET' })).status).toBe(404)
    expect((await ask(`chunks/${chunk}`, { method: 'GET' })).status).toBe(401)
    shelf.corrupt.add(chunk)
    expect((await ask(`chunks/${chunk}`, { session, method: 'GET' })).json()).toMatchObject({
      status: 500,
      code: 'corrupt',
    })
  })

  test('many at once over few connections all arrive whole', async () => {
    const session = await login(await fetchPass())
    const hashes = Array.from({ length: 100 }, (_, i) => sha256(Buffer.from([i])))
    for (const hash of hashes) shelf.chunks.set(hash, { encoding: 'identity', payload: Buffer.from(hash) })
    const many = encodeChunkList({ bytes: CHUNK_BYTES * 100, chunks: hashes })
    shelf.lists.set(sha256(many), many)
    desk.allowed = [sha256(many)]
    const got = await Promise.all(hashes.map((hash) => ask(`chunks/${hash}`, { session, method: 'GET' })))
    expect(got.map(({ bytes }) => bytes.toString())).toEqual(hashes)
  })

  test('are taken only while a capture runs, and bounded', async () => {
    const session = await login(await fetchPass())
    const put = (hash: string, body: Buffer<ArrayBuffer>, encoding = 'identity') =>
      ask(`chunks/${hash}`, { session, method: 'PUT', body, headers: { 'x-chunk-encoding': encoding } })
    expect((await put(chunk, raw)).json()).toMatchObject({ code: 'wrong-state' })
    expect((await ask('chunks/missing', { session, body: JSON.stringify({ chunks: [chunk] }) })).status).toBe(409)
    desk.capturing = true
    const missing = await ask('chunks/missing', { session, body: JSON.stringify({ chunks: [chunk] }) })
    expect(missing.json()).toEqual({ missing: [chunk] })
    expect((await ask(`chunk-lists/${sha256(list)}`, { session, method: 'PUT', body: Buffer.from(list) })).status).toBe(
      404,
    )
    expect((await put(chunk, raw)).json()).toEqual({ added: true })
    expect((await put(chunk, raw)).json()).toEqual({ added: false })
    expect((await put(chunk, raw, 'gzip')).status).toBe(400)
    expect((await put(other, Buffer.alloc(CHUNK_BYTES + 65 * 1024))).status).toBe(413)
    expect((await ask(`chunk-lists/${sha256(list)}`, { session, method: 'PUT', body: Buffer.from(list) })).status).toBe(
      200,
    )
    expect(shelf.lists.has(sha256(list))).toBe(true)
  })

  test('a machine switched off in the middle of a chunk leaves nothing behind', async () => {
    const session = await login(await fetchPass())
    desk.capturing = true
    const { port } = server!.address() as AddressInfo
    for (let i = 0; i < 30; i++) {
      const socket = connect(port, '127.0.0.1')
      const head = `PUT ${AGENT_PREFIX}chunks/${other} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${session}\r\nx-chunk-encoding: identity\r\ncontent-length: 1000\r\n\r\n`
      await new Promise<void>((resolve) => socket.write(`${head}half`, () => resolve()))
      socket.destroy()
    }
    const answer = await ask(`chunks/${chunk}`, {
      session,
      method: 'PUT',
      body: raw,
      headers: { 'x-chunk-encoding': 'identity' },
    })
    expect(answer.json()).toEqual({ added: true })
    expect([...shelf.chunks.keys()]).toEqual([chunk])
  })
})

import { createHash, createSecretKey } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { expect, test } from 'vitest'
import { isSame, readBearer, readQuestion } from '../../src/boot/install/decide.ts'
import { secretOf, sessionOf } from '../../src/boot/install/proof.ts'
import { AGENT_PREFIX, serveInstall } from '../../src/boot/install/serve.ts'
import { SILENT } from '../../src/kit/log.ts'
import { encodeChunkList } from '../../src/protocols/chunks/list.ts'
import { FakeDesk, FakeShelf } from '../fakes/install-desk.ts'
import { RecordedTraces } from '../fakes/traces.ts'
import { fuzzCount, fuzzSeed, Mutator } from './mutator.ts'

const KEY = new Uint8Array(32).fill(7)
const NONCE = '0'.repeat(32)
const SHA = 'ab'.repeat(32)
const latin1 = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1')
const text = (value: string) => new TextEncoder().encode(value)

test('paths and sessions: whatever is asked, nothing is thrown and nothing passes for what it is not', () => {
  const mutator = new Mutator(fuzzSeed('agent paths'))
  const paths = ['hello', 'next', 'tasks/d_1.0/progress', `chunks/${SHA}`, 'chunks/missing', `chunk-lists/${SHA}`].map(
    text,
  )
  const session = sessionOf('b_1', secretOf('b_1', createSecretKey(KEY)), NONCE, NONCE)
  for (let i = 0; i < fuzzCount(); i++) {
    const question = readQuestion(
      mutator.pick(['GET', 'PUT', 'POST', 'DELETE']),
      latin1(mutator.mutate(mutator.pick(paths))),
    )
    if (question && 'sha256' in question) expect(question.sha256).toMatch(/^[0-9a-f]{64}$/)
    if (question && 'task' in question) expect(question.task).toMatch(/^[A-Za-z0-9._-]{1,64}$/)
    const header = latin1(mutator.mutate(text(`Bearer ${session}`)))
    const shown = readBearer(header)
    if (shown && header !== `Bearer ${session}`) expect(isSame(shown.session, session)).toBe(false)
  }
})

const PROGRESS = { phase: 'writing', doneBytes: 1, totalBytes: 2, fetchedBytes: 3, writtenBytes: 4, dirty: true }
const INVENTORY = {
  ...{ firmware: 'bios', secureBoot: null, memoryBytes: 1, nics: [], disks: [], ipmi: false, bootEntries: [] },
  smbios: {
    manufacturer: null,
    product: null,
    serial: null,
    uuid: null,
    biosVersion: null,
    biosDate: null,
    board: null,
  },
  cpu: { model: 'x', sockets: 1, cores: 1, threads: 1, architecture: 'x86_64' },
}
const LIST = encodeChunkList({ bytes: 5, chunks: [null] })
const LIST_SHA = createHash('sha256').update(LIST).digest('hex')
const QUESTIONS: readonly (readonly [string, string, Uint8Array])[] = [
  ['POST', 'hello', text(JSON.stringify({ boot: 'b_1', nonce: NONCE, version: '1' }))],
  ['POST', 'inventory', text(JSON.stringify(INVENTORY))],
  ['POST', 'next', text('{}')],
  ['POST', 'tasks/d_1.0/progress', text(JSON.stringify(PROGRESS))],
  ['POST', 'tasks/d_1.0/result', text(JSON.stringify({ ok: true, summary: 'x', clean: true, detail: { a: [1] } }))],
  ['POST', 'log', text(JSON.stringify({ lines: [{ at: 1, level: 'info', text: 'x' }] }))],
  ['POST', 'chunks/missing', text(JSON.stringify({ chunks: [SHA] }))],
  ['PUT', `chunk-lists/${LIST_SHA}`, LIST],
]

test('bodies: a server under damaged questions answers each or closes, never fails, and goes on', async () => {
  const mutator = new Mutator(fuzzSeed('agent bodies'))
  const desk = new FakeDesk()
  desk.tasks = [{ id: 'd_1.0', task: { kind: 'inventory' } }]
  desk.capturing = true
  await desk.takeBoot({ id: 'b_1', machine: 'm_1', deployment: 'd_1', expiresAt: Number.MAX_SAFE_INTEGER })
  await desk.greet('b_1', { nonce: NONCE }, NONCE)
  const failures: unknown[] = []
  const log = { ...SILENT, error: (fields: unknown) => void failures.push(fields) }
  let now = 0
  const stage = serveInstall({
    desk,
    chunks: new FakeShelf(),
    traces: new RecordedTraces(),
    key: KEY,
    shell: true,
    // A second for each question, or the limit of questions would be all that is tried.
    clock: { now: () => (now += 1000) },
    log,
  })
  const server = createServer((request, response) => {
    if (request.url?.startsWith(AGENT_PREFIX)) stage.answer(request, response)
    else response.writeHead(404).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const session = sessionOf('b_1', secretOf('b_1', createSecretKey(KEY)), NONCE, NONCE)
  const codes = new Map<number, number>()
  const ask = async (method: string, path: string, body: Uint8Array) => {
    const socket = connect(port, '127.0.0.1')
    let answer = ''
    socket.on('data', (bytes) => {
      answer += bytes.toString('latin1')
    })
    socket.on('error', () => undefined)
    const head = `${method} ${AGENT_PREFIX}${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer ${session}\r\ncontent-length: ${body.length}\r\n\r\n`
    socket.write(head)
    socket.end(body)
    await once(socket, 'close')
    const code = Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1] ?? 0)
    codes.set(code, (codes.get(code) ?? 0) + 1)
    return code
  }
  for (let i = 0; i < fuzzCount() / 20; i++) {
    const [method, path, body] = mutator.pick(QUESTIONS)
    const code = await ask(method, path, mutator.mutate(body))
    expect([200, 204, 400, 401, 404, 409, 413]).toContain(code)
  }
  expect(failures).toEqual([])
  for (const [method, path, body] of QUESTIONS)
    expect({ path, code: await ask(method, path, body) }).not.toMatchObject({ code: 400 })
  expect(codes.get(400)).toBeGreaterThan(0)
  server.close()
})

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import websocket from '@fastify/websocket'
import Fastify from 'fastify'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { NO_LOCAL, runCli } from '../../test/fakes/terminal.ts'
import type { Target } from '../api/client/node.ts'
import { CONSOLE_PATH as CONTRACT_PATH } from '../api/contract/consoles.ts'
import { attachConsole, CONSOLE_PATH, untilEscape } from './console.ts'
import { openWebSocket } from './websocket.ts'

const folder = mkdtempSync(join(tmpdir(), 'reveille-ws-'))
const stops: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** A console that greets, echoes in capitals, and ends at "bye". */
async function server(where: { path: string } | { port: 0; host: string }) {
  const app = Fastify()
  await app.register(websocket)
  app.get('/api/v1/machines/:machine/console', { websocket: true }, (socket, request) => {
    const { machine } = request.params as { machine: string }
    socket.send(Buffer.from(`${machine} ${request.headers.authorization ?? 'no token'}\r\n`))
    socket.on('message', (data: Buffer) => {
      const text = data.toString()
      if (text === 'bye') socket.close(4001, 'it went away')
      else socket.send(Buffer.from(text.toUpperCase()))
    })
  })
  await app.listen(where)
  stops.push(() => app.close())
  const address = app.server.address()
  return typeof address === 'object' && address ? `http://127.0.0.1:${address.port}` : ''
}

const context = (target: Target) => ({
  terminal: { out() {}, err() {}, columns: undefined, colour: false, progress: false, secret: async () => '' },
  clock: { now: () => 0 },
  environment: {},
  cwd: '/',
  target: async () => target,
  client: () => Promise.reject(new Error('not asked')),
  local: NO_LOCAL,
  interrupted: new AbortController().signal,
})

/** Types one thing after each thing that is read. */
async function session(target: Target, typed: string[]): Promise<string> {
  let seen = ''
  let type: (bytes: Uint8Array) => void = () => {}
  await attachConsole(context(target), 'web1', {
    keyboard: {
      listen(onBytes) {
        type = onBytes
        return () => {}
      },
    },
    write(bytes) {
      seen += Buffer.from(bytes).toString()
      const next = typed.shift()
      if (next !== undefined) setImmediate(() => type(Buffer.from(next)))
    },
  })
  return seen
}

describe('the console', () => {
  test('goes through the control socket, both ways, until Ctrl-]', async () => {
    const path = join(folder, 'control.sock')
    await server({ path })
    expect(await session({ socket: path }, ['hello', '\u001d'])).toBe('web1 no token\r\nHELLO')
  })

  test('sends the token over TCP, and frames of more than 64 KiB', async () => {
    const url = await server({ port: 0, host: '127.0.0.1' })
    const long = 'x'.repeat(70_000)
    expect(await session({ url, token: 'rv_t' }, [long, '\u001d'])).toBe(`web1 Bearer rv_t\r\n${long.toUpperCase()}`)
  })

  test('an end that the server chose is told with its reason', async () => {
    const url = await server({ port: 0, host: '127.0.0.1' })
    await expect(session({ url }, ['bye'])).rejects.toThrow('The console of web1 ended: it went away.')
  })

  test('a server that refuses the upgrade is quoted', async () => {
    const url = await server({ port: 0, host: '127.0.0.1' })
    await expect(openWebSocket({ url }, '/nothing/here', { onBytes() {}, onEnd() {} })).rejects.toMatchObject({
      status: 404,
    })
  })

  test('nobody there is told as such', async () => {
    await expect(
      openWebSocket({ socket: join(folder, 'none') }, '/x', { onBytes() {}, onEnd() {} }),
    ).rejects.toMatchObject({ code: 'unreachable' })
  })

  test('has the path of the contract', () => expect(CONSOLE_PATH).toBe(CONTRACT_PATH))

  test('keys before Ctrl-] still reach the machine', () => {
    expect(untilEscape(Uint8Array.of(1, 2, 0x1d, 3))).toEqual({ bytes: Uint8Array.of(1, 2), leave: true })
    expect(untilEscape(Uint8Array.of(1))).toEqual({ bytes: Uint8Array.of(1), leave: false })
  })

  test('--log prints what was recorded', async () => {
    const { fakeApi } = await import('../../test/fakes/api.ts')
    const { transport } = fakeApi({ consoleLog: () => Buffer.from('login: ') })
    expect((await runCli(['console', 'web1', '--log'], transport)).out).toBe('login: ')
  })
})

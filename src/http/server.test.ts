import { once } from 'node:events'
import type { RequestListener } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { boundedServer, CONNECTION_LIMITS, type Upgrades } from './server.ts'

const ends: (() => void)[] = []
afterEach(() => {
  for (const end of ends.splice(0)) end()
})

async function serve(limits: Partial<typeof CONNECTION_LIMITS>, answer: RequestListener = ok, upgrades?: Upgrades) {
  const server = boundedServer(answer, upgrades, { ...CONNECTION_LIMITS, ...limits })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  ends.push(() => server.close().closeAllConnections())
  return { port: (server.address() as AddressInfo).port }
}

const ok: RequestListener = (request, response) => {
  request.resume().on('end', () => response.end('fine'))
}

/** A connection, and all it has heard when it ends. */
function open(port: number, text = ''): { socket: Socket; heard: Promise<string> } {
  const socket = connect(port, '127.0.0.1', () => text && socket.write(text))
  let bytes = ''
  socket.on('data', (data) => {
    bytes += data
  })
  const heard = new Promise<string>((resolve) => {
    socket.on('error', () => undefined).on('close', () => resolve(bytes))
  })
  ends.push(() => socket.destroy())
  return { socket, heard }
}

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n'

test('who sends nothing, or headers without end, is let go', async () => {
  const { port } = await serve({ headersMs: 100 })
  const silent = open(port)
  const slow = open(port, GET)
  const dripping = setInterval(() => slow.socket.writable && slow.socket.write('X-More: 1\r\n'), 20)
  ends.push(() => clearInterval(dripping))
  expect(await silent.heard).toMatch(/^HTTP\/1.1 408/)
  expect(await slow.heard).toMatch(/^HTTP\/1.1 408/)
})

test('a body takes as long as it keeps coming, and ends when it stalls', async () => {
  const { port } = await serve({ headersMs: 50, silenceMs: 150 })
  const steady = open(port, 'PUT / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 20\r\n\r\n')
  let sent = 0
  const dripping = setInterval(() => (sent++ < 20 ? steady.socket.write('.') : clearInterval(dripping)), 20)
  ends.push(() => clearInterval(dripping))
  const stalled = open(port, 'PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\nhalf')
  expect(await steady.heard).toMatch(/^HTTP\/1.1 200 OK[\s\S]*fine$/)
  expect(await stalled.heard).toBe('')
})

test('no address holds more connections than its share, and gets it back', async () => {
  const { port } = await serve({ perAddress: 3 })
  const held = [open(port), open(port), open(port)]
  for (const { socket } of held) await once(socket, 'connect')
  expect(await open(port, `${GET}Connection: close\r\n\r\n`).heard).toBe('')
  held[0]?.socket.destroy()
  await held[0]?.heard
  await expect
    .poll(() => open(port, `${GET}Connection: close\r\n\r\n`).heard, { timeout: 2000 })
    .toMatch(/^HTTP\/1.1 200/)
})

test('an upgrade that nobody wants is answered as if it were not asked for', async () => {
  const upgrades: Upgrades = {
    wanted: ({ url }) => url === '/console',
    take: (_request, socket) => socket.end('HTTP/1.1 101 Switching Protocols\r\n\r\n'),
  }
  const { port } = await serve({}, ok, upgrades)
  const asking = (path: string, protocol: string) =>
    open(port, `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\nUpgrade: ${protocol}\r\n\r\n`).heard
  expect(await asking('/boot/start.ipxe', 'h2c')).toMatch(/^HTTP\/1.1 200/)
  expect(await asking('/console', 'websocket')).toMatch(/^HTTP\/1.1 101/)
})

test('no request is ended for the time it takes alone, which by default would be five minutes', () => {
  expect(boundedServer(ok).requestTimeout).toBe(0)
})

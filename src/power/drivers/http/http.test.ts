import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { type AddressInfo, createServer as createSocketServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { Secret } from '../../../kit/secret.ts'
import { MaybeDone } from '../../driver.ts'
import { DriverSettings } from '../../settings.ts'
import { fingerprintOf, MOST_ANSWER_BYTES } from './exchange.ts'
import { httpFactory, httpFactoryWithin } from './http.ts'
import { PRESETS } from './presets.ts'

const open: (() => void)[] = []
afterEach(() => {
  for (const close of open.splice(0)) close()
})

const TOKEN = 'tok-1234567890-abcdef'
const machine = { id: 'm', name: 'alpha', macs: ['52:54:00:00:00:01'], address: () => null }

async function listening(server: Server, scheme = 'http'): Promise<string> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  open.push(() => void server.close())
  return `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`
}

type Handler = (request: IncomingMessage, response: ServerResponse, count: number) => void

async function scripted(handler: Handler) {
  const requests: string[] = []
  const server = createServer((request, response) => {
    request.resume()
    requests.push(`${request.method} ${request.url}`)
    handler(request, response, requests.length)
  })
  open.push(() => server.closeAllConnections())
  return { url: await listening(server), requests }
}

/** A driver that can ask for a state and switch on. */
function driverAt(url: string, more: Record<string, unknown> = {}, factory = httpFactory) {
  const settings = DriverSettings.parse({
    kind: 'http',
    url,
    variables: { id: 'a/b' },
    state: { path: '/machines/{id}?token={token}', pointer: '/power', on: ['on', '1', 'true'], off: ['off'] },
    actions: { on: { method: 'POST', path: '/machines/{id}/on', body: '{"id":"{id}"}' } },
    ...more,
  })
  return factory(settings, { token: new Secret(TOKEN) }, machine)
}

const json = (response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}) => {
  response.writeHead(status, headers)
  response.end(JSON.stringify(body))
}

describe('a state', () => {
  test.each([
    ['on', 'on'],
    ['ON ', 'on'],
    [1, 'on'],
    [true, 'on'],
    ['off', 'off'],
    ['powering_on', 'unknown'],
    [null, 'unknown'],
    [{ on: true }, 'unknown'],
  ])('that is told as %j is %s', async (power, state) => {
    const { url } = await scripted((_, response) => json(response, 200, { power }))
    expect(await driverAt(url).state!()).toBe(state)
  })

  test('is the whole text where there is no pointer', async () => {
    const { url } = await scripted((_, response) => response.end('off\n'))
    expect(await driverAt(url, { state: { path: '/', on: ['on'], off: ['off'] } }).state!()).toBe('off')
  })

  test('is asked with values in their places', async () => {
    const { url, requests } = await scripted((_, response) => json(response, 200, { power: 'on' }))
    await driverAt(`${url}/api/`).state!()
    expect(requests).toEqual([`GET /api/machines/a%2Fb?token=${TOKEN}`])
  })
})

describe('a server that', () => {
  const refused = async (handler: Handler, more: Record<string, unknown> = {}) => {
    const { url, requests } = await scripted(handler)
    const error = await driverAt(url, more).state!().catch((caught: unknown) => caught)
    const text = JSON.stringify([(error as Error).message, error, (error as Error).stack])
    expect(text).not.toContain(TOKEN)
    return { error: error as Error & { code: string; next: string }, requests }
  }

  test.each([
    [500, 'not-available'],
    [502, 'not-available'],
    [429, 'not-available'],
    [401, 'wrong-credentials'],
    [403, 'wrong-credentials'],
    [404, 'wrong-state'],
    [409, 'wrong-state'],
    [422, 'wrong-state'],
    [304, 'not-available'],
  ])('answers %s is refused as %s', async (status, code) => {
    const { error, requests } = await refused((_, response) => json(response, status, { error: 'because' }))
    expect(error).toMatchObject({ code, next: expect.stringMatching(/./) })
    expect(error.message).toContain(`answered GET /machines/{id}?token={token} with ${status}`)
    expect(requests).toHaveLength(1)
  })

  test('says why is quoted, unless it says a secret back', async () => {
    const plain = await refused((_, response) => json(response, 422, { error: 'no\u001b[31m' }))
    expect(plain.error.message).toContain('with 422: {"error":"no\\u001b[31m"}')
    const told = await refused((request, response) => json(response, 422, { url: request.url }))
    expect(told.error.message).toMatch(/with 422$/)
  })

  test('is busy for a moment is asked once more, after the time it named', async () => {
    const { url, requests } = await scripted((_, response, count) =>
      count === 1 ? json(response, 429, {}, { 'retry-after': '0' }) : json(response, 200, { power: 'on' }),
    )
    expect(await driverAt(url).state!()).toBe('on')
    expect(requests).toHaveLength(2)
  })

  test('stays busy, or wants to be left alone for long, is not asked again', async () => {
    const always = await refused((_, response) => json(response, 503, {}, { 'retry-after': '0' }))
    expect(always.requests).toHaveLength(2)
    const long = await refused((_, response) => json(response, 429, {}, { 'retry-after': '3600' }))
    expect(long.requests).toHaveLength(1)
    expect(long.error.next).toBe('try again in 3600 seconds')
  })

  test('sends to another host gets nothing there; on the same host it is followed', async () => {
    const elsewhere = await scripted((_, response) => json(response, 200, { power: 'on' }))
    const away = await refused((_, response) => json(response, 302, {}, { location: `${elsewhere.url}/x` }))
    expect(away.error.message).toContain('sends the request elsewhere')
    expect(elsewhere.requests).toEqual([])
    const { url, requests } = await scripted((request, response) =>
      request.url === '/new' ? json(response, 200, { power: 'on' }) : json(response, 307, {}, { location: '/new' }),
    )
    expect(await driverAt(url).state!()).toBe('on')
    expect(requests).toHaveLength(2)
  })

  test('sends round in circles is given up', async () => {
    const { error, requests } = await refused((_, response) => json(response, 302, {}, { location: '/again' }))
    expect(error.code).toBe('not-available')
    expect(requests).toHaveLength(4)
  })

  test('sends an action elsewhere is refused, and nothing is done twice', async () => {
    const { url, requests } = await scripted((_, response) => json(response, 307, {}, { location: '/elsewhere' }))
    await expect(driverAt(url).perform('on')).rejects.toMatchObject({ code: 'not-available' })
    expect(requests).toEqual(['POST /machines/a%2Fb/on'])
  })

  test('answers without end is cut off', async () => {
    const { error } = await refused((_, response) => {
      const more = () => {
        while (response.write(Buffer.alloc(16_384, 'x')));
      }
      response.on('drain', more)
      more()
    })
    expect(error).toMatchObject({ code: 'not-available' })
    expect(error.message).toContain(`longer than ${MOST_ANSWER_BYTES} bytes`)
  })

  test('answers garbage is refused', async () => {
    const { error } = await refused((_, response) => response.end('<html>'))
    expect(error).toMatchObject({
      code: 'not-available',
      message: expect.stringContaining('does not answer with JSON'),
    })
    const raw = createSocketServer((socket) => {
      socket.on('error', () => undefined)
      socket.end('SSH-2.0-OpenSSH_9\r\n')
    })
    await expect(driverAt(await listening(raw)).state!()).rejects.toMatchObject({
      code: 'not-available',
      message: expect.stringMatching(/does not speak HTTP|closed the connection/),
    })
  })

  test.each<[string, (response: ServerResponse) => void]>([
    ['says nothing', () => undefined],
    ['stops in the middle', (response: ServerResponse) => void response.write('{"power":')],
  ])('%s is given up', async (_, answer) => {
    const { url } = await scripted((_request, response) => answer(response))
    const error = await driverAt(url, {}, httpFactoryWithin(200)).state!().catch((caught: unknown) => caught)
    expect(error).toMatchObject({ code: 'not-available', message: expect.stringContaining('did not answer in time') })
    expect(error, 'it may have obeyed').toBeInstanceOf(MaybeDone)
  })

  test('cannot be connected to did nothing', async () => {
    const { url } = await scripted((_request, response) => response.end())
    const gone = new URL(url)
    gone.port = '1'
    const error = await driverAt(gone.href)
      .perform('on')
      .catch((caught: unknown) => caught)
    expect(error).toMatchObject({ code: 'not-available' })
    expect(error).not.toBeInstanceOf(MaybeDone)
  })

  test('hangs up in the middle of its answer is refused', async () => {
    const { error } = await refused((_, response) => {
      response.writeHead(200, { 'content-length': '1000' })
      response.write('{"power":"on"')
      setTimeout(() => response.socket?.destroy(), 10)
    })
    expect(error.code).toBe('not-available')
  })

  test('accepts and takes its time is waited for in a cycle of off and on', async () => {
    let on = true
    let looks = 0
    const log: string[] = []
    const { url } = await scripted((request, response) => {
      if (request.method === 'GET') {
        // Off only after it was looked at twice.
        if (log.at(-1) === 'off' && ++looks === 2) on = false
        return json(response, 200, { power: looks === 1 ? 'stopping' : on ? 'on' : 'off' })
      }
      log.push(request.url!.slice(1))
      if (request.url === '/on') {
        log.push(on ? 'too early' : 'it was off')
        on = true
      }
      json(response, 202, {})
    })
    const driver = driverAt(url, {
      state: { path: '/', pointer: '/power', on: ['on'], off: ['off'] },
      actions: { on: { method: 'POST', path: '/on' }, off: { method: 'POST', path: '/off' } },
      pauseSeconds: 0,
    })
    expect(driver.actions).toEqual(['on', 'off', 'cycle'])
    await driver.perform('cycle')
    expect(log).toEqual(['off', 'on', 'it was off'])
  })

  test('takes off and then not on says what state the machine is left in', async () => {
    const { url } = await scripted((request, response) => json(response, request.url === '/off' ? 200 : 500, {}))
    const driver = driverAt(url, {
      state: null,
      actions: { on: { method: 'POST', path: '/on' }, off: { method: 'POST', path: '/off' } },
      pauseSeconds: 0,
    })
    await expect(driver.perform('cycle')).rejects.toThrow('it was switched off, and then not on again')
  })
})

describe('a certificate', () => {
  test('that is not trusted is refused before anything is sent, and accepted where it is the pinned one', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'rv-http-'))
    open.push(() => rmSync(dir, { recursive: true, force: true }))
    const subject = ['-subj', '/CN=plug', '-addext', 'subjectAltName=IP:127.0.0.1']
    const files = ['-keyout', join(dir, 'key'), '-out', join(dir, 'cert')]
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']
    execFileSync('openssl', ['req', '-x509', ...curve, ...subject, ...files], { stdio: 'ignore' })
    const cert = readFileSync(join(dir, 'cert'))
    let asked = 0
    const server = createSecureServer({ key: readFileSync(join(dir, 'key')), cert }, (_, response) => {
      asked++
      response.end('{"power":"on"}')
    })
    const url = await listening(server, 'https')
    await expect(driverAt(url).state!()).rejects.toMatchObject({
      code: 'not-available',
      message: expect.stringContaining('its certificate is signed by itself'),
      next: expect.stringContaining('fingerprint'),
    })
    const other = `SHA256:${'A'.repeat(43)}`
    await expect(driverAt(url, { fingerprint: other }).state!()).rejects.toThrow(`but ${other} was expected`)
    expect(asked).toBe(0)
    const fingerprint = fingerprintOf(new X509Certificate(cert).raw)
    expect(await driverAt(url, { fingerprint }).state!()).toBe('on')
  })
})

describe('settings that', () => {
  const factory = (more: Record<string, unknown>, secrets: Record<string, string> = {}) =>
    httpFactory(
      DriverSettings.parse({ kind: 'http', url: 'http://127.0.0.1:1', ...more }),
      Object.fromEntries(Object.entries(secrets).map(([name, text]) => [name, new Secret(text)])),
      machine,
    )

  test.each([
    ['name no preset that there is', { preset: 'nonsense' }, /there is no preset nonsense/],
    ['name one like a property of objects', { preset: 'constructor' }, /there is no preset constructor/],
    ['leave out what a preset needs', { preset: 'equinix-metal' }, /needs device/],
    ['ask for nothing', {}, /has no request/],
    ['leave the host by the path', { actions: { on: { path: '@evil.example/' } } }, /begins with neither/],
    ['name a variable that is not there', { actions: { on: { path: '/{nothing}' } } }, /no such variable/],
    ['set the host', { actions: { on: { path: '/', headers: { Host: 'x' } } } }, /header Host cannot be set/],
    ['give a value to the token', { preset: 'shelly-gen1', variables: { token: 'x' } }, /variable token cannot be set/],
    ['point wrongly', { state: { path: '/', pointer: 'power', on: ['on'], off: ['off'] } }, /power is no JSON pointer/],
    ['mean both', { state: { path: '/', on: ['on'], off: ['ON '] } }, /means on and off/],
    ['have a body without reason', { actions: { on: { path: '/', body: 'x' } } }, /GET request has a body/],
  ])('%s are refused', (_, more, message) => {
    expect(() => factory(more)).toThrow(message)
  })

  test('need a token that is not there are refused when it is needed, and nothing is sent', async () => {
    const driver = factory({ preset: 'equinix-metal', variables: { device: 'x' } })
    await expect(driver.state!()).rejects.toThrow('{token} stands in a request, but has no value')
  })

  test('say more than the preset win', async () => {
    const { url, requests } = await scripted((_, response) => json(response, 200, {}))
    const settings = { url, preset: 'shelly-gen1', actions: { on: { path: '/special' } } }
    await factory(settings).perform('on')
    await factory(settings).perform('off')
    expect(requests).toEqual(['GET /special', 'GET /relay/0?turn=off'])
  })

  test.each(Object.entries(PRESETS))('name the preset %s are whole with what it needs', (preset, { needs }) => {
    const variables = Object.fromEntries(Object.keys(needs).map((name) => [name, '1']))
    expect(factory({ preset, variables }).actions.length).toBeGreaterThan(0)
  })
})

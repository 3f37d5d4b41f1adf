import { X509Certificate } from 'node:crypto'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { request as httpsRequest } from 'node:https'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { FakeBmc, FakeDirectory } from '../../../test/fakes/bmc.ts'
import { ManualClock } from '../../kit/clock.ts'
import { parseSubnet, type Subnet } from '../../kit/ip.ts'
import { SILENT } from '../../kit/log.ts'
import { loadCertificate } from './certificate.ts'
import { serveRedfish } from './serve.ts'

let dataDir: string
const ends: (() => Promise<void>)[] = []
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'reveille-redfish-'))
})
afterEach(async () => {
  for (const end of ends.splice(0)) await end()
  await rm(dataDir, { recursive: true, force: true })
})

async function serve(clients: readonly Subnet[] = []) {
  const bmc = new FakeBmc({ machine: 'm-1' })
  const face = await serveRedfish({
    directory: new FakeDirectory([bmc]),
    settings: { listen: { host: '127.0.0.1', port: 0 } },
    dataDir,
    clients,
    events: 512,
    clock: new ManualClock(Date.now()),
    log: SILENT,
  })
  ends.push(() => face.stop())
  return { face, bmc }
}

function ask(port: number, path: string, options: { method?: string; body?: string; ca?: string } = {}) {
  const { method = 'GET', body, ca } = options
  return new Promise<{ status: number; headers: Record<string, unknown>; text: string }>((resolve, reject) => {
    const request = httpsRequest(
      {
        host: '127.0.0.1',
        port,
        path,
        method,
        auth: 'admin:secret',
        agent: false,
        ...(ca === undefined ? { rejectUnauthorized: false } : { ca }),
      },
      (response) => {
        const pieces: Buffer[] = []
        response.on('data', (piece: Buffer) => pieces.push(piece))
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text: Buffer.concat(pieces).toString(),
          }),
        )
      },
    )
    request.on('error', reject)
    request.end(body)
  })
}

test('it answers over TLS with a certificate of its own, which it keeps and clients can check', async () => {
  const { face } = await serve()
  const pem = await readFile(join(dataDir, 'redfish.pem'), 'utf8')
  expect((await stat(join(dataDir, 'redfish.pem'))).mode & 0o777).toBe(0o600)
  const certificate = new X509Certificate(pem)
  expect(certificate.checkIP('127.0.0.1')).toBe('127.0.0.1')
  expect(certificate.verify(certificate.publicKey)).toBe(true)
  expect(face.fingerprint).toMatch(/^SHA256:[A-Za-z0-9+/]{43}$/)
  const answer = await ask(face.port, '/redfish/v1/Systems/m-1', { ca: certificate.toString() })
  expect(answer.status).toBe(200)
  expect(answer.headers['odata-version']).toBe('4.0')
  const again = await loadCertificate({ dataDir, now: Date.now() })
  expect(pem.startsWith(again.certificate)).toBe(true)
  const later = await loadCertificate({ dataDir, now: Date.now() + 3640 * 86_400_000 })
  expect(later.certificate).not.toBe(again.certificate)
})

test('a file that a killed start left half written is made again', async () => {
  await writeFile(join(dataDir, 'redfish.pem'), '-----BEGIN CERTIFICATE-----\nMII')
  await writeFile(join(dataDir, 'redfish.pem.new'), 'x', { mode: 0o644 })
  const { face } = await serve()
  expect((await ask(face.port, '/redfish/v1')).status).toBe(200)
})

test('certificates of the settings that cannot be used are refused with the setting', async () => {
  const directory = new FakeDirectory([])
  const start = (settings: { certificate?: string; key?: string }) =>
    serveRedfish({
      directory,
      settings: { listen: { host: '127.0.0.1', port: 0 }, ...settings },
      dataDir,
      clients: [],
      events: 512,
      clock: new ManualClock(Date.now()),
      log: SILENT,
    })
  const bad = join(dataDir, 'bad.pem')
  await writeFile(bad, 'no certificate')
  await expect(start({ certificate: bad })).rejects.toMatchObject({ code: 'validation-failed' })
  await expect(start({ certificate: bad, key: bad })).rejects.toMatchObject({ code: 'not-available' })
  await expect(start({ certificate: '/nowhere', key: bad })).rejects.toMatchObject({
    next: 'correct gateway.redfish.certificate',
  })
})

test('bodies, targets and clients have bounds', async () => {
  const { face, bmc } = await serve()
  const large = await ask(face.port, '/redfish/v1/Systems/m-1', { method: 'PATCH', body: 'x'.repeat(70_000) })
  expect(large.status).toBe(413)
  expect((await ask(face.port, `/redfish/v1/${'a'.repeat(3000)}`)).status).toBe(404)
  expect((await ask(face.port, '/redfish/v1/%ff%')).status).toBe(404)
  expect(bmc.calls).toEqual([])
  const head = await ask(face.port, '/redfish/v1/Systems/m-1', { method: 'HEAD' })
  expect([head.status, head.text]).toEqual([200, ''])
  const closed = await serve([parseSubnet('192.0.2.0/24')!])
  await expect(ask(closed.face.port, '/redfish/v1')).rejects.toThrow()
  expect(face.statusOf('m-1')).toEqual({ listening: true, problem: '' })
})

test('noise on the port harms nobody', async () => {
  const { face } = await serve()
  for (const noise of ['GET / HTTP/1.1\r\n\r\n', '\x16\x03\x01\x00\x05hello', '\x00'.repeat(100)])
    await new Promise<void>((resolve) => {
      const socket = connect(face.port, '127.0.0.1', () => socket.end(noise, 'latin1'))
      socket.on('error', () => undefined).on('close', () => resolve())
      socket.resume()
    })
  expect((await ask(face.port, '/redfish/v1')).status).toBe(200)
})

import { randomBytes } from 'node:crypto'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { SILENT } from '../../kit/log.ts'
import { decodeTftp, encodeTftp, type TftpOptions, type TftpPacket } from '../../protocols/tftp/packet.ts'
import type { TraceEvent } from '../../traces/trace.ts'
import { BOOT_PROGRAMS, CLIENT_ARCHITECTURES } from '../programs.ts'
import { plainName } from './file.ts'
import { findProgram } from './programs.ts'
import { serveTftp, TFTP_LIMITS, type TftpServer } from './tftp.ts'

const program = randomBytes(74_213)
/** Crosses several of the pieces in which files are read. */
const large = randomBytes(900_000)
const recorded: Omit<TraceEvent, 'at'>[] = []
let directory: string
let made = 0
let server: TftpServer
const clients: Socket[] = []

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'reveille-tftp-'))
  await writeFile(join(directory, 'program'), program)
  await writeFile(join(directory, 'large'), large)
})
afterAll(() => rm(directory, { recursive: true }))
beforeEach(async () => {
  recorded.splice(0)
  const programs = findProgram(BOOT_PROGRAMS.map((each) => ({ ...each, path: join(directory, 'program') })))
  server = await serveTftp({
    listen: { host: '127.0.0.1', port: 0 },
    find: (name, client) => {
      if (name === 'large') return { path: join(directory, 'large') }
      if (name === 'absent') return { path: join(directory, 'absent') }
      if (name === 'made later') {
        made += 1
        return delay(50).then(() => ({ bytes: new TextEncoder().encode('made'), told: 'nothing' as const }))
      }
      if (name === 'never made') return Promise.reject(new Error('no'))
      if (name === 'grub/grub.cfg') return { bytes: new TextEncoder().encode(`# for ${client}\n`) }
      return programs(name, client)
    },
    trace: { record: (_, event) => recorded.push(event) },
    log: SILENT,
  })
})
afterEach(async () => {
  for (const client of clients.splice(0)) client.close()
  await server.stop()
})

/** A socket that keeps what it hears in order. */
async function client() {
  const socket = createSocket('udp4')
  clients.push(socket)
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const heard: { packet: TftpPacket; port: number }[] = []
  let wake = () => {}
  socket.on('message', (datagram, from) => {
    heard.push({ packet: decodeTftp(datagram), port: from.port })
    wake()
  })
  return {
    send: (packet: TftpPacket, port = server.port) => socket.send(encodeTftp(packet), port, '127.0.0.1'),
    async next(): Promise<{ packet: TftpPacket; port: number }> {
      while (heard.length === 0)
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      return heard.shift()!
    },
    get unheard() {
      return heard.length
    },
  }
}

const read = (filename: string, options: TftpOptions = []): TftpPacket => ({
  op: 'read',
  filename,
  mode: 'octet',
  options,
})

async function download(filename: string, options: TftpOptions = []): Promise<Uint8Array> {
  const c = await client()
  c.send(read(filename, options))
  let { packet, port } = await c.next()
  let blksize = 512
  let windowsize = 1
  if (packet.op === 'oack') {
    for (const [name, value] of packet.options) {
      if (name === 'blksize') blksize = Number(value)
      if (name === 'windowsize') windowsize = Number(value)
    }
    c.send({ op: 'ack', block: 0 }, port)
    ;({ packet, port } = await c.next())
  }
  const parts: Uint8Array[] = []
  for (;;) {
    if (packet.op !== 'data') throw new Error(JSON.stringify(packet))
    parts.push(packet.data)
    expect(packet.block).toBe(parts.length & 0xffff)
    const last = packet.data.length < blksize
    if (last || parts.length % windowsize === 0) c.send({ op: 'ack', block: packet.block }, port)
    if (last) return Buffer.concat(parts)
    ;({ packet, port } = await c.next())
  }
}

test('every program that the offer can advertise is served, however its name is written', async () => {
  const advertised = CLIENT_ARCHITECTURES.flatMap((each) => (each.program === null ? [] : [each.program]))
  expect(advertised.length).toBeGreaterThan(0)
  for (const name of advertised)
    for (const written of [name, `/${name}`, `//${name}`]) expect(await download(written)).toEqual(program)
})

test.each([
  ['lock-step', []],
  [
    'windows',
    [
      ['blksize', '1468'],
      ['windowsize', '16'],
    ],
  ],
  [
    'windows of blocks too small for one send',
    [
      ['blksize', '100'],
      ['windowsize', '8'],
    ],
  ],
  [
    'blocks as large as the path',
    [
      ['blksize', '65464'],
      ['windowsize', '2'],
    ],
  ],
] as [string, TftpOptions][])('a large file arrives whole: %s', async (_, options) => {
  expect(Buffer.from(await download('large', options)).equals(large)).toBe(true)
  await expect
    .poll(() => recorded.map((event) => [event.kind, event.outcome]))
    .toEqual([
      ['tftp.read', 'ok'],
      ['tftp.done', 'ok'],
    ])
  expect(recorded[1]).toMatchObject({ bytes: large.length, detail: { file: 'large', retransmits: 0 } })
  expect(server.status()).toMatchObject({ transfers: 0, completed: 1, failed: 0, bytes: large.length })
})

test('a file may be made for the machine that asks', async () => {
  expect(Buffer.from(await download('/grub/grub.cfg')).toString()).toBe('# for 127.0.0.1\n')
})

test.each([
  ['a name that is in no table', read('nothing.efi'), 1],
  ['a path that climbs', read('../../etc/passwd'), 1],
  ['an absolute path', read('/etc/passwd'), 1],
  ['a file that is missing on disk', read('absent'), 1],
  ['a write', { op: 'write', filename: 'ipxe.efi', mode: 'octet', options: [] }, 2],
  ['netascii', { op: 'read', filename: 'ipxe.efi', mode: 'netascii', options: [] }, 4],
] as [string, TftpPacket, number][])('%s is refused at once', async (_, packet, code) => {
  const c = await client()
  c.send(packet)
  expect((await c.next()).packet).toMatchObject({ op: 'error', code })
  expect(server.status()).toMatchObject({ refused: 1, transfers: 0 })
  expect(recorded.at(-1)).toMatchObject({ kind: 'tftp.read', outcome: 'refused' })
})

test("the firmware's size probe is no failure, and its second request is served", async () => {
  const c = await client()
  c.send(
    read('snponly.efi', [
      ['tsize', '0'],
      ['blksize', '1468'],
      ['windowsize', '4'],
    ]),
  )
  const { packet, port } = await c.next()
  expect(packet).toEqual({
    op: 'oack',
    options: [
      ['tsize', String(program.length)],
      ['blksize', '1468'],
      ['windowsize', '4'],
    ],
  })
  c.send({ op: 'error', code: 8, message: 'User aborted the transfer' }, port)
  await expect.poll(() => server.status()).toMatchObject({ transfers: 0, probes: 1, failed: 0 })
  expect(recorded).toMatchObject([{ kind: 'tftp.read', outcome: 'ok', detail: { probe: true, size: program.length } }])
  c.send(read('snponly.efi', [['blksize', '1468']]))
  expect((await c.next()).packet).toMatchObject({ op: 'oack' })
})

test('a repeated request brings the OACK again from the same port, not a second transfer', async () => {
  const c = await client()
  c.send(read('ipxe.efi', [['tsize', '0']]))
  const first = await c.next()
  c.send(read('ipxe.efi', [['tsize', '0']]))
  expect(await c.next()).toEqual(first)
  expect(server.status().transfers).toBe(1)
  c.send({ op: 'ack', block: 0 }, first.port)
  c.send({ op: 'ack', block: 1 }, (await c.next()).port)
  // Another file from the same port: the client began anew.
  await c.next()
  c.send(read('undionly.kpxe'))
  expect((await c.next()).packet).toMatchObject({ op: 'data', block: 1 })
  expect(server.status()).toMatchObject({ transfers: 1, failed: 1 })
})

test('a file that takes a while is made once, however often the client repeats its request, and told by who made it', async () => {
  made = 0
  const c = await client()
  for (let i = 0; i < 3; i++) c.send(read('made later'))
  const { packet, port } = await c.next()
  expect(packet.op === 'data' && Buffer.from(packet.data).toString()).toBe('made')
  c.send({ op: 'ack', block: 1 }, port)
  await expect.poll(() => server.status().completed).toBe(1)
  expect(made).toBe(1)
  expect(recorded).toEqual([])
})

test('a file that cannot be made is an error at once', async () => {
  const c = await client()
  c.send(read('never made'))
  expect((await c.next()).packet).toMatchObject({ op: 'error', code: 0 })
})

test.each([
  'debian/revocations_sku.efi',
  'debian//shim_certificate_0.efi',
  '/grub/x86_64-efi/command.lst',
  '/boot/agent/agent~m_1~word/boot.cpio',
])('what shim and GRUB can do without is not found at once, and no trace tells of it: %s', async (name) => {
  const c = await client()
  c.send(read(name))
  expect((await c.next()).packet).toMatchObject({ op: 'error', code: 1 })
  expect(recorded).toEqual([])
})

test('a client cannot hold more transfers than its share: its oldest one ends', async () => {
  const many = await Promise.all(Array.from({ length: TFTP_LIMITS.perClient + 3 }, () => client()))
  for (const c of many) {
    c.send(read('ipxe.efi'))
    await c.next()
  }
  expect(server.status()).toMatchObject({ transfers: TFTP_LIMITS.perClient, failed: 3 })
})

test('rubbish is counted and costs nothing', async () => {
  const socket = createSocket('udp4')
  clients.push(socket)
  for (const rubbish of ['', '\0', '\0\x01', '\0\x04\0\x01', '\0\x09x', `\0\x01${'a'.repeat(2000)}\0octet\0`])
    socket.send(Buffer.from(rubbish, 'latin1'), server.port, '127.0.0.1')
  await expect.poll(() => server.status().dropped).toBe(6)
  expect(await download('ipxe.efi')).toEqual(program)
})

test.each([
  ['a taken port', () => ({ host: '127.0.0.1', port: server.port }), 'another program has this port'],
  // RFC 5737 §3: nobody has this address.
  ['a foreign address', () => ({ host: '192.0.2.1', port: 0 }), 'this computer has no such address'],
])('%s is a refusal that says why and what to do', async (_, listen, why) => {
  const again = serveTftp({ listen: listen(), find: () => undefined, trace: { record() {} }, log: SILENT })
  await expect(again).rejects.toMatchObject({
    code: 'not-available',
    message: expect.stringContaining(why),
    next: expect.stringContaining('tftp.listen'),
  })
})

test('names lose what firmware adds', () => {
  expect(plainName('/debian//grubx64.efi')).toBe('debian/grubx64.efi')
  expect(plainName('ipxe.efi\0\0 ')).toBe('ipxe.efi')
})

import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { serveTftp, type TftpServer } from '../../src/boot/loader/tftp.ts'
import { SILENT } from '../../src/kit/log.ts'

const run = promisify(execFile)
const program = randomBytes(74_213)
/** 131,072 blocks of 512 bytes: the block number goes round twice. */
const large = randomBytes(64 * 1024 * 1024)
let directory: string
let server: TftpServer

async function start(port = 0): Promise<TftpServer> {
  return serveTftp({
    listen: { host: '127.0.0.1', port },
    find: (name) => (name === 'program' || name === 'large' ? { path: join(directory, name) } : undefined),
    trace: { record() {} },
    log: SILENT,
  })
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'reveille-interop-'))
  await writeFile(join(directory, 'program'), program)
  await writeFile(join(directory, 'large'), large)
  server = await start()
})
afterAll(async () => {
  await server.stop()
  await rm(directory, { recursive: true })
})

/** Each client fetches a file from a port of 127.0.0.1 into `target`. */
const CLIENTS: Record<string, (port: number, file: string, target: string) => readonly [string, readonly string[]]> = {
  curl: (port, file, target) => ['curl', ['-sS', '-m', '100', '-o', target, `tftp://127.0.0.1:${port}/${file}`]],
  'curl, blksize 1468': (port, file, target) => [
    'curl',
    ['-sS', '-m', '100', '--tftp-blksize', '1468', '-o', target, `tftp://127.0.0.1:${port}//${file}`],
  ],
  'busybox, blksize 512': (port, file, target) => [
    'busybox',
    ['tftp', '-g', '-b', '512', '-r', file, '-l', target, '127.0.0.1', String(port)],
  ],
  'busybox, blksize 1468': (port, file, target) => [
    'busybox',
    ['tftp', '-g', '-b', '1468', '-r', file, '-l', target, '127.0.0.1', String(port)],
  ],
  'atftp, all options': (port, file, target) =>
    atftp(port, file, target, ['windowsize 64', 'blksize 1468', 'tsize', 'timeout 1']),
  // Gives up after five times this; the other after 5 s, which is little where a hundred of them share two cores.
  'atftp, patient': (port, file, target) =>
    atftp(port, file, target, ['windowsize 64', 'blksize 1468', 'tsize', 'timeout 20']),
  'atftp, no options': (port, file, target) => atftp(port, file, target, []),
}

function atftp(port: number, file: string, target: string, options: readonly string[]): [string, string[]] {
  const flags = options.flatMap((option) => ['--option', option])
  return ['atftp', [...flags, '-g', '-r', file, '-l', target, '127.0.0.1', String(port)]]
}

let targets = 0
async function fetched(client: string, port: number, file: string): Promise<Buffer> {
  const target = join(directory, `got-${targets++}`)
  const [command, args] = CLIENTS[client]!(port, file, target)
  await run(command, [...args], { timeout: 120_000 })
  const bytes = await readFile(target)
  await rm(target)
  return bytes
}

test.each(Object.keys(CLIENTS))('%s gets a boot program', async (client) => {
  expect((await fetched(client, server.port, 'program')).equals(program)).toBe(true)
})

test.each(['busybox, blksize 512', 'atftp, all options'])('%s gets 64 MiB', async (client) => {
  expect((await fetched(client, server.port, 'large')).equals(large)).toBe(true)
})

test('a file that is not there is said so at once', async () => {
  const target = join(directory, 'none')
  await expect(run('curl', ['-sS', '-o', target, `tftp://127.0.0.1:${server.port}/none`])).rejects.toMatchObject({
    code: 68,
  })
})

test('a hundred clients at once all finish', async () => {
  const names = ['curl', 'busybox, blksize 1468', 'atftp, patient']
  const all: Promise<Buffer>[] = []
  for (let i = 0; i < 100; i++) {
    all.push(spread(i, names[i % names.length]!))
    // Starting a program holds this one up: a hundred in a row and atftp, which cannot bear a late answer, has asked a second time.
    await pause(10)
  }
  expect((await Promise.all(all)).every((bytes) => bytes.equals(program))).toBe(true)
})

/** As from machines of their own: every client has another address of the loopback network. */
async function spread(index: number, client: string): Promise<Buffer> {
  const proxy = await lossyProxy(server.port, { loss: 0, seed: index, from: `127.0.1.${index + 1}` })
  try {
    return await fetched(client, proxy.port, 'program')
  } finally {
    proxy.close()
  }
}

// curl waits five seconds for each packet that is lost of its own, so it loses fewer.
test.each([
  ['busybox, blksize 1468', 0.03],
  ['curl', 0.01],
  ['atftp, all options', 0.03],
] as const)('%s gets it over a path that loses packets', async (client, loss) => {
  const proxy = await lossyProxy(server.port, { loss, seed: 42 })
  try {
    expect((await fetched(client, proxy.port, 'program')).equals(program)).toBe(true)
    expect(proxy.lost).toBeGreaterThan(0)
  } finally {
    proxy.close()
  }
})

test('the server starts again on the same port, and a client gets its file', async () => {
  const first = await start()
  const { port } = first
  await first.stop()
  const second = await start(port)
  try {
    expect((await fetched('curl', port, 'program')).equals(program)).toBe(true)
  } finally {
    await second.stop()
  }
})

/** Stands between one client and the server, drops packets by chance in both directions, and keeps the ports of a transfer apart. */
async function lossyProxy(
  serverPort: number,
  { loss, seed, from = '127.0.0.1' }: { loss: number; seed: number; from?: string },
) {
  let state = seed + 1
  const chance = () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    return (state >>> 8) / 2 ** 23
  }
  let lost = 0
  const survives = () => {
    if (chance() >= loss) return true
    lost++
    return false
  }
  const bound = async (address: string): Promise<Socket> => {
    const socket = createSocket('udp4')
    socket.bind(0, address)
    await once(socket, 'listening')
    return socket
  }
  const [front, back, transfer] = await Promise.all([bound('127.0.0.1'), bound(from), bound('127.0.0.1')])
  let client: number | undefined
  let upstream = serverPort
  front.on('message', (datagram, { port }) => {
    client = port
    upstream = serverPort
    if (survives()) back.send(datagram, upstream, '127.0.0.1')
  })
  back.on('message', (datagram, { port }) => {
    upstream = port
    if (client !== undefined && survives()) transfer.send(datagram, client, '127.0.0.1')
  })
  transfer.on('message', (datagram) => {
    if (survives()) back.send(datagram, upstream, '127.0.0.1')
  })
  return {
    port: front.address().port,
    get lost() {
      return lost
    },
    close() {
      for (const socket of [front, back, transfer]) socket.close()
    },
  }
}

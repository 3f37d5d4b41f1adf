import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import thrift from 'thrift'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseSubnet } from '../../src/kit/ip.ts'
import { SILENT } from '../../src/kit/log.ts'
import type { Machine } from '../../src/machines/machine.ts'
import type { Profile } from '../../src/profiles/profile.ts'
import { Desk } from '../../src/thrift/desk.ts'
import { forward } from '../../src/thrift/forward.ts'
import { serveThrift, type ThriftService } from '../../src/thrift/serve.ts'

/**
 * The service as a stranger uses it: a client, and the service of a guest, made from docs/preset.thrift by Debian's thrift-compiler. The
 * bytes of inner structs are made by that code too.
 */
type Struct = Record<string, unknown> & { read(input: unknown): void; write(output: unknown): void }
type Types = Record<string, new (values?: Record<string, unknown>) => Struct>
type Preset = { Client: never; Processor: never }
type Client = {
  ping(): Promise<string>
  handleMessage(message: Struct): Promise<{ code: number; message: Buffer }>
}

let dir: string
let types: Types
let preset: Preset
let service: ThriftService
let guest: ReturnType<typeof thrift.createServer>
let guestPort = 0
const connections: { end(): void }[] = []
const LONG = 'ü'.repeat(200)
const machine = { id: 'm_1', name: 'pc01', notes: '', profile: 'ubuntu', macs: [] } as unknown as Machine
let booted = ''

function encoded(struct: Struct): Buffer {
  let bytes: Buffer = Buffer.alloc(0)
  const transport = new thrift.TBufferedTransport(undefined, (flushed) => {
    bytes = flushed ?? bytes
  })
  const output = new thrift.TBinaryProtocol(transport)
  struct.write(output)
  output.flush()
  return bytes
}

function decoded(name: string, bytes: Buffer): Struct {
  const struct = new types[name]!()
  const receive = thrift.TBufferedTransport.receiver(
    (transport) => struct.read(new thrift.TBinaryProtocol(transport)),
    0,
  )
  receive(bytes)
  return struct
}

function connectClient(port: number): Client {
  const connection = thrift.createConnection('127.0.0.1', port, {
    transport: thrift.TBufferedTransport,
    protocol: thrift.TBinaryProtocol,
  })
  connections.push(connection)
  return thrift.createClient(preset.Client, connection) as unknown as Client
}

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'rv-thrift-'))
  execFileSync('thrift', ['--gen', 'js:node,es6', '-out', dir, resolve('docs/preset.thrift')])
  writeFileSync(join(dir, 'package.json'), '{"type":"commonjs"}')
  symlinkSync(resolve('node_modules'), join(dir, 'node_modules'))
  const load = createRequire(join(dir, 'here.js'))
  types = load('./preset_types.js') as Types
  preset = load('./Preset.js') as Preset

  // The service of a running system: it knows a user with a long name, and throws for what it does not know.
  guest = thrift.createServer(
    preset.Processor,
    {
      ping: () => 'pong',
      async handleMessage(message: { type: number }) {
        if (message.type === 4) return { code: 0, message: encoded(new types.UserList!({ users: ['dbc', LONG] })) }
        throw new types.InvalidMessageType!({ whatType: message.type, why: 'Invalid Operation' })
      },
    } as never,
    { transport: thrift.TBufferedTransport, protocol: thrift.TBinaryProtocol },
  )
  await new Promise<void>((ready) => guest.listen(0, '127.0.0.1', () => ready()))
  guestPort = (guest.address() as { port: number }).port

  service = await serveThrift({
    listen: { host: '127.0.0.1', port: 0 },
    clients: [parseSubnet('127.0.0.1/32')!],
    log: SILENT,
    desk: new Desk({
      findMachine: (host) => (host === 'pc01' ? machine : undefined),
      profiles: () => ['ubuntu', 'windows'].map((name) => ({ name, kind: 'diskless' })) as unknown as Profile[],
      setProfile: async (_machine, profile) => {
        booted = profile
      },
      power: () => ({ driver: 'test', state: async () => 'on', perform: async () => 'on' }),
      addressOf: () => '127.0.0.1',
      guests: {
        accessOf: () => undefined,
        facts: async () => ({ hostname: '' }),
        userNames: async () => [],
        setPassword: async () => undefined,
      },
      forward: (message, address) => forward(message, address, guestPort),
      audit: async () => undefined,
      log: SILENT,
    }),
  })
})
afterAll(async () => {
  for (const connection of connections) connection.end()
  await service?.stop()
  guest?.close()
  rmSync(dir, { recursive: true, force: true })
})

const message = (type: number, body: Buffer = Buffer.alloc(0), host?: string) =>
  new types.Message!({ version: 0x01000001, type, body, host })

describe('a client made by thrift-compiler', () => {
  test('pings, and asks for and sets boot menus', async () => {
    const client = connectClient(service.port)
    expect(await client.ping()).toBe('pong')
    expect(await client.handleMessage(message(1))).toMatchObject({ code: 0, message: Buffer.from('pong') })
    const menus = await client.handleMessage(message(32))
    expect(decoded('BootMenuList', menus.message)).toMatchObject({ menus: ['ubuntu', 'windows'] })
    const body = encoded(new types.BootMenu!({ menu: 'windows', superTube: false }))
    expect(await client.handleMessage(message(33, body, 'pc01'))).toMatchObject({ code: 0 })
    expect(booted).toBe('windows')
    expect(await client.handleMessage(message(33, body, 'pc99'))).toMatchObject({ code: 6 })
    expect(await client.handleMessage(message(99))).toMatchObject({ code: 5 })
  })

  test('asks for and switches power', async () => {
    const client = connectClient(service.port)
    const info = await client.handleMessage(message(34, undefined, 'pc01'))
    expect(decoded('SmyooDeviceInfo', info.message)).toMatchObject({
      mcuname: 'pc01',
      isonline: 1,
      power: 1,
      mcuid: 'm_1',
    })
    const body = encoded(new types.SmyooDevicePowerData!({ status: 1, mcuname: 'pc01' }))
    expect(await client.handleMessage(message(35, body, 'pc01'))).toMatchObject({ code: 0 })
  })

  test('reaches the service of a running system, whose bytes of 0x80 and above come through', async () => {
    const client = connectClient(service.port)
    const users = await client.handleMessage(message(4, undefined, 'pc01'))
    expect(decoded('UserList', users.message)).toMatchObject({ users: ['dbc', LONG] })
    expect(await client.handleMessage(message(2, undefined, 'pc01'))).toMatchObject({
      code: 5,
      message: Buffer.from('InvalidMessageType: Invalid Operation'),
    })
  })

  test('many at once are answered', async () => {
    const clients = Array.from({ length: 4 }, () => connectClient(service.port))
    const answers = await Promise.all(clients.flatMap((client) => Array.from({ length: 50 }, () => client.ping())))
    expect(answers).toEqual(Array.from({ length: 200 }, () => 'pong'))
  })
})

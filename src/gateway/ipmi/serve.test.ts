import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { afterEach, expect, test } from 'vitest'
import { bmcUser, FakeBmc, FakeDirectory } from '../../../test/fakes/bmc.ts'
import { type ClientOptions, IpmiClient, udpWire } from '../../../test/fakes/ipmi-client.ts'
import { latin1, latin1Bytes } from '../../kit/bytes.ts'
import { SILENT } from '../../kit/log.ts'
import { IPMI_CRYPTOGRAPHY } from '../../sockets/ipmi-cryptography.ts'
import type { CommandContext } from './command.ts'
import { type GatewayOptions, serveGateway } from './serve.ts'

const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

const ECHO = {
  commands: [
    {
      netFn: 0x30,
      command: 1,
      name: 'echo',
      privilege: 2 as const,
      run: (data: Uint8Array) => ({ completionCode: 0, data }),
    },
    {
      netFn: 0x30,
      command: 2,
      name: 'where',
      privilege: 2 as const,
      run: (_: Uint8Array, { host }: CommandContext) => ({ completionCode: 0, data: latin1Bytes(host ?? '') }),
    },
  ],
}

async function serving(
  fakes: FakeBmc[],
  gateway: Partial<GatewayOptions['gateway']> = {},
  locals?: () => readonly string[],
) {
  const directory = new FakeDirectory(fakes)
  const served = serveGateway({
    directory,
    gateway: { host: '127.0.0.1', clients: [], cipherSuite3: true, sessions: 1000, ...gateway },
    cryptography: IPMI_CRYPTOGRAPHY,
    clock: Date,
    log: SILENT,
    commands: ECHO,
    ...(locals ? { locals } : {}),
  })
  ends.push(() => served.stop())
  await served.sync()
  return { directory, served }
}

function client(port: number | undefined, options: ClientOptions = {}, patience = 5000): IpmiClient {
  const wire = udpWire(port!, patience)
  ends.push(() => wire.close())
  return new IpmiClient(wire, options)
}

const fake = (machine: string, more = {}) => new FakeBmc({ machine, ...more })

test('two clients at once from one address do not hear each other', async () => {
  const { served } = await serving([fake('a')])
  const clients = await Promise.all(
    [17, 3].map(async (suite) => {
      const one = client(served.portOf('a'), { suite: suite as 17 | 3 })
      expect(await one.login()).toBe(true)
      return one
    }),
  )
  for (let i = 0; i < 50; i++) {
    const answers = await Promise.all(clients.map((one, which) => one.command(0x30, 1, [which, i])))
    expect(answers.map((answer) => [...answer!.data])).toEqual([
      [0, i],
      [1, i],
    ])
  }
  expect(
    served
      .sessionsOf('a')
      .map((session) => session.cipherSuite)
      .sort(),
  ).toEqual([17, 3].sort())
})

test('sockets follow the BMCs as they come, change and go, and so do sessions', async () => {
  const first = fake('a')
  const { directory, served } = await serving([first])
  const one = client(served.portOf('a'))
  expect(await one.login()).toBe(true)
  directory.list = [first, fake('b')]
  await served.sync()
  expect(await client(served.portOf('b')).login()).toBe(true)
  expect(
    served
      .sessions()
      .map((session) => session.machine)
      .sort(),
  ).toEqual(['a', 'b'])
  // The first is as it was, and stays logged in.
  expect(await one.command(0x30, 1, [1])).toBeDefined()
  first.bmc = { ...first.bmc, enabled: false }
  const port = served.portOf('a')
  await served.sync()
  expect(served.sessions().map((session) => session.machine)).toEqual(['b'])
  expect(served.statusOf('a')).toEqual({ listening: false, problem: '' })
  expect(await client(port, {}, 50).open()).toBe(false)
})

test('an account that is changed or taken away is logged out at once', async () => {
  const bmc = fake('a')
  const { served } = await serving([bmc])
  expect(await client(served.portOf('a')).login()).toBe(true)
  expect(await client(served.portOf('a'), { user: 'oper', password: 'operator-secret' }).login()).toBe(true)
  bmc.bmc = { ...bmc.bmc, users: [bmcUser(2, 'admin'), bmcUser(3, 'oper', 'user')] }
  await served.sync()
  expect(served.sessions().map((session) => session.user)).toEqual(['admin'])
  served.endSessions('a', 'admin')
  expect(served.sessions()).toEqual([])
})

test('a port that is taken is told, and opened when it is free', async () => {
  const other = createSocket('udp4').bind(0, '127.0.0.1')
  await once(other, 'listening')
  const { port } = other.address()
  const { served } = await serving([fake('a', { port })])
  expect(served.statusOf('a')).toEqual({
    listening: false,
    problem: `UDP 127.0.0.1:${port} is used by another program. Find it with: ss -ulpn`,
  })
  other.close()
  await once(other, 'close')
  await served.sync()
  expect(served.statusOf('a')).toEqual({ listening: true, problem: '' })
  expect(await client(port).login()).toBe(true)
})

test('an address that the computer does not have is told', async () => {
  const { served } = await serving([fake('a', { address: '192.0.2.77' })])
  expect(served.statusOf('a').problem).toMatch(/^This server does not have the address 192.0.2.77/)
})

/** Hears only who answers from where it asked, as ipmitool does. */
async function strictClient(port: number, address: string): Promise<IpmiClient> {
  const wire = udpWire(port, 1000, address)
  const { socket } = wire
  ends.push(() => wire.close())
  await new Promise<void>((resolve) => socket.connect(port, address, resolve))
  return new IpmiClient({ ...wire, send: (packet) => socket.send(packet) })
}

test('on all addresses, each of several is answered from itself, also those that come later', async () => {
  const locals = ['127.0.0.2', '127.0.0.3']
  const { served } = await serving([fake('a')], { host: '0.0.0.0' }, () => locals)
  for (const address of locals) {
    const one = await strictClient(served.portOf('a')!, address)
    expect(await one.login(), address).toBe(true)
    expect([...(await one.command(0x30, 1, [7]))!.data]).toEqual([7])
    expect(latin1((await one.command(0x30, 2))!.data), 'lan print tells that address').toBe(address)
  }
  const port = served.portOf('a')
  locals.push('127.0.0.4')
  await served.sync()
  expect(served.portOf('a')).toBe(port)
  expect(await (await strictClient(port!, '127.0.0.4')).login()).toBe(true)
  locals.shift()
  await served.sync()
  expect(await client(port).login()).toBe(true)
})

test('a port of all addresses that another program has is told, however many addresses there are', async () => {
  const other = createSocket({ type: 'udp4', reuseAddr: true }).bind(0, '0.0.0.0')
  await once(other, 'listening')
  ends.push(() => other.close())
  const { port } = other.address()
  const { served } = await serving([fake('a', { port })], { host: '0.0.0.0' }, () => ['127.0.0.2', '127.0.0.3'])
  expect(served.statusOf('a').problem).toContain('is used by another program')
})

test('clients that are not on the list are not heard; the list of a BMC goes before that of all', async () => {
  const everybody = fake('a')
  const somebody = fake('b', { clients: ['127.0.0.0/8'] })
  const { served } = await serving([everybody, somebody], { clients: ['192.0.2.0/24', '198.51.100.1'] })
  expect(await client(served.portOf('a'), {}, 100).open()).toBe(false)
  expect(await client(served.portOf('b')).login()).toBe(true)
})

test('the shared endpoint leads to each BMC', async () => {
  const { served } = await serving([fake('a'), fake('b')], { shared: { host: '127.0.0.1', port: 0 } })
  expect(await client(served.sharedPort, { user: 'admin@b' }).login()).toBe(true)
  expect(served.sessions().map((session) => session.machine)).toEqual(['b'])
})

test('1,000 BMCs in one process, of which 100 are used at the same time', async () => {
  const fakes = Array.from({ length: 1000 }, (_, i) => fake(`m${i}`))
  const { served } = await serving(fakes)
  expect(fakes.every((one) => served.statusOf(one.bmc.machine).listening)).toBe(true)
  const clients = Array.from({ length: 100 }, (_, i) => client(served.portOf(`m${i * 10}`), {}, 20_000))
  expect(await Promise.all(clients.map((one) => one.login()))).toEqual(clients.map(() => true))
  for (let round = 0; round < 5; round++) {
    const answers = await Promise.all(clients.map((one, i) => one.command(0x30, 1, [i, round])))
    expect(answers.map((answer) => answer && [...answer.data])).toEqual(clients.map((_, i) => [i, round]))
  }
  expect(served.sessions()).toHaveLength(100)
})

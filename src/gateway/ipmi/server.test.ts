import { describe, expect, test } from 'vitest'
import { FakeBmc } from '../../../test/fakes/bmc.ts'
import type { IpmiClient } from '../../../test/fakes/ipmi-client.ts'
import { IpmiWorld } from '../../../test/fakes/ipmi-world.ts'
import { fromHex, hex, latin1, latin1Bytes } from '../../kit/bytes.ts'
import { DecodeError, Refusal } from '../../kit/errors.ts'
import { SILENT } from '../../kit/log.ts'
import { decodeResponse, encodeRequest } from '../../protocols/ipmi/message.ts'
import { decodePacket, encodeOld, encodePlus, PAYLOAD } from '../../protocols/ipmi/packet.ts'
import { decodePong, decodeRmcp, encodePing } from '../../protocols/ipmi/rmcp.ts'
import { SOL_FROM_BMC } from '../../protocols/ipmi/sol.ts'
import type { Command, CommandContext, PrivilegeLevel } from './command.ts'
import { ANSWER_MS, KEPT_ANSWER_MS } from './limits.ts'

const ok = (...data: number[]) => ({ completionCode: 0, data: Uint8Array.from(data) })
const command = (number: number, privilege: PrivilegeLevel, run: Command['run'], group?: number): Command => ({
  netFn: group === undefined ? 0x30 : 0x2c,
  command: number,
  privilege,
  run,
  name: 'test',
  ...(group === undefined ? {} : { group }),
})
let ran = 0
const SOL = { encrypted: true, authenticated: true, accumulateMs: 50, threshold: 1, retries: 3, retryMs: 500 }
const TEST_COMMANDS = {
  commands: [
    command(1, 2, (data) => ok(...data)),
    command(2, 2, () => {
      ran++
      return ok(ran)
    }),
    command(3, 4, () => ok()),
    command(4, 2, () => {
      throw new Refusal('wrong-state', 'It is off.')
    }),
    command(5, 2, async () => {
      throw new Error('a fault of ours')
    }),
    command(6, 2, () => {
      throw new DecodeError('too short')
    }),
    command(7, 2, () => new Promise(() => {})),
    command(8, 2, () => ok(...new Uint8Array(300))),
    command(9, 2, () => ok(0xdc), 0xdc),
    command(10, 4, async (_data, { sol, session }: CommandContext) =>
      (await sol.activate(session, SOL)) === 'busy' ? { completionCode: 0x80, data: new Uint8Array(0) } : ok(),
    ),
    command(11, 4, (_data, { sol }) => ok(sol.deactivate() ? 1 : 0)),
    command(12, 4, (_data, { endSessions }) => {
      endSessions()
      return ok()
    }),
  ],
}
const world = (options = {}) => new IpmiWorld({ commands: TEST_COMMANDS, ...options })
const codeOf = async (client: IpmiClient, number: number) => (await client.command(0x30, number))?.completionCode

describe('without a session', () => {
  const ask = async (made: IpmiWorld, packet: Uint8Array) => {
    const wire = made.wire(made.endpoints[0]!)
    wire.send(packet)
    return wire.receive()
  }
  const request = (commandNumber: number, ...data: number[]) =>
    encodeRequest({ netFn: 6, command: commandNumber, sequence: 1, data: Uint8Array.from(data) })
  const read = (packet: Uint8Array | undefined) => {
    const { completionCode, data } = decodeResponse(decodePacket(decodeRmcp(packet!).body).payload)
    return `${completionCode.toString(16)} ${hex(data)}`
  }

  test('ipmitool that gave its login up asks for its level all the same: there is no session, which is not a want of privilege', async () => {
    const made = world()
    // As ipmitool 1.8.19 sends it when each of its four logins lost a packet.
    const asked = fromHex('0600ff0706000000000000000000' + '0800' + '2018c881043b043c')
    expect(read(await ask(made, asked))).toBe('d5 ')
    expect(made.server.table.counts).toEqual({ sessions: 0, halfOpen: 0, addresses: 0 })
  })

  test('a presence ping is answered: IPMI is spoken here', async () => {
    const pong = await ask(world(), encodePing(9))
    expect(decodePong(decodeRmcp(pong!).body)).toEqual({ tag: 9, ipmi: true })
  })

  test('capabilities say: only IPMI 2.0, only with a user name', async () => {
    expect(read(await ask(world(), encodeOld(request(0x38, 0x8e, 4))))).toBe('0 0180040200000000')
    expect(read(await ask(world(), encodeOld(request(0x38, 0x0e, 4))))).toBe('0 0100040000000000')
    expect(read(await ask(world(), encodeOld(request(0x38, 0x83, 4))))).toBe('cc ')
    expect(read(await ask(world(), encodeOld(request(0x38, 0x8e))))).toBe('c7 ')
  })

  test('cipher suites are listed, those that are on, in both forms', async () => {
    expect(read(await ask(world(), encodePlus(0, request(0x54, 0x0e, 0, 0x80))))).toBe('0 01c011034481c003014181')
    expect(read(await ask(world({ suite3: false }), encodePlus(0, request(0x54, 0x0e, 0, 0x80))))).toBe(
      '0 01c011034481',
    )
    expect(read(await ask(world(), encodePlus(0, request(0x54, 0x0e, 0, 0x81))))).toBe('0 01')
    expect(read(await ask(world(), encodePlus(0, request(0x54, 0x0e, 0, 0))))).toBe('0 010103414481')
  })

  test('the old logins of IPMI 1.5 are refused, and so is every command that needs a session', async () => {
    expect(read(await ask(world(), encodeOld(request(0x39, 0, ...new Array(16).fill(0)))))).toBe('cc ')
    expect(read(await ask(world(), encodeOld(request(0x3a))))).toBe('cc ')
    expect(read(await ask(world(), encodeOld(request(0x01))))).toBe('d4 ')
    const chassis = encodeRequest({ netFn: 0, command: 2, sequence: 1, data: Uint8Array.of(1) })
    expect(await ask(world(), encodeOld(chassis))).toBeUndefined()
  })

  test('what is not well made is not answered', async () => {
    for (const packet of ['', '06', '0600ff07', '0600ff0706', '0600ff0706c00100000001000000ffff', '0700ff07'])
      expect(await ask(world(), fromHex(packet))).toBeUndefined()
  })
})

describe('commands', () => {
  test('are answered with what they say, in the session of who asked', async () => {
    const made = world()
    const one = await made.loggedIn()
    const two = await made.loggedIn({ suite: 3 })
    expect((await one.command(0x30, 1, [1, 2]))?.data).toEqual(Uint8Array.of(1, 2))
    expect((await two.command(0x30, 1, [3]))?.data).toEqual(Uint8Array.of(3))
    expect((await one.command(0x30, 1, [4]))?.data).toEqual(Uint8Array.of(4))
  })

  test('that nobody knows: C1h; group extensions are told apart by their body', async () => {
    const client = await world().loggedIn()
    expect(await codeOf(client, 0x77)).toBe(0xc1)
    expect((await client.command(0x2c, 9, [0xdc]))?.data).toEqual(Uint8Array.of(0xdc))
    expect((await client.command(0x2c, 9, [0xdd]))?.completionCode).toBe(0xc1)
    expect((await client.command(0x2c, 9))?.completionCode).toBe(0xc1)
  })

  test('need the level of the session, which is raised up to what was asked for at login', async () => {
    const client = await world().loggedIn()
    expect(await codeOf(client, 3)).toBe(0xd4)
    expect(await client.command(6, 0x3b, [4])).toMatchObject({ completionCode: 0, data: Uint8Array.of(4) })
    expect(await codeOf(client, 3)).toBe(0)
    expect(await client.command(6, 0x3b, [2])).toMatchObject({ completionCode: 0, data: Uint8Array.of(2) })
    expect(await client.command(6, 0x3b, [0])).toMatchObject({ completionCode: 0, data: Uint8Array.of(2) })
    expect(await codeOf(client, 3)).toBe(0xd4)
    expect((await client.command(6, 0x3b, [5]))?.completionCode).toBe(0x80)
    const low = await world().loggedIn({ user: 'user', password: 'user-secret' })
    expect((await low.command(6, 0x3b, [4]))?.completionCode).toBe(0x81)
  })

  test('that fail say how: a refusal by its kind, bad data C7h, a fault of ours FFh and a line in the log', async () => {
    const faults: unknown[] = []
    const made = world({ log: { ...SILENT, error: (fields: unknown) => void faults.push(fields) } })
    const client = await made.loggedIn()
    expect(await codeOf(client, 4)).toBe(0xd5)
    expect(await codeOf(client, 5)).toBe(0xff)
    expect(await codeOf(client, 6)).toBe(0xc7)
    expect(await codeOf(client, 8)).toBe(0xff)
    expect(faults).toMatchObject([{ command: 5, error: 'Error: a fault of ours' }, { command: 8 }])
  })

  test('that are sent again are answered again and run once; after a while the same request is a new one', async () => {
    const made = world()
    const client = await made.loggedIn()
    const before = ran
    const request = client.request(0x30, 2, [], 9)
    const send = () => client.wire.send(client.packet(PAYLOAD.ipmi, request))
    send()
    const first = await client.answer()
    send()
    expect(await client.answer()).toEqual(first)
    expect(ran).toBe(before + 1)
    made.advance(KEPT_ANSWER_MS)
    send()
    expect((await client.answer())?.data).not.toEqual(first!.data)
  })

  test('the same packet twice is dropped: somebody who listens cannot switch a machine again', async () => {
    const client = await world().loggedIn()
    const packet = client.packet(PAYLOAD.ipmi, client.request(0x30, 2))
    const before = ran
    client.wire.send(packet)
    expect(await client.answer()).toBeDefined()
    client.wire.send(packet)
    expect(await client.answer()).toBeUndefined()
    expect(ran).toBe(before + 1)
  })

  test('a slow one holds up nobody, is not run again, and is answered in the end', async () => {
    const made = world()
    const client = await made.loggedIn()
    const request = client.request(0x30, 7, [], 33)
    client.wire.send(client.packet(PAYLOAD.ipmi, request))
    client.wire.send(client.packet(PAYLOAD.ipmi, request))
    expect((await client.command(0x30, 1, [5]))?.data).toEqual(Uint8Array.of(5))
    made.advance(ANSWER_MS)
    expect(await client.answer()).toMatchObject({ sequence: 33, completionCode: 0xc3 })
    expect(await client.answer()).toBeUndefined()
  })

  test('too many at a time: busy', async () => {
    const client = await world().loggedIn()
    for (let i = 0; i < 8; i++) client.wire.send(client.packet(PAYLOAD.ipmi, client.request(0x30, 7)))
    expect(await codeOf(client, 1)).toBe(0xc0)
  })

  test('in clear, unsigned, or sealed with other keys are dropped', async () => {
    const made = world()
    const client = await made.loggedIn()
    const other = await made.loggedIn()
    client.wire.send(client.packet(PAYLOAD.ipmi, client.request(0x30, 1), undefined, false))
    client.wire.send(encodePlus(PAYLOAD.ipmi, client.request(0x30, 1)))
    const id = other.managedId
    other.managedId = client.managedId
    other.wire.send(other.packet(PAYLOAD.ipmi, other.request(0x30, 1)))
    other.managedId = id
    expect(await client.answer()).toBeUndefined()
    expect(await other.answer()).toBeUndefined()
    expect(await codeOf(client, 1)).toBe(0)
  })

  test('a client that comes from another port is answered there', async () => {
    const made = world()
    const client = await made.loggedIn()
    const moved = made.wire(made.endpoints[0]!)
    moved.send(client.packet(PAYLOAD.ipmi, client.request(0x30, 1)))
    expect(await moved.receive()).toBeDefined()
  })
})

describe('sessions', () => {
  test('are closed by who has them, by an administrator, and by nobody else', async () => {
    const made = world()
    const client = await made.loggedIn()
    const low = await made.loggedIn({ user: 'oper', password: 'operator-secret' })
    const little = (id: number) => [id & 255, (id >>> 8) & 255, (id >>> 16) & 255, id >>> 24]
    expect((await low.command(6, 0x3c, little(client.managedId)))?.completionCode).toBe(0xd4)
    await client.command(6, 0x3b, [4])
    expect((await client.command(6, 0x3c, little(1)))?.completionCode).toBe(0x87)
    expect((await client.command(6, 0x3c, [0, 0, 0, 0, 9]))?.completionCode).toBe(0x88)
    expect((await client.command(6, 0x3c, [0, 0, 0, 0, 2]))?.completionCode).toBe(0)
    expect(await low.command(0x30, 1)).toBeUndefined()
    expect((await client.command(6, 0x3c, little(client.managedId)))?.completionCode).toBe(0)
    expect(await client.command(0x30, 1)).toBeUndefined()
    expect(made.server.table.counts.sessions).toBe(0)
  })

  test('tell who is logged in', async () => {
    const made = world()
    const client = await made.loggedIn()
    await made.loggedIn({ user: 'oper', password: 'operator-secret', address: '198.51.100.7' })
    const info = async (...data: number[]) => {
      const answer = await client.command(6, 0x3d, data)
      return `${answer?.completionCode.toString(16)} ${hex(answer!.data).slice(0, 20)}`
    }
    // Handle, how many may be, how many are, account, level, RMCP+ on channel 1, address.
    expect(await info(0)).toBe('0 01200202' + '0211c0000201')
    expect(await info(2)).toBe('0 02200203' + '0211c6336407')
    expect(await info(3)).toBe('0 002002')
    expect(await info(0xfe, 9)).toBe('cb ')
    expect(await info(0xfe)).toBe('c7 ')
  })

  test('all end when a command says so, after its answer', async () => {
    const made = world()
    const client = await made.loggedIn()
    await client.command(6, 0x3b, [4])
    expect(await codeOf(client, 12)).toBe(0)
    expect(made.server.table.counts.sessions).toBe(0)
  })
})

describe('serial over LAN', () => {
  const withConsole = async (made: IpmiWorld) => {
    const client = await made.loggedIn()
    await client.command(6, 0x3b, [4])
    expect(await codeOf(client, 10)).toBe(0)
    return { client, line: made.fakes[0]!.lines.at(-1)! }
  }

  test('what is typed reaches the machine, what it prints reaches the client', async () => {
    const made = world()
    const { client, line } = await withConsole(made)
    client.sendSol({ sequence: 1, data: latin1Bytes('root\r') })
    const answers = [await client.sol(), await client.sol()]
    expect(answers.map((packet) => [packet!.acknowledged, latin1(packet!.data)])).toEqual([
      [1, ''],
      [0, 'root\r'],
    ])
    expect(line.typed).toBe('root\r')
    client.sendSol({ acknowledged: 1, accepted: 5, sequence: 2, flags: 0x10 })
    await client.sol()
    expect(line.breaks).toBe(1)
  })

  test('what nobody acknowledges is sent again', async () => {
    const made = world()
    const { client, line } = await withConsole(made)
    line.print('panic')
    expect((await client.sol())?.sequence).toBe(1)
    made.advance(500)
    expect((await client.sol())?.sequence).toBe(1)
    client.sendSol({ acknowledged: 1, accepted: 5 })
    made.advance(5000)
    expect(await client.sol()).toBeUndefined()
    expect(made.timers).toBe(0)
  })

  test('belongs to one session at a time; another may take it away, which the first is told', async () => {
    const made = world()
    const { client, line } = await withConsole(made)
    const other = await made.loggedIn()
    await other.command(6, 0x3b, [4])
    expect(await codeOf(other, 10)).toBe(0x80)
    expect((await other.command(0x30, 11))?.data).toEqual(Uint8Array.of(1))
    expect((await client.sol())?.flags).toBe(SOL_FROM_BMC.deactivated)
    expect(line.closed).toBe(true)
    expect(await codeOf(other, 10)).toBe(0)
  })

  test('ends with its session, and with the line, whose end is told in words', async () => {
    const made = world()
    const { client, line } = await withConsole(made)
    line.end('the guest is off')
    expect(latin1((await client.sol())!.data)).toBe('\r\n[console ended: the guest is off]\r\n')
    expect((await client.sol())?.flags).toBe(SOL_FROM_BMC.deactivated)
    expect(await codeOf(client, 10)).toBe(0)
    made.server.end([...made.server.table.all()][0]!)
    expect(made.fakes[0]!.lines.at(-1)!.closed).toBe(true)
    expect(made.bmcs[0]!.sol.holder).toBeUndefined()
  })

  test('a console that cannot be opened is refused, and leaves the line free', async () => {
    const fake = new FakeBmc()
    const made = world({ fakes: [fake] })
    const client = await made.loggedIn()
    await client.command(6, 0x3b, [4])
    fake.failure = new Refusal('not-available', 'No console.')
    expect(await codeOf(client, 10)).toBe(0xd3)
    fake.failure = undefined
    expect(await codeOf(client, 10)).toBe(0)
  })

  test('a session that ends while its console is opened leaves nothing open', async () => {
    const fake = new FakeBmc()
    const made = world({ fakes: [fake] })
    const client = await made.loggedIn()
    await client.command(6, 0x3b, [4])
    let open = () => {}
    fake.delay = () => new Promise((resolve) => (open = resolve))
    client.wire.send(client.packet(PAYLOAD.ipmi, client.request(0x30, 10)))
    made.server.end([...made.server.table.all()][0]!)
    open()
    await client.answer()
    expect(fake.lines.map((line) => line.closed)).toEqual([true])
  })
})

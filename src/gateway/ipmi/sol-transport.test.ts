import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { latin1, latin1Bytes } from '../../kit/bytes.ts'
import { SOL_FROM_BMC, SOL_FROM_CONSOLE, type SolPacket } from '../../protocols/ipmi/sol.ts'
import { MOST_SOL_WAITING_BYTES } from './limits.ts'
import { SolTransport } from './sol-transport.ts'

const SETTINGS = {
  encrypted: true,
  authenticated: true,
  accumulateMs: 50,
  threshold: 96,
  retries: 3,
  retryMs: 500,
} as const
const from = (packet: Partial<SolPacket>): SolPacket => ({
  sequence: 0,
  acknowledged: 0,
  accepted: 0,
  flags: 0,
  data: new Uint8Array(0),
  ...packet,
})
const text = (packet: SolPacket | undefined) => packet && latin1(packet.data)
const printed = (line: SolTransport, what: string, now: number) => line.printed(latin1Bytes(what), now)

describe('what the machine prints', () => {
  test('is gathered until the time is up, then goes out at once', () => {
    const line = new SolTransport(SETTINGS)
    expect(printed(line, 'lo', 0).send).toEqual([])
    expect(printed(line, 'gin: ', 20).send).toEqual([])
    expect(line.nextAt()).toBe(50)
    const { send } = line.tick(50)
    expect(send.map(text)).toEqual(['login: '])
    expect(send[0]).toMatchObject({ sequence: 1, acknowledged: 0, accepted: 0, flags: 0 })
  })

  test('goes out before when there is enough of it, one packet at a time', () => {
    const line = new SolTransport(SETTINGS)
    const first = printed(line, 'x'.repeat(600), 0).send
    expect(first.map((packet) => packet.data.length)).toEqual([251])
    expect(printed(line, 'y', 1).send).toEqual([])
    const second = line.received(from({ acknowledged: 1, accepted: 251 }), 2).send
    expect(second.map((packet) => [packet.sequence, packet.data.length])).toEqual([[2, 251]])
  })

  test('is sent again until it is acknowledged, then dropped, and the client is told that something is missing', () => {
    const line = new SolTransport(SETTINGS)
    printed(line, 'lost', 0)
    const [packet] = line.tick(50).send
    for (const now of [550, 1050, 1550]) expect(line.tick(now).send).toEqual([packet])
    expect(line.tick(2050).send).toEqual([])
    printed(line, 'next', 2060)
    expect(line.tick(2110).send).toMatchObject([{ sequence: 2, flags: SOL_FROM_BMC.overrun }])
  })

  test('of which only a part was taken: the rest goes out again under a new number', () => {
    const line = new SolTransport(SETTINGS)
    printed(line, 'abcdef', 0)
    line.tick(50)
    const flags = SOL_FROM_CONSOLE.nack
    expect(line.received(from({ acknowledged: 1, accepted: 2, flags }), 60).send).toEqual([])
    expect(line.tick(110).send.map(text)).toEqual(['cdef'])
  })

  test('waits while the client holds it, and is forgotten when the client says so', () => {
    const line = new SolTransport(SETTINGS)
    line.received(from({ flags: SOL_FROM_CONSOLE.pause }), 0)
    expect(printed(line, 'x'.repeat(300), 0).send).toEqual([])
    expect(line.nextAt()).toBeUndefined()
    expect(line.received(from({}), 100).send).toHaveLength(1)
    line.received(from({ acknowledged: 1, accepted: 251, flags: SOL_FROM_CONSOLE.flushOutbound }), 110)
    expect(line.waitingBytes).toBe(0)
  })

  test('is bounded: the oldest is dropped, in pieces of any size', () => {
    const line = new SolTransport({ ...SETTINGS, threshold: 255 })
    line.received(from({ flags: SOL_FROM_CONSOLE.pause }), 0)
    for (let i = 0; i < MOST_SOL_WAITING_BYTES; i++) printed(line, 'ab', 0)
    expect(line.waitingBytes).toBe(MOST_SOL_WAITING_BYTES)
    expect(line.received(from({}), 1).send).toMatchObject([{ flags: SOL_FROM_BMC.overrun }])
  })

  test('at the end of the line goes out with it', () => {
    const line = new SolTransport(SETTINGS)
    printed(line, 'bye', 0)
    const [last, over] = line.ended(latin1Bytes('!'))
    expect([text(last), last?.flags]).toEqual(['bye!', 0])
    expect(over).toMatchObject({ sequence: 0, flags: SOL_FROM_BMC.deactivated })
  })
})

describe('what the client types', () => {
  test('is taken and acknowledged at once', () => {
    const line = new SolTransport(SETTINGS)
    const step = line.received(from({ sequence: 5, data: latin1Bytes('ls\r') }), 0)
    expect(step.typed && latin1(step.typed)).toBe('ls\r')
    expect(step.send).toMatchObject([{ sequence: 0, acknowledged: 5, accepted: 3 }])
  })

  test('twice is acknowledged twice and typed once; so are breaks', () => {
    const line = new SolTransport(SETTINGS)
    const packet = from({ sequence: 1, data: latin1Bytes('y'), flags: SOL_FROM_CONSOLE.break })
    expect(line.received(packet, 0)).toMatchObject({ breaks: true, typed: packet.data })
    const again = line.received(packet, 1)
    expect(again).toMatchObject({ breaks: false, typed: undefined, send: [{ acknowledged: 1, accepted: 1 }] })
  })

  test('is acknowledged together with what is to be printed, when there is something', () => {
    const line = new SolTransport(SETTINGS)
    printed(line, 'prompt', 0)
    const { send } = line.received(from({ sequence: 1, data: latin1Bytes('a') }), 60)
    expect(send.map((packet) => [text(packet), packet.sequence, packet.acknowledged])).toEqual([['prompt', 1, 1]])
  })
})

test('over a line that loses and repeats packets, every character arrives once and in order as long as nothing is given up', () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ minLength: 1, maxLength: 400 }), { maxLength: 20 }),
      fc.infiniteStream(fc.nat(3)),
      (pieces, luck) => {
        const line = new SolTransport({ ...SETTINGS, retries: 1000 })
        const sent = pieces.map((piece) => piece.replace(/[^\x20-\x7e]/g, '.'))
        const lucky = () => luck.next().value !== 0
        let now = 0
        let got = ''
        let last = 0
        const take = (packets: readonly SolPacket[]): void => {
          for (const packet of packets) {
            if (!lucky() || packet.sequence === 0) continue
            if (packet.sequence !== last) got += text(packet)
            last = packet.sequence
            if (lucky())
              take(line.received(from({ acknowledged: packet.sequence, accepted: packet.data.length }), now).send)
          }
        }
        for (const piece of sent) take(printed(line, piece, now).send)
        for (let i = 0; i < 2000 && line.nextAt() !== undefined; i++) {
          now = Math.max(now + 1, line.nextAt()!)
          take(line.tick(now).send)
        }
        expect(got).toBe(sent.join(''))
      },
    ),
    { numRuns: 50 },
  )
})

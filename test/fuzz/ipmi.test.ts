import { expect, test } from 'vitest'
import { MOST_HALF_OPEN, MOST_HALF_OPEN_OF_ADDRESS, MOST_SOL_WAITING_BYTES } from '../../src/gateway/ipmi/limits.ts'
import { SequenceWindow } from '../../src/gateway/ipmi/sequence.ts'
import { SolTransport } from '../../src/gateway/ipmi/sol-transport.ts'
import { DecodeError } from '../../src/kit/errors.ts'
import { SILENT } from '../../src/kit/log.ts'
import { decodeRequest, decodeResponse, encodeRequest } from '../../src/protocols/ipmi/message.ts'
import {
  decodeOpenSessionRequest,
  decodeOpenSessionResponse,
  encodeOpenSessionRequest,
} from '../../src/protocols/ipmi/open-session.ts'
import { decodePacket, encodeOld, encodePlus, PAYLOAD } from '../../src/protocols/ipmi/packet.ts'
import {
  decodeRakp1,
  decodeRakp2,
  decodeRakp3,
  decodeRakp4,
  encodeRakp1,
  encodeRakp3,
} from '../../src/protocols/ipmi/rakp.ts'
import { decodePing, decodePong, decodeRmcp, encodePing, MOST_PACKET_BYTES } from '../../src/protocols/ipmi/rmcp.ts'
import { decodeSol, encodeSol } from '../../src/protocols/ipmi/sol.ts'
import { IpmiWorld } from '../fakes/ipmi-world.ts'
import { fuzzCount, fuzzSeed, Mutator } from './mutator.ts'

/** Runs what may refuse its input, but in no other way than by a `DecodeError`. */
function tolerate<T>(work: () => T): T | undefined {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    return undefined
  }
}

const algorithms = { authentication: 3, integrity: 4, confidentiality: 1 }
const name = Uint8Array.of(97, 100, 109, 105, 110)
const samples = (id: number): Uint8Array[] => [
  encodePing(1),
  encodeOld(encodeRequest({ netFn: 6, command: 0x38, sequence: 1, data: Uint8Array.of(0x8e, 4) })),
  encodePlus(PAYLOAD.ipmi, encodeRequest({ netFn: 6, command: 0x54, sequence: 1, data: Uint8Array.of(0x0e, 0, 0x80) })),
  encodePlus(PAYLOAD.openSessionRequest, encodeOpenSessionRequest({ tag: 1, privilege: 0, consoleId: 7, algorithms })),
  encodePlus(
    PAYLOAD.rakp1,
    encodeRakp1({ tag: 1, managedId: id, consoleRandom: new Uint8Array(16), nameOnly: true, privilege: 4, name }),
  ),
  encodePlus(PAYLOAD.rakp3, encodeRakp3({ tag: 1, status: 0, managedId: id, code: new Uint8Array(32) })),
]

test('every decoder of IPMI: hostile bytes are refused by a DecodeError, and nothing is longer than its limit', () => {
  const mutator = new Mutator(fuzzSeed('ipmi decoders'))
  const inputs = [...samples(1), encodeSol({ sequence: 1, acknowledged: 2, accepted: 3, flags: 4, data: name })]
  for (let i = 0; i < fuzzCount(); i++) {
    const input = mutator.mutate(mutator.pick(inputs))
    const rmcp = tolerate(() => decodeRmcp(input))
    const packet = rmcp && tolerate(() => decodePacket(rmcp.body))
    if (packet) expect(packet.payload.length).toBeLessThanOrEqual(MOST_PACKET_BYTES)
    for (const bytes of [packet?.payload ?? input, rmcp?.body ?? input]) {
      const message = tolerate(() => decodeRequest(bytes)) ?? tolerate(() => decodeResponse(bytes))
      if (message) expect(message.data.length).toBeLessThanOrEqual(248)
      const first = tolerate(() => decodeRakp1(bytes))
      if (first) expect(first.name.length).toBeLessThanOrEqual(16)
      tolerate(() => decodeOpenSessionRequest(bytes))
      tolerate(() => decodeOpenSessionResponse(bytes))
      tolerate(() => decodeRakp2(bytes, 17))
      tolerate(() => decodeRakp3(bytes))
      tolerate(() => decodeRakp4(bytes, 3))
      tolerate(() => decodePing(bytes))
      tolerate(() => decodePong(bytes))
      const sol = tolerate(() => decodeSol(bytes))
      if (sol) expect(sol.data.length).toBeLessThanOrEqual(251)
    }
  }
})

test('the server: whatever comes from wherever, it never fails, memory is bounded, nobody gets in, and who knows the password does', async () => {
  const mutator = new Mutator(fuzzSeed('ipmi server'))
  const faults: unknown[] = []
  const world = new IpmiWorld({ log: { ...SILENT, error: (fields) => void faults.push(fields) } })
  const session = await world.loggedIn({ address: '198.51.100.1' })
  const heard = world.endpoints[0]!
  const honest = [...world.server.table.all()][0]!
  let lastId = 1
  const send = (_packet: Uint8Array) => {
    const packet = tolerate(() => decodePacket(decodeRmcp(_packet).body))
    if (packet?.version !== 2 || packet.payloadType !== PAYLOAD.openSessionResponse) return
    const answer = decodeOpenSessionResponse(packet.payload)
    if ('managedId' in answer) lastId = answer.managedId
  }
  const endpoint = { ...heard, send }
  const kinds = [
    () => samples(lastId),
    () => [session.packet(PAYLOAD.ipmi, session.request(6, 0x3d, [0]), 5)],
    () => [
      session.packet(PAYLOAD.sol, encodeSol({ sequence: 1, acknowledged: 1, accepted: 1, flags: 0, data: name }), 6),
    ],
  ]
  for (let i = 0; i < fuzzCount(); i++) {
    const input = mutator.mutate(mutator.pick(mutator.pick(kinds)()))
    const peer = { address: `192.0.2.${mutator.below(250)}`, port: 1024 + mutator.below(60_000) }
    world.server.receive(mutator.below(2) === 0 ? endpoint : heard, input, peer)
    if (mutator.below(1000) === 0) {
      world.clock.advance(mutator.below(3000))
      world.server.sweep()
      honest.lastAt = world.clock.now()
    }
    if (i % 5000 === 0) await Promise.resolve()
    const { sessions, halfOpen, addresses } = world.server.table.counts
    expect(sessions).toBe(1)
    expect(faults).toEqual([])
    expect(halfOpen).toBeLessThanOrEqual(Math.min(MOST_HALF_OPEN, 250 * MOST_HALF_OPEN_OF_ADDRESS))
    expect(addresses).toBeLessThanOrEqual(250)
  }
  world.advance(10_000)
  expect(world.server.table.counts).toMatchObject({ halfOpen: 0, addresses: 0 })
  honest.lastAt = world.clock.now()
  session.sequence = 6
  await world.loggedIn({ address: '198.51.100.2' })
  expect(world.fakes[0]!.calls.filter((call) => call.startsWith('perform'))).toEqual([])
})

test('the serial line: any packets in any order at any time; what waits is bounded, one packet is in flight', () => {
  const mutator = new Mutator(fuzzSeed('ipmi sol'))
  const settings = { encrypted: true, authenticated: true, accumulateMs: 20, threshold: 40, retries: 2, retryMs: 100 }
  let line = new SolTransport(settings)
  let now = 0
  let flight = 0
  for (let i = 0; i < fuzzCount(); i++) {
    now += mutator.below(60)
    const data = new Uint8Array(mutator.below(4) === 0 ? mutator.below(3000) : mutator.below(20)).fill(65)
    const packet = {
      sequence: mutator.below(16),
      acknowledged: mutator.below(2) === 0 ? flight : mutator.below(16),
      accepted: mutator.below(256),
      flags: mutator.below(4) === 0 ? mutator.below(256) : 0,
      data: data.subarray(0, 251),
    }
    const step = [() => line.printed(data, now), () => line.received(packet, now), () => line.tick(now)][
      mutator.below(3)
    ]!()
    for (const sent of step.send) {
      expect(encodeSol(sent).length).toBeLessThanOrEqual(255)
      if (sent.sequence !== 0) flight = sent.sequence
    }
    expect(step.send.filter((sent) => sent.sequence !== 0).length).toBeLessThanOrEqual(1)
    expect(line.waitingBytes).toBeLessThanOrEqual(MOST_SOL_WAITING_BYTES + 255)
    if (line.waitingBytes === 0 && flight === 0) expect(line.nextAt()).toBeUndefined()
    if (mutator.below(5000) === 0) {
      line.ended(data.subarray(0, 200))
      line = new SolTransport(settings)
      flight = 0
    }
  }
})

test('sequence numbers: no number is taken twice, wherever the window is', () => {
  const mutator = new Mutator(fuzzSeed('ipmi sequence'))
  let window = new SequenceWindow()
  let at = 1
  const taken = new Set<number>()
  for (let i = 0; i < fuzzCount(); i++) {
    const sequence = Math.max(0, at + mutator.below(60) - 40)
    if (window.accept(sequence)) {
      expect(taken.has(sequence)).toBe(false)
      taken.add(sequence)
      at = Math.max(at, sequence)
    }
    if (mutator.below(2000) === 0) {
      window = new SequenceWindow()
      taken.clear()
      at = 1
    }
  }
})

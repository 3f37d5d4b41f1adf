import { expect, test } from 'vitest'
import { decideOffer, decideOverheard } from '../../src/boot/offer/decide.ts'
import type { Arrival, OfferFacts } from '../../src/boot/offer/facts.ts'
import { ManualClock } from '../../src/kit/clock.ts'
import { DecodeError } from '../../src/kit/errors.ts'
import { ipv4, parseIpv4, parseSubnet } from '../../src/kit/ip.ts'
import { macToBytes, parseMac } from '../../src/kit/mac.ts'
import { Leases } from '../../src/networks/leases.ts'
import { decodeDhcp, encodeDhcp } from '../../src/protocols/dhcp/message.ts'
import { OPTION, OptionsBuilder } from '../../src/protocols/dhcp/options.ts'
import { encodeClientUuid } from '../../src/protocols/dhcp/pxe.ts'
import { encodeRelayInformation } from '../../src/protocols/dhcp/relay.ts'
import { decodeArp } from '../../src/protocols/ethernet/arp.ts'
import { decodeFrame } from '../../src/protocols/ethernet/frame.ts'
import { decodeIpv4, decodeUdp } from '../../src/protocols/ethernet/ip.ts'
import { decodeRouterSolicitation, encodeRouterSolicitation } from '../../src/protocols/icmpv6/router.ts'
import { fuzzCount, fuzzSeed, Mutator } from './mutator.ts'

/** Processor time that no input may cost more than, whatever it says; time on the clock would be that of a busy machine. */
const MOST_MICROSECONDS = 1_000_000

const MAC = parseMac('52:54:00:00:00:01')!
const SERVER = parseIpv4('10.0.0.1')!

/** Whole packets of every kind, so that damage reaches deep. */
function seeds(): Uint8Array[] {
  const none = ipv4(0)
  const made: Uint8Array[] = []
  for (const type of [1, 2, 3, 4, 7, 8])
    for (const arch of [undefined, 0, 7, 16]) {
      const options = new OptionsBuilder()
        .set(OPTION.messageType, type)
        .set(OPTION.requestedAddress, parseIpv4('10.0.0.101')!)
        .set(OPTION.parameterRequestList, Uint8Array.of(1, 3, 6, 12, 15, 28, 42, 66, 67))
        .set(
          OPTION.relayAgentInformation,
          encodeRelayInformation({ circuitId: Uint8Array.of(1, 2), linkSelection: SERVER }),
        )
        .set(OPTION.clientIdentifier, Uint8Array.of(1, ...macToBytes(MAC)))
      if (type === 3) options.set(OPTION.serverIdentifier, SERVER)
      if (arch !== undefined)
        options
          .set(
            OPTION.vendorClass,
            `${arch === 16 ? 'HTTP' : 'PXE'}Client:Arch:000${String(arch).padStart(2, '0')}:UNDI:003016`,
          )
          .set(OPTION.clientArchitecture, [arch])
          .set(OPTION.clientMachine, encodeClientUuid('00112233-4455-6677-8899-aabbccddeeff'))
          .set(OPTION.ipxe, Uint8Array.of(19, 1, 1, 255))
          .set(OPTION.userClass, Uint8Array.of(4, 105, 80, 88, 69))
          .set(OPTION.vendorSpecific, Uint8Array.of(71, 4, 0, 0, 0, 0, 255))
      const header = { op: type === 2 ? 2 : 1, htype: 1, hops: 0, xid: 1, secs: 0, flags: 0, sname: '', file: '' }
      const addresses = { ciaddr: none, yiaddr: none, siaddr: none, giaddr: none }
      made.push(encodeDhcp({ ...header, ...addresses, chaddr: macToBytes(MAC), options: options.build() }, 1472))
    }
  return made
}

/** Damage everywhere, and now and then where codes and lengths of options lie: that is what hurts. */
function damaged(seed: Uint8Array, mutator: Mutator): Uint8Array {
  const bytes = Uint8Array.from(mutator.mutate(seed)).subarray(0, 1500)
  if (bytes.length > 244 && mutator.below(3) === 0)
    bytes[240 + mutator.below(bytes.length - 240)] = mutator.pick([0, 1, 52, 53, 61, 82, 97, 175, 254, 255])
  return bytes
}

/** Runs one input; anything but an answer or a `DecodeError` is a failure that names the input. */
function withstand(bytes: Uint8Array, run: (bytes: Uint8Array) => void): boolean {
  const started = process.threadCpuUsage()
  try {
    run(bytes)
    return true
  } catch (error) {
    if (error instanceof DecodeError) return false
    throw new Error(`on the input ${Buffer.from(bytes).toString('hex')}`, { cause: error })
  } finally {
    expect(process.threadCpuUsage(started).user).toBeLessThan(MOST_MICROSECONDS)
  }
}

test('DHCP packets: damaged ones are answered, ignored or refused, and nothing else', async () => {
  const mutator = new Mutator(fuzzSeed('DHCP'))
  const count = fuzzCount()
  const clock = new ManualClock()
  const lan = {
    ...{ name: 'lan', subnet: parseSubnet('10.0.0.0/24')!, interface: 'eth0', router: null, dns: [], ntp: [] },
    ...{ ranges: [{ first: parseIpv4('10.0.0.100')!, last: parseIpv4('10.0.0.200')! }], domain: null, relay: null },
    leaseSeconds: 60,
  }
  const repository = { all: async () => [], saveAll: async () => {}, removeAll: async () => {} }
  const leases = await Leases.open({ repository, clock, networks: [lan] })
  const on = { name: 'eth0', mac: parseMac('52:54:00:ff:ff:ff')!, address: SERVER, subnet: lan.subnet }
  const whole = seeds()
  let understood = 0
  let answered = 0
  for (let round = 0; round < count; round += 1) {
    const bytes = damaged(mutator.pick(whole), mutator)
    const facts: OfferFacts = {
      mode: mutator.below(2) === 0 ? 'server' : 'proxy',
      ...{ now: clock.now(), networks: [lan], leases, unknownMachines: 'park', advertise: null, httpPort: 8080 },
      machine: () => undefined,
      isOurs: (address) => address === SERVER,
    }
    const arrival: Arrival = {
      on,
      port: mutator.below(4) === 0 ? 4011 : 67,
      source: { address: ipv4(mutator.below(2) * 0x0a000099), port: 68 },
    }
    const fine = withstand(bytes, (input) => {
      const message = decodeDhcp(input)
      expect(decodeDhcp(encodeDhcp(message, 65_000))).toEqual(message)
      decideOverheard(message, arrival, facts)
      const decision = decideOffer(message, arrival, facts)
      if (decision.reply) {
        answered += 1
        expect(encodeDhcp(decision.reply.message, decision.reply.maxLength).length).toBeLessThanOrEqual(1472)
      }
      if (decision.change) leases.apply(decision.change)?.catch(() => undefined)
    })
    if (fine) understood += 1
    if (round % 1000 === 0) {
      await leases.settled()
      clock.advance(1000)
    }
  }
  await leases.settled()
  // Memory is bounded by the addresses there are, not by what was sent.
  expect(leases.all().length).toBeLessThanOrEqual(101)
  // Damage that kills every packet at the door would prove nothing about what lies behind it.
  expect(understood).toBeGreaterThan(count / 20)
  expect(answered).toBeGreaterThan(count / 100)
})

test('frames: damaged ones are read or refused, and nothing else', () => {
  const mutator = new Mutator(fuzzSeed('frames'))
  const count = fuzzCount()
  const solicitation = encodeRouterSolicitation(MAC)
  for (let round = 0; round < count; round += 1)
    withstand(damaged(solicitation, mutator), (input) => {
      const { payload } = decodeFrame(input)
      for (const decode of [
        decodeRouterSolicitation,
        decodeArp,
        (bytes: Uint8Array) => decodeUdp(decodeIpv4(bytes).payload),
      ])
        withstand(payload, decode)
    })
})

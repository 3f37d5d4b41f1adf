/** Packets and a world for the tests of this folder. */

import { decideOffer } from '../../src/boot/offer/decide.ts'
import type { Arrival, OfferDecision, OfferFacts } from '../../src/boot/offer/facts.ts'
import { CLIENT_ARCHITECTURES } from '../../src/boot/programs.ts'
import { ManualClock } from '../../src/kit/clock.ts'
import { type Ipv4, ipv4, parseIpv4, parseSubnet } from '../../src/kit/ip.ts'
import { type Mac, macToBytes, parseMac } from '../../src/kit/mac.ts'
import type { Machine } from '../../src/machines/machine.ts'
import type { Lease } from '../../src/networks/lease.ts'
import { Leases } from '../../src/networks/leases.ts'
import type { Network } from '../../src/networks/network.ts'
import { Reservations } from '../../src/networks/reservations.ts'
import { type DhcpMessage, decodeDhcp, encodeDhcp } from '../../src/protocols/dhcp/message.ts'
import { MESSAGE_TYPE, type MessageTypeName, OPTION, OptionsBuilder } from '../../src/protocols/dhcp/options.ts'
import { encodeClientUuid } from '../../src/protocols/dhcp/pxe.ts'

export const at = (text: string): Ipv4 => parseIpv4(text)!
export const NONE = ipv4(0)
export const MAC = parseMac('52:54:00:00:00:01')!
export const OTHER = parseMac('52:54:00:00:00:02')!
export const SERVER = at('10.0.0.1')
export const FOREIGN = at('10.0.0.2')
export const UUID = '00112233-4455-6677-8899-aabbccddeeff'

export const lan: Network = {
  name: 'lan',
  subnet: parseSubnet('10.0.0.0/24')!,
  interface: 'eth0',
  ranges: [{ first: at('10.0.0.100'), last: at('10.0.0.110') }],
  router: at('10.0.0.254'),
  dns: [at('10.0.0.53')],
  ntp: [at('10.0.0.123')],
  domain: 'example.org',
  leaseSeconds: 3600,
  relay: null,
}
export const far: Network = {
  ...lan,
  name: 'far',
  subnet: parseSubnet('10.9.0.0/24')!,
  interface: null,
  ranges: [{ first: at('10.9.0.100'), last: at('10.9.0.110') }],
  router: at('10.9.0.1'),
}
export const rack: Network = {
  ...far,
  name: 'rack',
  subnet: parseSubnet('10.8.0.0/24')!,
  ranges: [{ first: at('10.8.0.100'), last: at('10.8.0.110') }],
  relay: { circuitId: '0x0004000a' },
}

export const machine: Machine = {
  ...{ id: 'm_1', name: 'node-0001', state: 'ready', macs: [MAC], uuid: null, serial: null, manufacturer: null },
  ...{
    product: null,
    architecture: null,
    firmware: null,
    bootLoader: 'auto',
    tags: [],
    notes: '',
    ip: '10.0.0.50',
    hostname: 'pc1',
  },
  ...{ profile: null, nextBoot: null, createdAt: 0, updatedAt: 0, lastSeenAt: null, lastAddress: null },
}

/** A server with three networks and a clock of its own; nothing is sent. */
export class OfferWorld {
  readonly leases: Leases
  readonly facts: OfferFacts
  readonly clock: ManualClock

  private constructor(leases: Leases, facts: OfferFacts, clock: ManualClock) {
    this.leases = leases
    this.facts = facts
    this.clock = clock
  }

  static async open(over: Partial<OfferFacts> = {}, machines: readonly Machine[] = []): Promise<OfferWorld> {
    const clock = new ManualClock()
    const repository = { all: async () => [], saveAll: async () => {}, removeAll: async () => {} }
    const networks = over.networks ?? [lan, far, rack]
    const leases = await Leases.open({ repository, clock, networks, reservations: new Reservations(machines) })
    const facts: OfferFacts = {
      ...{
        mode: 'server',
        now: clock.now(),
        networks,
        leases,
        unknownMachines: 'park',
        advertise: null,
        httpPort: 8080,
      },
      machine: (mac) => machines.find((each) => each.macs.includes(mac)),
      isOurs: (address) => address === SERVER || address === at('10.9.0.200'),
      ...over,
    }
    return new OfferWorld(leases, facts, clock)
  }

  decide(packet: DhcpMessage, over: Partial<Arrival> = {}): OfferDecision {
    return decideOffer(packet, arrival(over), { ...this.facts, now: this.clock.now() })
  }

  bound(ip: string, mac = MAC, over: Partial<Lease> = {}): Lease {
    const now = this.clock.now()
    return {
      ...{ ip: at(ip), network: 'lan', client: mac, mac, hostname: null, state: 'bound' },
      ...{ startedAt: now, expiresAt: now + 3_600_000 },
      ...over,
    }
  }

  /** Gives a client an address, as if it had gone through the whole conversation. */
  async have(ip: string, mac = MAC, over: Partial<Lease> = {}): Promise<void> {
    await this.leases.apply({ kind: 'bind', lease: this.bound(ip, mac, over) })
  }
}

export type Said = Partial<DhcpMessage> & { mac?: Mac; options?: ReadonlyMap<number, Uint8Array> }

export function message(
  type: MessageTypeName,
  set: (options: OptionsBuilder) => OptionsBuilder,
  said: Said = {},
): DhcpMessage {
  const { mac = MAC, ...over } = said
  const whole = {
    ...{ op: 1, htype: 1, hops: 0, xid: 0xabcd, secs: 0, flags: 0, sname: '', file: '' },
    ...{ ciaddr: NONE, yiaddr: NONE, siaddr: NONE, giaddr: NONE, chaddr: macToBytes(mac) },
    options: set(new OptionsBuilder().set(OPTION.messageType, MESSAGE_TYPE[type])).build(),
    ...over,
  }
  return decodeDhcp(encodeDhcp(whole, 1472))
}

export const plain = (type: MessageTypeName, said: Said = {}) => message(type, (options) => options, said)
export const everything = Uint8Array.of(1, 3, 6, 12, 15, 28, 42, 66, 67)

export function pxe(
  type: MessageTypeName,
  arch: number,
  said: Said & { uuid?: boolean; set?: (options: OptionsBuilder) => OptionsBuilder } = {},
) {
  const { uuid = true, set = (options) => options, ...rest } = said
  const http = CLIENT_ARCHITECTURES.some((each) => each.number === arch && each.http)
  const name = `${http ? 'HTTPClient' : 'PXEClient'}:Arch:${String(arch).padStart(5, '0')}:UNDI:003016`
  return message(
    type,
    (options) => {
      options.set(OPTION.vendorClass, name).set(OPTION.clientArchitecture, [arch])
      if (uuid) options.set(OPTION.clientMachine, encodeClientUuid(UUID))
      return set(options)
    },
    rest,
  )
}

export function ipxe(type: MessageTypeName, said: Said = {}, features = Uint8Array.of(19, 1, 1, 255)): DhcpMessage {
  return pxe(type, 0, { ...said, set: (options) => options.set(OPTION.ipxe, features) })
}

export function arrival(over: Partial<Arrival> = {}): Arrival {
  return {
    on: { name: 'eth0', mac: parseMac('52:54:00:ff:ff:ff')!, address: SERVER, subnet: lan.subnet },
    port: 67,
    source: { address: NONE, port: 68 },
    ...over,
  }
}

/** What was sent: `offer`, `ack`, `nak`; `null` for silence. */
export function typeOf(decision: OfferDecision): string | null {
  return decision.reply && String(decision.event.detail?.reply)
}

import { beforeEach, describe, expect, it } from 'vitest'
import { ManualClock } from '../../kit/clock.ts'
import { DecodeError } from '../../kit/errors.ts'
import { formatIpv4, type Ipv4, ipv4, parseIpv4, parseSubnet } from '../../kit/ip.ts'
import { type Mac, macToBytes, parseMac } from '../../kit/mac.ts'
import type { Machine } from '../../machines/machine.ts'
import type { Lease } from '../../networks/lease.ts'
import { Leases } from '../../networks/leases.ts'
import type { Network } from '../../networks/network.ts'
import { Reservations } from '../../networks/reservations.ts'
import { BROADCAST_FLAG, type DhcpMessage, decodeDhcp, encodeDhcp } from '../../protocols/dhcp/message.ts'
import { getOption, MESSAGE_TYPE, type MessageTypeName, OPTION, OptionsBuilder } from '../../protocols/dhcp/options.ts'
import { decodeEncapsulated, encodeClientUuid } from '../../protocols/dhcp/pxe.ts'
import { encodeRelayInformation } from '../../protocols/dhcp/relay.ts'
import { BOOT_PATHS } from '../paths.ts'
import { CLIENT_ARCHITECTURES } from '../programs.ts'
import { decideOffer, decideOverheard } from './decide.ts'
import type { Arrival, OfferDecision, OfferFacts } from './facts.ts'

const at = (text: string): Ipv4 => parseIpv4(text)!
const NONE = ipv4(0)
const MAC = parseMac('52:54:00:00:00:01')!
const OTHER = parseMac('52:54:00:00:00:02')!
const SERVER = at('10.0.0.1')
const FOREIGN = at('10.0.0.2')
const UUID = '00112233-4455-6677-8899-aabbccddeeff'

const lan: Network = {
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
const far: Network = {
  ...lan,
  name: 'far',
  subnet: parseSubnet('10.9.0.0/24')!,
  interface: null,
  ranges: [{ first: at('10.9.0.100'), last: at('10.9.0.110') }],
  router: at('10.9.0.1'),
}
const rack: Network = {
  ...far,
  name: 'rack',
  subnet: parseSubnet('10.8.0.0/24')!,
  ranges: [{ first: at('10.8.0.100'), last: at('10.8.0.110') }],
  relay: { circuitId: '0x0004000a' },
}

const machine: Machine = {
  ...{ id: 'm_1', name: 'node-0001', state: 'ready', macs: [MAC], uuid: null, serial: null, manufacturer: null },
  ...{ product: null, architecture: null, firmware: null, tags: [], notes: '', ip: '10.0.0.50', hostname: 'pc1' },
  ...{ profile: null, nextBoot: null, lab: null, createdAt: 0, updatedAt: 0, lastSeenAt: null, lastAddress: null },
}

type World = { leases: Leases; facts: OfferFacts; clock: ManualClock }
let world: World

async function newWorld(over: Partial<OfferFacts> = {}, machines: readonly Machine[] = []): Promise<World> {
  const clock = new ManualClock()
  const repository = { all: async () => [], saveAll: async () => {}, removeAll: async () => {} }
  const networks = over.networks ?? [lan, far, rack]
  const leases = await Leases.open({ repository, clock, networks, reservations: new Reservations(machines) })
  const facts: OfferFacts = {
    ...{ mode: 'server', now: clock.now(), networks, leases, unknownMachines: 'park', advertise: null, httpPort: 8080 },
    machine: (mac) => machines.find((each) => each.macs.includes(mac)),
    isOurs: (address) => address === SERVER || address === at('10.9.0.200'),
    ...over,
  }
  return { leases, facts, clock }
}

beforeEach(async () => {
  world = await newWorld()
})

type Said = Partial<DhcpMessage> & { mac?: Mac; options?: ReadonlyMap<number, Uint8Array> }

function message(
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

const plain = (type: MessageTypeName, said: Said = {}) => message(type, (options) => options, said)
const everything = Uint8Array.of(1, 3, 6, 12, 15, 28, 42, 66, 67)

function pxe(
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

function ipxe(type: MessageTypeName, said: Said = {}, features = Uint8Array.of(19, 1, 1, 255)): DhcpMessage {
  return pxe(type, 0, { ...said, set: (options) => options.set(OPTION.ipxe, features) })
}

function arrival(over: Partial<Arrival> = {}): Arrival {
  return {
    on: { name: 'eth0', mac: parseMac('52:54:00:ff:ff:ff')!, address: SERVER, subnet: lan.subnet },
    port: 67,
    source: { address: NONE, port: 68 },
    ...over,
  }
}

const decide = (packet: DhcpMessage, over: Partial<Arrival> = {}) =>
  decideOffer(packet, arrival(over), { ...world.facts, now: world.clock.now() })

function typeOf(decision: OfferDecision): string | null {
  return decision.reply && String(decision.event.detail?.reply)
}

const bound = (ip: string, mac = MAC, over: Partial<Lease> = {}): Lease => ({
  ...{ ip: at(ip), network: 'lan', client: mac, mac, hostname: null, state: 'bound' },
  ...{ startedAt: world.clock.now(), expiresAt: world.clock.now() + 3_600_000 },
  ...over,
})
const have = (ip: string, mac = MAC) => world.leases.apply({ kind: 'bind', lease: bound(ip, mac) })

describe('DISCOVER', () => {
  it('is offered a free address with the options of its network', () => {
    const decision = decide(
      plain('discover', {
        options: new OptionsBuilder().set(OPTION.messageType, 1).set(OPTION.parameterRequestList, everything).build(),
      }),
    )
    const reply = decision.reply!.message
    expect(typeOf(decision)).toBe('offer')
    expect(reply).toMatchObject({
      op: 2,
      xid: 0xabcd,
      yiaddr: at('10.0.0.100'),
      ciaddr: NONE,
      siaddr: NONE,
      file: '',
      sname: '',
    })
    expect(getOption(reply, OPTION.serverIdentifier)).toBe(SERVER)
    expect(getOption(reply, OPTION.subnetMask)).toBe(at('255.255.255.0'))
    expect(getOption(reply, OPTION.router)).toEqual([at('10.0.0.254')])
    expect(getOption(reply, OPTION.dns)).toEqual([at('10.0.0.53')])
    expect(getOption(reply, OPTION.ntp)).toEqual([at('10.0.0.123')])
    expect(getOption(reply, OPTION.domain)).toBe('example.org')
    expect(getOption(reply, OPTION.broadcast)).toBe(at('10.0.0.255'))
    expect(getOption(reply, OPTION.leaseTime)).toBe(3600)
    expect(getOption(reply, OPTION.renewalTime)).toBe(1800)
    expect(getOption(reply, OPTION.rebindingTime)).toBe(3150)
    expect(decision.change).toMatchObject({ kind: 'hold', ip: at('10.0.0.100') })
    expect(decision.probe?.ip).toBe(at('10.0.0.100'))
  })

  it('of an ordinary client gets no boot file, makes no boot trace and no sighting', () => {
    const decision = decide(plain('discover'))
    expect(decision).toMatchObject({
      boot: false,
      sighting: null,
      event: { stage: 'system', detail: { client: 'system' } },
    })
    expect(decision.reply!.message.options.has(OPTION.bootFileName.code)).toBe(false)
  })

  it('gets the reserved address and host name of its machine', async () => {
    world = await newWorld({}, [machine])
    const packet = message('discover', (options) => options.set(OPTION.parameterRequestList, everything))
    const decision = decide(packet)
    expect(decision.reply!.message.yiaddr).toBe(at('10.0.0.50'))
    expect(getOption(decision.reply!.message, OPTION.hostname)).toBe('pc1')
    expect(decision.event.reason).toContain('reserved for this machine')
    expect(decision.probe).toBeNull()
  })

  it('finds its reserved address among several networks of one interface', async () => {
    const second = { ...lan, name: 'second', subnet: parseSubnet('10.5.0.0/24')!, ranges: [] }
    world = await newWorld({ networks: [lan, second] }, [{ ...machine, ip: '10.5.0.7' }])
    expect(decide(plain('discover')).reply!.message.yiaddr).toBe(at('10.5.0.7'))
    expect(decide(plain('discover', { mac: OTHER })).reply!.message.yiaddr).toBe(at('10.0.0.100'))
  })

  it('is refused with the reason when no address is left', async () => {
    world = await newWorld({ networks: [{ ...lan, ranges: [{ first: at('10.0.0.100'), last: at('10.0.0.100') }] }] })
    await have('10.0.0.100', OTHER)
    const decision = decide(pxe('discover', 7))
    expect(decision).toMatchObject({
      reply: null,
      boot: true,
      event: { outcome: 'refused', reason: 'all 1 addresses of network lan are in use' },
    })
  })

  it('is left alone where no network is served', async () => {
    world = await newWorld({ networks: [far] })
    expect(decide(plain('discover'))).toMatchObject({ reply: null, change: null, event: { outcome: 'ignored' } })
  })
})

describe('where replies go (RFC 2131 §4.1)', () => {
  const asked = (said: Said, over: Partial<Arrival> = {}) => decide(plain('discover', said), over).reply!.destination

  it('to the hardware of a client without an address', () => {
    expect(asked({})).toEqual({ to: 'hardware', mac: MAC, address: at('10.0.0.100'), port: 68 })
  })

  it('to everyone when the client says so', () => {
    expect(asked({ flags: BROADCAST_FLAG })).toEqual({ to: 'broadcast', port: 68 })
  })

  it('to the relay, on the server port', () => {
    expect(asked({ giaddr: at('10.9.0.1'), flags: BROADCAST_FLAG })).toEqual({
      to: 'address',
      address: at('10.9.0.1'),
      port: 67,
    })
  })

  it('to the address that the client has', async () => {
    await have('10.0.0.100')
    expect(decide(plain('request', { ciaddr: at('10.0.0.100') })).reply!.destination).toEqual({
      to: 'address',
      address: at('10.0.0.100'),
      port: 68,
    })
  })

  it('to everyone when it is a NAK, through the relay with the broadcast bit set', () => {
    const refusal = message('request', (options) =>
      options.set(OPTION.serverIdentifier, SERVER).set(OPTION.requestedAddress, at('10.7.0.1')),
    )
    expect(decide(refusal).reply!.destination).toEqual({ to: 'broadcast', port: 68 })
    const relayed = decide({ ...refusal, giaddr: at('10.9.0.1') }).reply!
    expect(relayed.destination).toEqual({ to: 'address', address: at('10.9.0.1'), port: 67 })
    expect(relayed.message.flags & BROADCAST_FLAG).toBe(BROADCAST_FLAG)
  })
})

describe('relays', () => {
  const giaddr = at('10.9.0.1')

  it('choose the network by giaddr and get option 82 back, last', () => {
    const information = encodeRelayInformation({ circuitId: Uint8Array.of(65) })
    const decision = decide(
      message('discover', (options) => options.set(OPTION.relayAgentInformation, information), { giaddr }),
    )
    const reply = decision.reply!.message
    expect(reply.yiaddr).toBe(at('10.9.0.100'))
    expect(reply.giaddr).toBe(giaddr)
    expect([...decodeDhcp(encodeDhcp(reply)).options.keys()].at(-1)).toBe(82)
    expect(reply.options.get(82)).toEqual(information)
    expect(decision.event.detail?.relay).toBe('10.9.0.1')
  })

  it.each([
    ['the circuit', { circuitId: Uint8Array.of(0, 4, 0, 10) }, '10.8.0.100'],
    ['the link (RFC 3527)', { circuitId: Uint8Array.of(1), linkSelection: at('10.9.0.9') }, '10.9.0.100'],
  ])('choose the network by %s', (_, information, expected) => {
    const encoded = encodeRelayInformation(information)
    const packet = message('discover', (options) => options.set(OPTION.relayAgentInformation, encoded), {
      giaddr: at('10.0.0.254'),
    })
    expect(formatIpv4(decide(packet).reply!.message.yiaddr)).toBe(expected)
  })

  it('may name the address that clients take for the server (RFC 5107)', () => {
    const information = encodeRelayInformation({ serverIdOverride: giaddr })
    const packet = (type: MessageTypeName) =>
      message(
        type,
        (options) =>
          options.set(OPTION.relayAgentInformation, information).set(OPTION.requestedAddress, at('10.9.0.100')),
        { giaddr },
      )
    expect(getOption(decide(packet('discover')).reply!.message, OPTION.serverIdentifier)).toBe(giaddr)
    const request = packet('request')
    const told = new Map([...request.options, [54, Uint8Array.of(10, 9, 0, 1)]])
    expect(typeOf(decide({ ...request, options: told }))).toBe('ack')
  })

  it('are silent about links that no network covers', () => {
    expect(decide(plain('discover', { giaddr: at('172.16.0.1') }))).toMatchObject({
      reply: null,
      event: { reason: 'no network of the configuration was found by its link 172.16.0.1' },
    })
  })
})

describe('REQUEST', () => {
  const selecting = (ip: string, server: Ipv4 = SERVER, said: Said = {}) =>
    message(
      'request',
      (options) => options.set(OPTION.serverIdentifier, server).set(OPTION.requestedAddress, at(ip)),
      said,
    )
  const rebooting = (ip: string, said: Said = {}) =>
    message('request', (options) => options.set(OPTION.requestedAddress, at(ip)), said)
  const extending = (ip: string, said: Said = {}) => plain('request', { ciaddr: at(ip), ...said })

  describe('SELECTING', () => {
    it('binds what was offered; the reply waits for the lease', () => {
      const decision = decide(selecting('10.0.0.100'))
      expect(typeOf(decision)).toBe('ack')
      expect(decision.change).toEqual({ kind: 'bind', lease: bound('10.0.0.100') })
      expect(decision.learn).toBe(at('10.0.0.100'))
    })

    it('is confirmed after a restart forgot the offer', async () => {
      world = await newWorld()
      expect(typeOf(decide(selecting('10.0.0.105')))).toBe('ack')
    })

    it.each([
      ['an address of another client', '10.0.0.101', 'is leased to another client'],
      ['an address of another network', '10.7.0.1', 'is not in its network'],
      ['an address outside of the ranges', '10.0.0.20', 'is not in a range of network lan'],
    ])('refuses %s', async (_, ip, why) => {
      await have('10.0.0.101', OTHER)
      const decision = decide(selecting(ip))
      expect(typeOf(decision)).toBe('nak')
      expect(decision.change).toBeNull()
      expect(decision.reply!.message).toMatchObject({ yiaddr: NONE, ciaddr: NONE, siaddr: NONE })
      expect(decision.reply!.message.options.has(OPTION.leaseTime.code)).toBe(false)
      expect(getOption(decision.reply!.message, OPTION.message)).toContain(why)
    })

    it('of another server is noted, and our offer let go', () => {
      const decision = decide(selecting('10.0.0.7', FOREIGN, {}))
      expect(decision).toMatchObject({ reply: null, otherServer: FOREIGN, change: { kind: 'drop' } })
      expect(decision.event.summary).toContain('took the offer of another DHCP server, 10.0.0.2')
    })

    it('of our offer on another interface is left to that one', () => {
      expect(decide(selecting('10.9.0.100', at('10.9.0.200')))).toMatchObject({
        reply: null,
        change: null,
        otherServer: null,
      })
    })
  })

  describe('INIT-REBOOT', () => {
    it('is confirmed when it is on record, also after the lease ended', async () => {
      await have('10.0.0.104')
      world.clock.advance(7_200_000)
      expect(typeOf(decide(rebooting('10.0.0.104')))).toBe('ack')
    })

    it('is refused when another address is on record', async () => {
      await have('10.0.0.104')
      const decision = decide(rebooting('10.0.0.105'))
      expect(typeOf(decision)).toBe('nak')
      expect(decision.event.reason).toContain('is not its address 10.0.0.104')
    })

    it('is refused on the wrong network', () => {
      expect(typeOf(decide(rebooting('192.168.1.5')))).toBe('nak')
    })

    it('is met with silence when there is no record', () => {
      expect(decide(rebooting('10.0.0.104')).reply).toBeNull()
    })

    it('is refused when the machine has a reservation elsewhere', async () => {
      world = await newWorld({}, [machine])
      expect(typeOf(decide(rebooting('10.0.0.104')))).toBe('nak')
      expect(typeOf(decide(rebooting('10.0.0.50')))).toBe('ack')
    })
  })

  describe('RENEWING and REBINDING', () => {
    it('extend the lease, which keeps its start', async () => {
      await have('10.0.0.104')
      const started = world.clock.now()
      world.clock.advance(1_000_000)
      const decision = decide(extending('10.0.0.104'))
      expect(decision.change).toMatchObject({
        kind: 'bind',
        lease: { startedAt: started, expiresAt: world.clock.now() + 3_600_000 },
      })
      expect(decision.reply!.message).toMatchObject({ ciaddr: at('10.0.0.104'), yiaddr: at('10.0.0.104') })
    })

    it('make a lost record anew when the address is free', () => {
      expect(typeOf(decide(extending('10.0.0.104')))).toBe('ack')
    })

    it('are refused when somebody else has the address', async () => {
      await have('10.0.0.104', OTHER)
      expect(typeOf(decide(extending('10.0.0.104')))).toBe('nak')
    })

    it('are met with silence outside of our networks and ranges', () => {
      expect(decide(extending('192.168.1.5')).reply).toBeNull()
      expect(decide(extending('10.0.0.20')).reply).toBeNull()
    })

    it('find the network of a client behind a relay, which renews directly', async () => {
      await world.leases.apply({ kind: 'bind', lease: bound('10.9.0.104', MAC, { network: 'far' }) })
      expect(decide(extending('10.9.0.104')).reply).toMatchObject({
        destination: { to: 'address', address: at('10.9.0.104'), port: 68 },
      })
    })
  })

  it('without any address is ignored', () => {
    expect(decide(plain('request'))).toMatchObject({ reply: null, change: null })
  })
})

describe('the other messages', () => {
  it('DECLINE quarantines the address of the client', async () => {
    await have('10.0.0.104')
    const packet = message('decline', (options) =>
      options.set(OPTION.requestedAddress, at('10.0.0.104')).set(OPTION.serverIdentifier, SERVER),
    )
    expect(decide(packet)).toMatchObject({ reply: null, change: { kind: 'decline', ip: at('10.0.0.104') } })
  })

  it('DECLINE of what belongs to somebody else, or to another server, changes nothing', async () => {
    await have('10.0.0.104', OTHER)
    const packet = (server: Ipv4, ip: string) =>
      message('decline', (options) => options.set(OPTION.requestedAddress, at(ip)).set(OPTION.serverIdentifier, server))
    expect(decide(packet(SERVER, '10.0.0.104')).change).toBeNull()
    expect(decide(packet(FOREIGN, '10.0.0.105')).change).toBeNull()
    expect(decide(packet(SERVER, '10.7.0.1')).change).toBeNull()
  })

  it('RELEASE gives the own address back, never another one', async () => {
    await have('10.0.0.104')
    await have('10.0.0.105', OTHER)
    expect(decide(plain('release', { ciaddr: at('10.0.0.104') }))).toMatchObject({
      reply: null,
      change: { kind: 'release' },
    })
    expect(decide(plain('release', { ciaddr: at('10.0.0.105') })).change).toBeNull()
  })

  it('INFORM is told the options without a lease', () => {
    const decision = decide(plain('inform', { ciaddr: at('10.0.0.20') }))
    expect(decision.change).toBeNull()
    const reply = decision.reply!.message
    expect(reply.yiaddr).toBe(NONE)
    expect(reply.options.has(OPTION.leaseTime.code)).toBe(false)
    expect(getOption(reply, OPTION.dns)).toEqual([at('10.0.0.53')])
    expect(decision.reply!.destination).toEqual({ to: 'address', address: at('10.0.0.20'), port: 68 })
  })

  it.each([
    ['replies', plain('offer', { op: 2 })],
    ['server messages that claim to be requests', plain('ack')],
    ['other hardware than Ethernet', plain('discover', { htype: 32 })],
    ['BOOTP', plain('discover', { options: new Map([[12, Uint8Array.of(97)]]) })],
  ])('%s are dropped', (_, packet) => {
    expect(decide(packet)).toMatchObject({ reply: null, change: null, boot: false, event: { outcome: 'ignored' } })
  })

  it('malformed options that matter are a DecodeError', () => {
    expect(() =>
      decide(
        plain('discover', {
          options: new Map([
            [53, Uint8Array.of(1)],
            [50, Uint8Array.of(1)],
          ]),
        }),
      ),
    ).toThrow(DecodeError)
    expect(() => decide(plain('discover', { options: new Map([[53, Uint8Array.of(42)]]) }))).toThrow(DecodeError)
  })
})

describe('client identifiers', () => {
  const id = (bytes: number[], said: Said = {}) =>
    message('discover', (options) => options.set(OPTION.clientIdentifier, Uint8Array.from(bytes)), said)
  const keyOf = (decision: OfferDecision) =>
    decision.change?.kind === 'hold' ? decision.change.asker.client : undefined

  it('are the key of the lease and come back (RFC 6842)', () => {
    const decision = decide(id([255, 1, 2, 3]))
    expect(keyOf(decision)).toBe('id:ff010203')
    expect(getOption(decision.reply!.message, OPTION.clientIdentifier)).toEqual(Uint8Array.of(255, 1, 2, 3))
  })

  it('that only repeat the hardware address count as none, so that firmware, iPXE and system keep one address', () => {
    expect(keyOf(decide(id([1, ...macToBytes(MAC)])))).toBe(MAC)
    expect(keyOf(decide(id([1, ...macToBytes(OTHER)])))).toBe('id:01525400000002')
  })
})

describe('what is told to boot', () => {
  const told = (packet: DhcpMessage, over: Partial<Arrival> = {}) => {
    const decision = decide(packet, over)
    const reply = decision.reply!.message
    return {
      file: reply.file,
      option: getOption(reply, OPTION.bootFileName),
      sname: reply.sname,
      server: getOption(reply, OPTION.serverName),
      siaddr: reply.siaddr,
      vendorClass: getOption(reply, OPTION.vendorClass),
    }
  }
  const tftp = (file: string) => ({
    file,
    option: file,
    sname: '10.0.0.1',
    server: '10.0.0.1',
    siaddr: SERVER,
    vendorClass: undefined,
  })

  it.each([
    [0, 'undionly.kpxe'],
    [7, 'snponly.efi'],
    [9, 'snponly.efi'],
  ])('architecture %i: %s, in the header and in the options', (arch, file) => {
    expect(told(pxe('discover', arch))).toEqual(tftp(file))
  })

  it.each([6, 11, 15, 19, 37])('architecture %i: an address but nothing to boot, and the reason', (arch) => {
    const decision = decide(pxe('discover', arch))
    expect(typeOf(decision)).toBe('offer')
    expect(decision.reply!.message.file).toBe('')
    expect(decision.reply!.message.options.has(OPTION.bootFileName.code)).toBe(false)
    expect(decision.event.summary).toContain('without anything to boot')
    expect(decision.event.reason).toMatch(/no boot program for/)
  })

  it('UEFI HTTP boot: a URL and the vendor class HTTPClient', () => {
    const url = `http://10.0.0.1:8080${BOOT_PATHS.program('ipxe.efi')}`
    expect(told(pxe('discover', 16))).toEqual({ ...tftp(url), vendorClass: 'HTTPClient' })
  })

  it('iPXE: the first script and never a boot program, by option 175 or either spelling of the user class', () => {
    const url = `http://10.0.0.1:8080${BOOT_PATHS.start}`
    expect(told(ipxe('discover'))).toEqual(tftp(url))
    for (const userClass of ['iPXE', '\x04iPXE'])
      expect(
        told(
          pxe('discover', 7, { set: (options) => options.set(OPTION.userClass, new TextEncoder().encode(userClass)) }),
        ).file,
      ).toBe(url)
    expect(
      told(message('discover', (options) => options.set(OPTION.userClass, new TextEncoder().encode('iPXE')))).file,
    ).toBe(url)
  })

  it('iPXE is told not to wait for a proxy, firmware and iPXE beside a proxy are not', () => {
    const noWait = (packet: DhcpMessage) => decide(packet).reply!.message.options.get(OPTION.ipxe.code)
    expect(noWait(ipxe('discover'))).toEqual(Uint8Array.of(176, 1, 1, 255))
    expect(noWait(pxe('discover', 7))).toBeUndefined()
  })

  it('iPXE that lists its abilities without HTTP: one that has it', () => {
    expect(told(ipxe('discover', {}, Uint8Array.of(18, 1, 1, 255))).file).toBe('undionly.kpxe')
    expect(told(ipxe('discover', {}, Uint8Array.of(1, 1, 1, 255))).file).toContain(BOOT_PATHS.start)
  })

  it('firmware that leaves option 97 out is served alike', () => {
    expect(told(pxe('discover', 7, { uuid: false }))).toEqual(tftp('snponly.efi'))
  })

  it('the advertised address instead of the one of the interface', async () => {
    world = await newWorld({ advertise: at('10.0.0.33') })
    expect(told(pxe('discover', 7))).toMatchObject({ siaddr: at('10.0.0.33'), server: '10.0.0.33' })
    expect(told(ipxe('discover')).file).toContain('http://10.0.0.33:8080/')
  })

  it('nothing, for unknown machines that are to be ignored; the address all the same', async () => {
    world = await newWorld({ unknownMachines: 'ignore' }, [{ ...machine, ip: null }])
    const stranger = decide(pxe('discover', 7, { mac: OTHER }))
    expect(typeOf(stranger)).toBe('offer')
    expect(stranger.reply!.message.file).toBe('')
    expect(stranger.sighting).toBeNull()
    expect(decide(pxe('discover', 7)).reply!.message.file).toBe('snponly.efi')
  })

  it('is said in the ACK as in the offer, and the machine is sighted with what it told', () => {
    const request = pxe('request', 7, {
      set: (options) => options.set(OPTION.serverIdentifier, SERVER).set(OPTION.requestedAddress, at('10.0.0.100')),
    })
    const decision = decide(request)
    expect(decision.reply!.message.file).toBe('snponly.efi')
    expect(decision.sighting).toEqual({
      mac: MAC,
      uuid: UUID,
      architecture: 'x86_64',
      firmware: 'uefi',
      address: '10.0.0.100',
    })
    expect(decision.event).toMatchObject({
      stage: 'offer',
      kind: 'dhcp.request',
      detail: { client: 'firmware', architecture: 'x64 UEFI', arch: '7', reply: 'ack' },
    })
  })

  it('fits clients that take short messages only, leaving out what matters least', async () => {
    world = await newWorld({
      networks: [{ ...lan, domain: 'd'.repeat(200), ntp: Array.from({ length: 8 }, () => at('10.0.0.9')) }],
    })
    const packet = pxe('discover', 7, {
      set: (options) =>
        options.set(OPTION.parameterRequestList, everything).set(OPTION.relayAgentInformation, new Uint8Array(100)),
    })
    const { message: reply, maxLength } = decide({
      ...packet,
      options: new Map([...packet.options, [82, Uint8Array.of(1, 100, ...new Uint8Array(100))]]),
    }).reply!
    expect(encodeDhcp(reply, maxLength).length).toBeLessThanOrEqual(548)
    expect(reply.options.has(OPTION.ntp.code)).toBe(false)
    expect(reply.file).toBe('snponly.efi')
    expect(reply.options.has(82)).toBe(true)
  })
})

describe('proxyDHCP', () => {
  beforeEach(async () => {
    world = await newWorld({ mode: 'proxy', networks: [] })
  })

  it.each([
    ['BIOS firmware', () => pxe('discover', 0), 'undionly.kpxe'],
    ['UEFI firmware', () => pxe('discover', 7), 'snponly.efi'],
    ['iPXE', () => ipxe('discover'), `http://10.0.0.1:8080${BOOT_PATHS.start}`],
  ])('offers %s what to boot and no address, with siaddr and file set', (_, packet, file) => {
    const { reply, event } = decide(packet())
    expect(reply!.message).toMatchObject({ yiaddr: NONE, siaddr: SERVER, file, sname: '10.0.0.1' })
    expect(getOption(reply!.message, OPTION.vendorClass)).toBe('PXEClient')
    expect(getOption(reply!.message, OPTION.clientMachine)).toEqual(encodeClientUuid(UUID))
    expect(decodeEncapsulated(getOption(reply!.message, OPTION.vendorSpecific)!).get(6)).toEqual(Uint8Array.of(8))
    expect(reply!.message.options.has(OPTION.leaseTime.code)).toBe(false)
    expect(reply!.message.options.has(OPTION.subnetMask.code)).toBe(false)
    expect(reply!.destination).toEqual({ to: 'broadcast', port: 68 })
    expect(event).toMatchObject({ kind: 'dhcp.discover', detail: { reply: 'offer', file } })
  })

  it('answers port 4011 at the port that asked', () => {
    const source = { address: at('10.0.0.77'), port: 4011 }
    const decision = decide(pxe('request', 7, { ciaddr: at('10.0.0.77') }), { port: 4011, source })
    expect(typeOf(decision)).toBe('ack')
    expect(decision.reply!.message).toMatchObject({
      siaddr: SERVER,
      file: 'snponly.efi',
      ciaddr: at('10.0.0.77'),
      yiaddr: NONE,
    })
    expect(decision.reply!.destination).toEqual({ to: 'address', ...source })
    expect(decision).toMatchObject({
      learn: at('10.0.0.77'),
      event: { kind: 'dhcp.proxy' },
      sighting: { address: '10.0.0.77' },
    })
  })

  it('says a chosen boot item back', () => {
    const item = Uint8Array.of(71, 4, 0, 1, 0, 0, 255)
    const packet = pxe('request', 0, {
      ciaddr: at('10.0.0.77'),
      set: (options) => options.set(OPTION.vendorSpecific, item),
    })
    const { reply } = decide(packet, { port: 4011, source: { address: at('10.0.0.77'), port: 68 } })
    expect(decodeEncapsulated(getOption(reply!.message, OPTION.vendorSpecific)!).get(71)).toEqual(
      Uint8Array.of(0, 1, 0, 0),
    )
  })

  it('learns the address that the other server gives', () => {
    const packet = pxe('request', 7, {
      set: (options) => options.set(OPTION.serverIdentifier, FOREIGN).set(OPTION.requestedAddress, at('10.0.0.77')),
    })
    expect(decide(packet)).toMatchObject({
      reply: null,
      learn: at('10.0.0.77'),
      otherServer: FOREIGN,
      event: { outcome: 'ok', detail: { server: '10.0.0.2' } },
    })
  })

  it.each([
    ['ordinary clients', () => plain('discover')],
    ['firmware that there is no program for', () => pxe('discover', 11)],
    ['firmware of an unknown kind', () => pxe('discover', 99)],
    ['leases being released', () => pxe('release', 7, { ciaddr: at('10.0.0.77') })],
    ['leases being renewed', () => pxe('request', 7, { ciaddr: at('10.0.0.77') })],
  ])('leaves %s alone', (_, packet) => {
    expect(decide(packet())).toMatchObject({ reply: null, change: null, event: { outcome: 'ignored' } })
  })

  it('ignores unknown machines when told to', async () => {
    world = await newWorld({ mode: 'proxy', networks: [], unknownMachines: 'ignore' }, [machine])
    expect(decide(pxe('discover', 7, { mac: OTHER }))).toMatchObject({ reply: null, sighting: null })
    expect(decide(pxe('discover', 7)).reply).not.toBeNull()
  })

  it('offers through a relay', () => {
    expect(decide(pxe('discover', 7, { giaddr: at('10.9.0.1') })).reply!.destination).toEqual({
      to: 'address',
      address: at('10.9.0.1'),
      port: 67,
    })
  })
})

describe('what is overheard', () => {
  const reply = (server: Ipv4) =>
    message('offer', (options) => options.set(OPTION.serverIdentifier, server), {
      op: 2,
      yiaddr: at('10.0.0.7'),
      file: 'pxelinux.0',
    })

  it('gives another DHCP server away', () => {
    expect(decideOverheard(reply(FOREIGN), arrival(), world.facts)).toMatchObject({
      mac: MAC,
      otherServer: FOREIGN,
      reply: null,
      event: {
        kind: 'dhcp.foreign',
        summary: 'another DHCP server 10.0.0.2 answered too: OFFER with the address 10.0.0.7',
        detail: { server: '10.0.0.2', message: 'offer', address: '10.0.0.7', file: 'pxelinux.0' },
      },
    })
  })

  it('is nothing when we said it ourselves, or when a client did', () => {
    expect(decideOverheard(reply(SERVER), arrival(), world.facts)).toBeUndefined()
    expect(decideOverheard(plain('discover'), arrival(), world.facts)).toBeUndefined()
  })
})

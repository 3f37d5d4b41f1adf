import { beforeEach, describe, expect, it } from 'vitest'
import {
  at,
  everything,
  FOREIGN,
  far,
  lan,
  MAC,
  machine,
  message,
  NONE,
  OfferWorld,
  OTHER,
  plain,
  pxe,
  type Said,
  SERVER,
  typeOf,
} from '../../../test/offer/world.ts'
import { DecodeError } from '../../kit/errors.ts'
import { type Ipv4, parseSubnet } from '../../kit/ip.ts'
import { macToBytes } from '../../kit/mac.ts'
import type { DhcpMessage } from '../../protocols/dhcp/message.ts'
import { getOption, OPTION, OptionsBuilder } from '../../protocols/dhcp/options.ts'
import type { Arrival, OfferDecision } from './facts.ts'

let world: OfferWorld

beforeEach(async () => {
  world = await OfferWorld.open()
})

const decide = (packet: DhcpMessage, over: Partial<Arrival> = {}) => world.decide(packet, over)
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
    world = await OfferWorld.open({}, [machine])
    const packet = message('discover', (options) => options.set(OPTION.parameterRequestList, everything))
    const decision = decide(packet)
    expect(decision.reply!.message.yiaddr).toBe(at('10.0.0.50'))
    expect(getOption(decision.reply!.message, OPTION.hostname)).toBe('pc1')
    expect(decision.event.reason).toContain('reserved for this machine')
    expect(decision.probe).toBeNull()
  })

  it('finds its reserved address among several networks of one interface', async () => {
    const second = { ...lan, name: 'second', subnet: parseSubnet('10.5.0.0/24')!, ranges: [] }
    world = await OfferWorld.open({ networks: [lan, second] }, [{ ...machine, ip: '10.5.0.7' }])
    expect(decide(plain('discover')).reply!.message.yiaddr).toBe(at('10.5.0.7'))
    expect(decide(plain('discover', { mac: OTHER })).reply!.message.yiaddr).toBe(at('10.0.0.100'))
  })

  it('is refused with the reason when no address is left', async () => {
    world = await OfferWorld.open({
      networks: [{ ...lan, ranges: [{ first: at('10.0.0.100'), last: at('10.0.0.100') }] }],
    })
    await world.have('10.0.0.100', OTHER)
    const decision = decide(pxe('discover', 7))
    expect(decision).toMatchObject({
      reply: null,
      boot: true,
      event: { outcome: 'refused', reason: 'all 1 addresses of network lan are in use' },
    })
  })

  it('is left alone where no network is served', async () => {
    world = await OfferWorld.open({ networks: [far] })
    expect(decide(plain('discover'))).toMatchObject({ reply: null, change: null, event: { outcome: 'ignored' } })
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
      expect(decision.change).toEqual({ kind: 'bind', lease: world.bound('10.0.0.100') })
      expect(decision.learn).toBe(at('10.0.0.100'))
    })

    it('is confirmed after a restart forgot the offer', async () => {
      world = await OfferWorld.open()
      expect(typeOf(decide(selecting('10.0.0.105')))).toBe('ack')
    })

    it.each([
      ['an address of another client', '10.0.0.101', 'is leased to another client'],
      ['an address of another network', '10.7.0.1', 'is not in its network'],
      ['an address outside of the ranges', '10.0.0.20', 'is not in a range of network lan'],
    ])('refuses %s', async (_, ip, why) => {
      await world.have('10.0.0.101', OTHER)
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
      await world.have('10.0.0.104')
      world.clock.advance(7_200_000)
      expect(typeOf(decide(rebooting('10.0.0.104')))).toBe('ack')
    })

    it('is refused when another address is on record', async () => {
      await world.have('10.0.0.104')
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
      world = await OfferWorld.open({}, [machine])
      expect(typeOf(decide(rebooting('10.0.0.104')))).toBe('nak')
      expect(typeOf(decide(rebooting('10.0.0.50')))).toBe('ack')
    })
  })

  describe('RENEWING and REBINDING', () => {
    it('extend the lease, which keeps its start', async () => {
      await world.have('10.0.0.104')
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
      await world.have('10.0.0.104', OTHER)
      expect(typeOf(decide(extending('10.0.0.104')))).toBe('nak')
    })

    it('are met with silence outside of our networks and ranges', () => {
      expect(decide(extending('192.168.1.5')).reply).toBeNull()
      expect(decide(extending('10.0.0.20')).reply).toBeNull()
    })

    it('find the network of a client behind a relay, which renews directly', async () => {
      await world.have('10.9.0.104', MAC, { network: 'far' })
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
    await world.have('10.0.0.104')
    const packet = message('decline', (options) =>
      options.set(OPTION.requestedAddress, at('10.0.0.104')).set(OPTION.serverIdentifier, SERVER),
    )
    expect(decide(packet)).toMatchObject({ reply: null, change: { kind: 'decline', ip: at('10.0.0.104') } })
  })

  it('DECLINE of what belongs to somebody else, or to another server, changes nothing', async () => {
    await world.have('10.0.0.104', OTHER)
    const packet = (server: Ipv4, ip: string) =>
      message('decline', (options) => options.set(OPTION.requestedAddress, at(ip)).set(OPTION.serverIdentifier, server))
    expect(decide(packet(SERVER, '10.0.0.104')).change).toBeNull()
    expect(decide(packet(FOREIGN, '10.0.0.105')).change).toBeNull()
    expect(decide(packet(SERVER, '10.7.0.1')).change).toBeNull()
  })

  it('RELEASE gives the own address back, never another one', async () => {
    await world.have('10.0.0.104')
    await world.have('10.0.0.105', OTHER)
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

import { beforeEach, describe, expect, it } from 'vitest'
import {
  arrival,
  at,
  FOREIGN,
  MAC,
  message,
  OfferWorld,
  plain,
  type Said,
  SERVER,
  typeOf,
} from '../../../test/offer/world.ts'
import { formatIpv4, type Ipv4 } from '../../kit/ip.ts'
import { BROADCAST_FLAG, type DhcpMessage, decodeDhcp, encodeDhcp } from '../../protocols/dhcp/message.ts'
import { getOption, type MessageTypeName, OPTION } from '../../protocols/dhcp/options.ts'
import { encodeRelayInformation } from '../../protocols/dhcp/relay.ts'
import { decideOverheard } from './decide.ts'
import type { Arrival } from './facts.ts'

let world: OfferWorld

beforeEach(async () => {
  world = await OfferWorld.open()
})

const decide = (packet: DhcpMessage, over: Partial<Arrival> = {}) => world.decide(packet, over)
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
    await world.have('10.0.0.100')
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

import { beforeEach, describe, expect, it } from 'vitest'
import {
  at,
  FOREIGN,
  ipxe,
  machine,
  NONE,
  OfferWorld,
  OTHER,
  plain,
  pxe,
  SERVER,
  typeOf,
  UUID,
} from '../../../test/offer/world.ts'
import type { DhcpMessage } from '../../protocols/dhcp/message.ts'
import { getOption, OPTION } from '../../protocols/dhcp/options.ts'
import { decodeEncapsulated, encodeClientUuid } from '../../protocols/dhcp/pxe.ts'
import { BOOT_PATHS } from '../paths.ts'
import type { Arrival } from './facts.ts'

let world: OfferWorld

beforeEach(async () => {
  world = await OfferWorld.open()
})

const decide = (packet: DhcpMessage, over: Partial<Arrival> = {}) => world.decide(packet, over)
describe('proxyDHCP', () => {
  beforeEach(async () => {
    world = await OfferWorld.open({ mode: 'proxy', networks: [] })
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
    ['firmware that there is no program for', () => pxe('discover', 6)],
    ['firmware of an unknown kind', () => pxe('discover', 99)],
    ['leases being released', () => pxe('release', 7, { ciaddr: at('10.0.0.77') })],
    ['leases being renewed', () => pxe('request', 7, { ciaddr: at('10.0.0.77') })],
  ])('leaves %s alone', (_, packet) => {
    expect(decide(packet())).toMatchObject({ reply: null, change: null, event: { outcome: 'ignored' } })
  })

  it('ignores unknown machines when told to', async () => {
    world = await OfferWorld.open({ mode: 'proxy', networks: [], unknownMachines: 'ignore' }, [machine])
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

import { beforeEach, describe, expect, it } from 'vitest'
import {
  at,
  everything,
  ipxe,
  lan,
  MAC,
  machine,
  message,
  OfferWorld,
  OTHER,
  pxe,
  SERVER,
  typeOf,
  UUID,
} from '../../../test/offer/world.ts'
import { type DhcpMessage, encodeDhcp } from '../../protocols/dhcp/message.ts'
import { getOption, OPTION } from '../../protocols/dhcp/options.ts'
import { BOOT_PATHS } from '../paths.ts'
import type { Arrival } from './facts.ts'

let world: OfferWorld

beforeEach(async () => {
  world = await OfferWorld.open()
})

const decide = (packet: DhcpMessage, over: Partial<Arrival> = {}) => world.decide(packet, over)
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
    [11, 'debian/shimaa64.efi'],
  ])('architecture %i: %s, in the header and in the options', (arch, file) => {
    expect(told(pxe('discover', arch))).toEqual(tftp(file))
  })

  it.each([6, 15, 19, 37])('architecture %i: an address but nothing to boot, and the reason', (arch) => {
    const decision = decide(pxe('discover', arch))
    expect(typeOf(decision)).toBe('offer')
    expect(decision.reply!.message.file).toBe('')
    expect(decision.reply!.message.options.has(OPTION.bootFileName.code)).toBe(false)
    expect(decision.event.summary).toContain('without anything to boot')
    expect(decision.event.reason).toMatch(/no boot program for/)
  })

  it('a machine that is set to grub: shim over TFTP, in the header and in the options', async () => {
    world = await OfferWorld.open({}, [{ ...machine, bootLoader: 'grub' }])
    expect(told(pxe('discover', 7))).toEqual(tftp('debian/shimx64.efi'))
    expect(told(pxe('discover', 0))).toEqual(tftp('undionly.kpxe'))
    const http = decide(pxe('discover', 16))
    expect(http.reply!.message.file).toBe('')
    expect(http.event.reason).toMatch(/cannot go on after a start over HTTP/)
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
    world = await OfferWorld.open({ advertise: at('10.0.0.33') })
    expect(told(pxe('discover', 7))).toMatchObject({ siaddr: at('10.0.0.33'), server: '10.0.0.33' })
    expect(told(ipxe('discover')).file).toContain('http://10.0.0.33:8080/')
  })

  it('nothing, for unknown machines that are to be ignored; the address all the same', async () => {
    world = await OfferWorld.open({ unknownMachines: 'ignore' }, [{ ...machine, ip: null }])
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
    world = await OfferWorld.open({
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

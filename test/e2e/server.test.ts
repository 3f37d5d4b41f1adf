import { afterAll, beforeAll, expect, test } from 'vitest'
import { LAB_LINUX } from '../../src/lab/offer.ts'
import { ARRIVAL, Bed } from './bed/bed.ts'
import { type Decide, look, withoutOptions } from './bed/gate.ts'

/** DHCP options by which iPXE is known: RFC 3004, and iPXE's own. */
const USER_CLASS = 77
const IPXE_ENCAPSULATED = 175

/** The server gives addresses itself, on one wire. */
let bed: Bed
beforeAll(async () => {
  bed = await Bed.make()
  await bed.serve({
    dhcp: { mode: 'server', interfaces: ['br0'] },
    networks: [{ name: 'wire', subnet: '10.77.0.0/24', interface: 'br0' }],
  })
})
afterAll(() => bed?.remove())

test('BIOS and UEFI machines boot from cold to userland, and their traces tell every stage', async () => {
  const bios = await bed.known({ name: 'bios' })
  const uefi = await bed.known({ name: 'uefi', firmware: 'uefi', rom: 'pxe' })
  await Promise.all([bios.on(), uefi.on()])
  await Promise.all([bios.shows(ARRIVAL, 60_000), uefi.shows(ARRIVAL, 120_000)])
  await Promise.all([bios.off(), uefi.off()])

  const [ofBios, ofUefi] = await Promise.all([bed.trace(bios), bed.trace(uefi)])
  const kinds = (trace: typeof ofBios) => trace?.events.map(({ kind }) => kind) ?? []
  const common = ['dhcp.discover', 'dhcp.request', 'http.start', 'http.script', 'http.blob', 'mark.launch']
  expect(kinds(ofBios)).toEqual(expect.arrayContaining(common))
  expect(kinds(ofUefi)).toEqual(expect.arrayContaining([...common, 'tftp.read', 'tftp.done']))
  expect(ofBios?.profile).toBe(LAB_LINUX)
  expect((await bed.machineOf(uefi)).firmware).toBe('uefi')
  expect((await bed.machineOf(bios)).serial).toBe('LAB-bios')
})

test('UEFI HTTP boot', async () => {
  const vm = await bed.known({ name: 'http', firmware: 'uefi', rom: 'http' })
  await vm.on()
  await vm.shows(ARRIVAL, 120_000)
  await vm.off()
  const trace = await bed.trace(vm)
  const programs = trace?.events.filter(({ kind }) => kind === 'http.program') ?? []
  expect(programs.map(({ detail }) => detail?.file)).toContain('ipxe.efi')
  expect(trace?.events.some(({ kind }) => kind === 'tftp.read')).toBe(false)
})

test('a BIOS whose ROM is not iPXE loads undionly.kpxe over UNDI', async () => {
  const vm = await bed.known({ name: 'undi' })
  let loading = false
  // Debian has no network boot ROM other than iPXE, so what makes it known as such is taken off its first requests.
  const plain: Decide = (frame) => {
    const seen = look(frame)
    if (seen?.udp && seen.port === 69) loading = true
    return loading ? frame : withoutOptions(frame, [IPXE_ENCAPSULATED, USER_CLASS])
  }
  await bed.onBehindGate(vm, plain)
  await vm.shows(ARRIVAL, 60_000)
  await vm.off()
  const done = (await bed.trace(vm))?.events.find(({ kind }) => kind === 'tftp.done')
  expect(done?.detail?.file).toBe('undionly.kpxe')
  expect(done?.outcome).toBe('ok')
})

import { afterAll, beforeAll, expect, test } from 'vitest'
import { ARRIVAL, Bed } from './bed/bed.ts'

const FOREIGN = '10.77.0.2'

/** Another computer, with dnsmasq, gives addresses and knows nothing of booting; we add the boot information. */
let bed: Bed
beforeAll(async () => {
  bed = await Bed.make()
  await bed.serve({ dhcp: { mode: 'proxy', interfaces: ['br0'] } })
  const foreign = await bed.another()
  await bed.bridge.plug(foreign, 'wire', `${FOREIGN}/24`)
  const range = '--dhcp-range=10.77.0.100,10.77.0.150,255.255.255.0,1h'
  const quiet = [
    '--keep-in-foreground',
    '--port=0',
    '--conf-file=/dev/null',
    '--user=root',
    '--leasefile-ro',
    '--log-facility=/dev/null',
  ]
  bed.run(foreign, 'dnsmasq', [...quiet, '--pid-file', '--interface=wire', '--no-ping', range])
})
afterAll(() => bed?.remove())

test('beside dnsmasq, BIOS and UEFI machines boot with its addresses and our boot programs', async () => {
  const bios = await bed.known({ name: 'bios' })
  const uefi = await bed.known({ name: 'uefi', firmware: 'uefi', rom: 'pxe' })
  await Promise.all([bios.on(), uefi.on()])
  await Promise.all([bios.shows(ARRIVAL, 60_000), uefi.shows(ARRIVAL, 120_000)])
  await Promise.all([bios.off(), uefi.off()])
  for (const vm of [bios, uefi]) {
    const address = /userland reached, address (\S+)/.exec(vm.printed)?.[1]
    expect(Number(address?.split('.')[3])).toBeGreaterThanOrEqual(100)
    expect(Number(address?.split('.')[3])).toBeLessThanOrEqual(150)
  }
  const trace = await bed.trace(uefi)
  const told =
    trace?.events.filter(({ kind, detail }) => kind.startsWith('dhcp.') && detail?.file === 'snponly.efi') ?? []
  expect(told.length).toBeGreaterThan(0)
  expect(told.every(({ detail }) => detail?.address === undefined)).toBe(true)
  expect((await bed.server.api<{ items: unknown[] }>('GET', '/leases')).items).toEqual([])
})

test('UEFI HTTP boot works in proxy mode too', async () => {
  const vm = await bed.known({ name: 'http', firmware: 'uefi', rom: 'http' })
  await vm.on()
  await vm.shows(ARRIVAL, 120_000)
  await vm.off()
})

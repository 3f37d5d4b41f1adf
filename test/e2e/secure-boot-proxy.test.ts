import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Why } from '../../src/api/contract/traces.ts'
import { Bed } from './bed/bed.ts'
import { until } from './bed/until.ts'

const FOREIGN = '10.77.0.2'

/** Another computer, with dnsmasq, gives addresses; it names itself as the next server, as dnsmasq does. */
let bed: Bed
beforeAll(async () => {
  bed = await Bed.make()
  await bed.serve({ dhcp: { mode: 'proxy', interfaces: ['br0'] } })
  const foreign = await bed.another()
  await bed.bridge.plug(foreign, 'wire', `${FOREIGN}/24`)
  bed.run(foreign, 'dnsmasq', [
    ...['--keep-in-foreground', '--port=0', '--conf-file=/dev/null', '--user=root', '--leasefile-ro'],
    ...['--log-facility=/dev/null', '--pid-file', '--interface=wire', '--no-ping'],
    '--dhcp-range=10.77.0.100,10.77.0.150,255.255.255.0,1h',
  ])
})
afterAll(() => bed?.remove())

test('in proxy mode GRUB asks the other server, and the stall says so', async () => {
  const vm = await bed.known({ name: 'lost', firmware: 'uefi', rom: 'pxe' })
  await bed.server.api('PATCH', `/machines/${vm.mac}`, { bootLoader: 'grub' })
  await vm.on()
  await vm.shows(/Welcome to GRUB/, 180_000)
  const why = await until('the stall is named', 120_000, async () => {
    const told = await bed.server.api<Why>('GET', `/machines/${vm.mac}/why`)
    return told.state === 'stalled' ? told : undefined
  })
  await vm.off()
  expect(why.verdict).toMatch(
    /GRUB never asked us for its configuration: it asks the next server \(siaddr\) of .* 10\.77\.0\.2/,
  )
  expect(why.next.join(' ')).toContain(`set next-server (siaddr) of ${FOREIGN}`)
})

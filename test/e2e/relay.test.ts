import { afterAll, beforeAll, expect, test } from 'vitest'
import { ARRIVED } from '../../src/lab/linux-init.ts'
import { Bed, SERVER } from './bed/bed.ts'
import { Bridge, type Host } from './bed/wire.ts'

/** The machines are on a wire of their own, behind a router with a relay agent. */
let bed: Bed
let behind: Bridge
beforeAll(async () => {
  bed = await Bed.make()
  const router: Host = await bed.another()
  await bed.bridge.plug(router, 'wire', '10.77.0.3/24')
  behind = await Bridge.make(router, 'br1', '10.78.0.1/24')
  await new Promise((resolve) => router.start('sysctl', ['-qw', 'net.ipv4.ip_forward=1']).once('exit', resolve))
  await bed.host.ip('route', 'add', '10.78.0.0/24', 'via', '10.77.0.3')
  await bed.serve({
    dhcp: { mode: 'server', interfaces: ['br0'] },
    networks: [
      { name: 'wire', subnet: '10.77.0.0/24', interface: 'br0' },
      { name: 'behind', subnet: '10.78.0.0/24', router: '10.78.0.1', ranges: ['10.78.0.50-10.78.0.60'] },
    ],
  })
  const quiet = ['--keep-in-foreground', '--port=0', '--conf-file=/dev/null', '--user=root', '--log-facility=/dev/null']
  bed.run(router, 'dnsmasq', [...quiet, '--pid-file', `--dhcp-relay=10.78.0.1,${SERVER}`])
})
afterAll(() => bed?.remove())

test('machines behind a relay get addresses of their own network and boot', async () => {
  const bios = await bed.known({ name: 'bios' }, undefined, behind)
  const uefi = await bed.known({ name: 'uefi', firmware: 'uefi', rom: 'pxe' }, undefined, behind)
  await Promise.all([bios.on(), uefi.on()])
  const arrival = new RegExp(`${ARRIVED} 10\\.78\\.0\\.(5\\d|60)`)
  await Promise.all([bios.shows(arrival, 90_000), uefi.shows(arrival, 120_000)])
  await Promise.all([bios.off(), uefi.off()])
  const relayed = (await bed.trace(bios))?.events.find(({ kind }) => kind === 'dhcp.discover')
  expect(relayed?.detail?.relay).toBe('10.78.0.1')
})

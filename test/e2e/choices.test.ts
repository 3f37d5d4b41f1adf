import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Machine } from '../../src/api/contract/machines.ts'
import { LAB_LINUX } from '../../src/lab/offer.ts'
import { ARRIVAL, Bed, SERVER } from './bed/bed.ts'
import { biosDisk, LOCAL, uefiDisk } from './bed/disks.ts'
import { until } from './bed/until.ts'

/** What a machine becomes, and who decides it. */
let bed: Bed
beforeAll(async () => {
  bed = await Bed.make()
  await bed.serve({
    dhcp: { mode: 'server', interfaces: ['br0'] },
    networks: [{ name: 'wire', subnet: '10.77.0.0/24', interface: 'br0' }],
  })
  await bed.server.api('POST', '/profiles', { name: 'disk', kind: 'local' })
  const items = [{ profile: 'disk', label: 'Its own disk' }, { profile: LAB_LINUX }]
  const menu = { kind: 'menu', title: 'What shall it be?', items, default: LAB_LINUX }
  await bed.server.api('POST', '/profiles', { ...menu, name: 'choose', timeoutSeconds: 3 })
  await bed.server.api('POST', '/profiles', { ...menu, name: 'ask', timeoutSeconds: 0 })
})
afterAll(() => bed?.remove())

test('an unknown machine is recorded and parked; approved, it boots without being touched', async () => {
  const vm = await bed.machine({ name: 'stranger' })
  await vm.on()
  await vm.shows(/is not approved yet/, 60_000)
  const found = await until('it is in the registry', 5_000, () => bed.machineOf(vm).catch(() => undefined))
  expect(found.state).toBe('discovered')
  expect(found.serial).toBe('LAB-stranger')
  await bed.server.api('POST', `/machines/${vm.mac}/approve`, { profile: LAB_LINUX })
  await vm.shows(ARRIVAL, 90_000)
  await vm.off()
})

test('a next boot is used up by the launch, once, and not by asking for the script', async () => {
  const vm = await bed.known({ name: 'once', disksGiB: [1] }, 'disk')
  await vm.writeDisk(biosDisk())
  const boot = () => bed.server.api<{ profile: string; once: Machine['nextBoot'] }>('GET', `/machines/once/boot`)
  await bed.server.api('PUT', '/machines/once/boot', { once: LAB_LINUX })

  const asked = bed.host.start('curl', ['-fsS', `http://${SERVER}:8080/boot/script.ipxe?mac=${vm.mac}&platform=pcbios`])
  let script = ''
  asked.stdout?.on('data', (data: Buffer) => {
    script += data.toString()
  })
  await new Promise((resolve) => asked.once('close', resolve))
  expect(script).toContain('initrd')
  expect((await boot()).once?.profile).toBe(LAB_LINUX)

  await vm.on()
  await vm.shows(ARRIVAL, 60_000)
  expect(await boot()).toEqual({ profile: 'disk', once: null })
  await vm.reset()
  await vm.shows(new RegExp(LOCAL), 60_000)
  await vm.off()
})

test('BIOS and UEFI machines boot their own disks', async () => {
  const bios = await bed.known({ name: 'own-bios', disksGiB: [1] }, 'disk')
  const uefi = await bed.known({ name: 'own-uefi', firmware: 'uefi', rom: 'pxe', disksGiB: [1] }, 'disk')
  await bios.writeDisk(biosDisk())
  await uefi.writeDisk(uefiDisk())
  await Promise.all([bios.on(), uefi.on()])
  await Promise.all([bios.shows(new RegExp(LOCAL), 60_000), uefi.shows(new RegExp(LOCAL), 120_000)])
  await Promise.all([bios.off(), uefi.off()])
})

test('a menu waits for its time-out, then boots its default', async () => {
  const vm = await bed.known({ name: 'menu' }, 'choose')
  await vm.on()
  await vm.shows(/What shall it be\?[\s\S]*Its own disk/, 60_000)
  await vm.shows(ARRIVAL, 60_000)
  await vm.off()
  const scripts = (await bed.trace(vm))?.events.filter(({ kind }) => kind === 'http.script') ?? []
  expect(scripts.map(({ detail }) => detail?.decision)).toEqual(['menu', 'live'])
})

test('somebody may choose in a menu', async () => {
  const vm = await bed.known({ name: 'chooser', disksGiB: [1] }, 'ask')
  await vm.writeDisk(biosDisk())
  await vm.on()
  await vm.shows(/What shall it be\?[\s\S]*Its own disk/, 60_000)
  // Arrow up, from the default to the first item, which is drawn anew.
  vm.forget()
  vm.type('\x1b[A')
  await vm.shows(/Its own disk/, 60_000)
  vm.type('\r')
  await vm.shows(new RegExp(LOCAL), 60_000)
  await vm.off()
})

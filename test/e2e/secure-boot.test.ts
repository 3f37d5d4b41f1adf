import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Image } from '../../src/api/contract/images.ts'
import { SILENT } from '../../src/kit/log.ts'
import { buildLabLinux } from '../../src/lab/linux.ts'
import { LAB_LINUX } from '../../src/lab/offer.ts'
import { MANAGEMENT_OS } from '../../src/management/management.ts'
import { ARRIVAL, Bed } from './bed/bed.ts'
import { LINUX_CACHE, offerBundle } from './bed/linux.ts'
import { SECURE, SECURED, signedSystem } from './bed/signed-system.ts'
import { COUNTED } from './bed/system.ts'
import { until } from './bed/until.ts'

const MACHINE = { ...SECURE, memoryMiB: 768 } as const
const MIB = 2 ** 20

let bed: Bed
let disk: Buffer
beforeAll(async () => {
  disk = await signedSystem()
  bed = await Bed.make()
  await bed.serve({
    dhcp: { mode: 'server', interfaces: ['br0'] },
    networks: [{ name: 'wire', subnet: '10.77.0.0/24', interface: 'br0' }],
  })
  await bed.server.api('POST', '/profiles', { name: 'own', kind: 'local' })
  const menu = { kind: 'menu', items: [{ profile: 'own' }, { profile: LAB_LINUX }], default: 'own' }
  await bed.server.api('POST', '/profiles', { ...menu, name: 'soon', timeoutSeconds: 2 })
  await bed.server.api('POST', '/profiles', { ...menu, name: 'never', timeoutSeconds: 0 })
}, 300_000)
afterAll(() => bed?.remove())

test('with Secure Boot on, shim and GRUB boot a kernel that Debian signed, and the trace tells it', async () => {
  const vm = await bed.known({ name: 'secure', ...MACHINE })
  await bed.server.api('PATCH', `/machines/${vm.mac}`, { bootLoader: 'grub' })
  const { script } = await bed.server.api<{ script: string }>('GET', `/machines/${vm.mac}/script`)
  expect(script).toMatch(/^if linux '\/boot\/blob\/[0-9a-f]{64}\/vmlinuz/m)
  await vm.on()
  await vm.shows(ARRIVAL, 180_000)
  vm.type('dmesg | grep -i secureboot\n')
  await vm.shows(/secureboot: Secure boot enabled/, 20_000)
  await vm.off()
  expect(vm.printed).toMatch(/Reveille: secure \(.*\) boots lab-linux/)
  const trace = await bed.trace(vm)
  const told = trace?.events.map(({ kind, detail, outcome }) => [kind, detail?.file ?? detail?.decision ?? '', outcome])
  expect(told).toEqual(
    expect.arrayContaining([
      ['tftp.done', 'debian/shimx64.efi', 'ok'],
      ['tftp.done', 'debian/grubx64.efi', 'ok'],
      ['http.start', '', 'ok'],
      ['http.script', 'live', 'ok'],
      ['http.blob', 'vmlinuz', 'ok'],
      ['mark.launch', 'live', 'ok'],
    ]),
  )
  expect(trace).toMatchObject({ state: 'launched', profile: LAB_LINUX })
  expect(trace?.events.filter(({ outcome }) => outcome !== 'ok')).toEqual([])
})

test('a kernel without a signature is not even loaded: screen, trace and preview say why', async () => {
  const { kernelPath, initrdPath, cmdline } = await buildLabLinux({ cacheDir: LINUX_CACHE, log: SILENT })
  const kernel = join(bed.server.dataDir, 'unsigned')
  await writeFile(kernel, withoutSignature(await readFile(kernelPath)))
  await offerBundle(bed.server, 'unsigned', { kernel, initrd: initrdPath, cmdline })
  const vm = await bed.known({ name: 'strict', ...MACHINE }, 'unsigned')
  await bed.server.api('PATCH', `/machines/${vm.mac}`, { bootLoader: 'grub' })
  const why = /the kernel unsigned of unsigned is not signed, and Secure Boot is on: it would be refused/
  const preview = await bed.server.api<{ reason: string }>('GET', `/machines/${vm.mac}/script`)
  expect(preview.reason).toMatch(why)
  await vm.on()
  await vm.shows(/Asking again in/, 120_000)
  expect(vm.printed.replace(/\s+/g, ' ')).toMatch(why)
  const trace = await bed.trace(vm)
  expect(trace).toMatchObject({ state: 'parked', headline: expect.stringMatching(why) })
  // It is given a menu as soon as it asks again, and somebody chooses the kernel that Debian signed.
  await bed.server.api('PATCH', `/machines/${vm.mac}`, { profile: 'never' })
  // GRUB finds out by a millisecond how fast its clock is: on a busy computer its 15 seconds may be minutes.
  await vm.shows(/GNU GRUB/, 600_000)
  await vm.shows(/own[\s\S]*lab-linux/, 60_000)
  vm.type('\x1b[B\r')
  await vm.shows(ARRIVAL, 120_000)
  await vm.off()
  await until('the launch is told', 10_000, async () =>
    (await bed.trace(vm))?.state === 'launched' ? true : undefined,
  )
}, 1_200_000)

test('a menu boots its default by itself, here the signed system on the disk; and a deployment is given its pass', async () => {
  const vm = await bed.known({ name: 'disk', ...MACHINE, disksGiB: [disk.length / MIB / 1024] }, 'soon')
  await bed.server.api('PATCH', `/machines/${vm.mac}`, { bootLoader: 'grub' })
  await vm.writeDisk(disk)
  await vm.on()
  await vm.shows(new RegExp(`${COUNTED} boot 1 of built, firmware=uefi`), 240_000)
  await vm.shows(new RegExp(SECURED), 20_000)
  const own = await bed.trace(vm)
  expect(own).toMatchObject({ state: 'launched', profile: 'own' })
  expect(own?.events.filter(({ outcome }) => outcome !== 'ok')).toEqual([])

  // The small Linux stands in for the management OS, which takes GRUB half a minute to load.
  const small = await bed.server.api<Image>('GET', `/images/${LAB_LINUX}`)
  const { files, cmdline } = small.versions.at(-1)!
  await bed.server.api('POST', '/images', { name: MANAGEMENT_OS, kind: 'bundle' })
  await bed.server.api('POST', `/images/${MANAGEMENT_OS}/versions`, { files, cmdline })
  await bed.server.api('POST', '/machines/disk/deployments', { action: { kind: 'inventory' } })
  await vm.reset()
  await vm.shows(ARRIVAL, 240_000)
  vm.type('cat /reveille/boot.json\n')
  await vm.shows(/"server":"http:\/\/10\.77\.0\.1:\d+","machine":"disk"/, 20_000)
  await vm.off()
  const events = (await bed.trace(vm))?.events ?? []
  expect(events.map(({ kind, detail, outcome }) => [kind, detail?.decision ?? '', outcome])).toEqual(
    expect.arrayContaining([
      ['http.script', 'agent', 'ok'],
      ['agent.pass', '', 'ok'],
      ['mark.launch', 'agent', 'ok'],
    ]),
  )
  expect(JSON.stringify(events)).not.toContain('agent~')
})

/** As `sbattach --remove` leaves it: the certificate table is the last thing in the file. */
function withoutSignature(kernel: Buffer): Buffer {
  const optional = kernel.readUInt32LE(0x3c) + 24
  const entry = optional + 112 + 4 * 8
  const table = kernel.readUInt32LE(entry)
  const bare = Buffer.from(kernel.subarray(0, table))
  bare.fill(0, entry, entry + 8)
  return bare
}

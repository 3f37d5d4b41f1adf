import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { SILENT } from '../../src/kit/log.ts'
import { buildLabLinux } from '../../src/lab/linux.ts'
import { LAB_LINUX } from '../../src/lab/offer.ts'
import { ARRIVAL, Bed } from './bed/bed.ts'
import { LINUX_CACHE, offerBundle } from './bed/linux.ts'
import { until } from './bed/until.ts'

/** A machine with Secure Boot on, which starts nothing that Microsoft or Debian have not signed. */
const SECURE = { firmware: 'uefi', rom: 'pxe', secureBoot: true, memoryMiB: 768 } as const

let bed: Bed
beforeAll(async () => {
  bed = await Bed.make()
  await bed.serve({
    dhcp: { mode: 'server', interfaces: ['br0'] },
    networks: [{ name: 'wire', subnet: '10.77.0.0/24', interface: 'br0' }],
  })
})
afterAll(() => bed?.remove())

test('with Secure Boot on, shim and GRUB boot a kernel that Debian signed, and the trace tells it', async () => {
  const vm = await bed.known({ name: 'secure', ...SECURE })
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
  const vm = await bed.known({ name: 'strict', ...SECURE }, 'unsigned')
  await bed.server.api('PATCH', `/machines/${vm.mac}`, { bootLoader: 'grub' })
  const why = /the kernel unsigned of unsigned is not signed, and Secure Boot is on: it would be refused/
  const preview = await bed.server.api<{ reason: string }>('GET', `/machines/${vm.mac}/script`)
  expect(preview.reason).toMatch(why)
  await vm.on()
  await vm.shows(/Asking again in/, 120_000)
  expect(vm.printed.replace(/\s+/g, ' ')).toMatch(why)
  const trace = await bed.trace(vm)
  expect(trace).toMatchObject({ state: 'parked', headline: expect.stringMatching(why) })
  // The kernel that Debian signed is booted as soon as the machine asks again.
  await bed.server.api('PATCH', `/machines/${vm.mac}`, { profile: LAB_LINUX })
  await vm.shows(ARRIVAL, 120_000)
  await vm.off()
  await until('the launch is told', 10_000, async () =>
    (await bed.trace(vm))?.state === 'launched' ? true : undefined,
  )
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

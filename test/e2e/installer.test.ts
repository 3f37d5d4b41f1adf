import { afterAll, beforeAll, expect, test } from 'vitest'
import { Bed, SERVER } from './bed/bed.ts'
import { offerBundle } from './bed/linux.ts'
import { until } from './bed/until.ts'

const INSTALLER = '/usr/lib/debian-installer/images/12/amd64/text/debian-installer/amd64'

/** What the installer runs before it asks anything: it fetches a second file, which the trace shows. */
const PRESEED = 'd-i preseed/early_command string wget -q -O /dev/null {{files}}/ran.txt'

let bed: Bed
beforeAll(async () => {
  bed = await Bed.make()
  await bed.serve({
    dhcp: { mode: 'server', interfaces: ['br0'] },
    // Without a DNS server the installer stops and asks for one.
    networks: [{ name: 'wire', subnet: '10.77.0.0/24', interface: 'br0', router: SERVER, dns: [SERVER] }],
  })
  await offerBundle(
    bed.server,
    'debian-installer',
    { kernel: `${INSTALLER}/linux`, initrd: `${INSTALLER}/initrd.gz`, cmdline: '' },
    {
      cmdline:
        'auto=true priority=critical url={{files}}/preseed.cfg console=ttyS0 DEBIAN_FRONTEND=text interface=auto ---',
      files: [
        { name: 'preseed.cfg', content: `${PRESEED}\n` },
        { name: 'ran.txt', content: 'early_command ran\n' },
      ],
    },
  )
})
afterAll(() => bed?.remove())

test("Debian's installer boots, fetches its preseed file from us and runs its early_command", async () => {
  const vm = await bed.known({ name: 'debian', memoryMiB: 1024 }, 'debian-installer')
  await vm.on()
  const fetched = (file: string) => async () =>
    (await bed.trace(vm))?.events.find(({ kind, detail }) => kind === 'http.file' && detail?.file === file)
  await until('it asks for its preseed file', 240_000, fetched('preseed.cfg'))
  const ran = await until('its early_command asks for a file', 60_000, fetched('ran.txt'))
  expect(ran.stage).toBe('system')
  await vm.off()
}, 330_000)

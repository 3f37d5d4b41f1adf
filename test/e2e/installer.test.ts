import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parse } from 'yaml'
import { Bed, SERVER } from './bed/bed.ts'
import { offerBundle } from './bed/linux.ts'
import { until } from './bed/until.ts'

const INSTALLER = '/usr/lib/debian-installer/images/12/amd64/text/debian-installer/amd64'

/** What the installer runs before it asks anything: it fetches a second file, which the trace shows. */
const EARLY = 'd-i preseed/early_command string wget -q -O /dev/null {{ boot.files }}/ran.txt\n'

let bed: Bed
beforeAll(async () => {
  bed = await Bed.make()
  const server = await bed.serve({
    dhcp: { mode: 'server', interfaces: ['br0'] },
    // Without a DNS server the installer stops and asks for one.
    networks: [{ name: 'wire', subnet: '10.77.0.0/24', interface: 'br0', router: SERVER, dns: [SERVER] }],
  })
  const bundle = { kernel: `${INSTALLER}/linux`, initrd: `${INSTALLER}/initrd.gz`, cmdline: '' }
  await offerBundle(server, 'debian-installer', bundle)
  // The recipe as it is, on a serial line, with a mirror that nobody is.
  const recipe = parse(readFileSync('recipes/debian-preseed/recipe.yaml', 'utf8'))
  recipe.configs[0].parts[0].content += EARLY
  const [profile] = recipe.profiles
  profile.cmdline = `console=ttyS0 DEBIAN_FRONTEND=text ${profile.cmdline}`
  profile.files = [{ name: 'ran.txt', content: 'early_command ran\n' }]
  await server.api('POST', '/apply', recipe)
  await server.api('PUT', '/config-values/all/password_hash', { value: '$6$salt$hash', secret: true })
  await server.api('PUT', '/config-values/all/mirror', { value: SERVER })
})
afterAll(() => bed?.remove())

test("Debian's installer boots, is given its preseed file once, and does what it says until it needs a mirror", async () => {
  const vm = await bed.known({ name: 'debian', memoryMiB: 1024, disksGiB: [1] }, 'debian-preseed')
  await vm.on()
  const fetched = (file: string) => async () =>
    (await bed.trace(vm))?.events.find(({ kind, detail }) => kind === 'http.file' && detail?.file === file)
  const given = await until('it asks for its preseed file', 240_000, fetched('preseed.cfg'))
  expect(given.detail?.status).toBe(200)
  const ran = await until('its early_command asks for a file', 150_000, fetched('ran.txt'))
  expect(ran.stage).toBe('system')
  await vm.shows(/archive mirror/, 150_000)
  // It is not told to be there before it is.
  expect((await bed.trace(vm))?.events.some(({ kind }) => kind === 'http.home')).toBe(false)
  await vm.off()
}, 600_000)

import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { importDhcpd, importDnsmasq } from '../../src/api/client/site/importing.ts'

const DNSMASQ = `# all that is understood
dhcp-range=set:rack,10.0.0.100,10.0.0.199,255.255.255.0,12h
dhcp-option=tag:rack,option:router,10.0.0.1
dhcp-option=6,10.0.0.2,10.0.0.3
domain=example.org
dhcp-host=52:54:00:00:00:01,web1,10.0.0.21
dhcp-host=52:54:00:00:00:02,52:54:00:00:00:12,web2,10.0.0.22
dhcp-host=52:54:00:00:00:03
`
const DHCPD = `option domain-name "example.org";
default-lease-time 600;
subnet 10.0.0.0 netmask 255.255.255.0 {
  range 10.0.0.100 10.0.0.149;
  option routers 10.0.0.1;
  pool { range 10.0.0.160 10.0.0.170; }
}
group {
  option domain-name-servers 10.0.0.2, 10.0.0.3;
  host web1 { hardware ethernet 52:54:00:00:00:01; fixed-address 10.0.0.21; option host-name "www"; }
}
`
const DHCPD_PROGRAM = ['/usr/sbin/dhcpd', process.env.REVEILLE_DHCPD ?? ''].find(
  (path) => path !== '' && existsSync(path),
)

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reveille-importers-'))
})
afterAll(() => rm(folder, { recursive: true }))

test('what dnsmasq takes is taken over whole', async () => {
  const file = join(folder, 'dnsmasq.conf')
  await writeFile(file, DNSMASQ)
  execFileSync('/usr/sbin/dnsmasq', ['--test', `--conf-file=${file}`], { stdio: 'pipe' })
  const { sections, networks, notes } = importDnsmasq(DNSMASQ, file)
  expect(notes).toEqual([])
  expect(sections.machines).toHaveLength(3)
  expect(networks).toHaveLength(1)
})

// dhcpd comes with isc-dhcp-server, which is not among the packages that tests install.
test.skipIf(DHCPD_PROGRAM === undefined)('what dhcpd takes is taken over whole', async () => {
  const file = join(folder, 'dhcpd.conf')
  await writeFile(file, DHCPD)
  const { status, stderr } = spawnSync(DHCPD_PROGRAM ?? '', ['-t', '-cf', file], { encoding: 'utf8' })
  expect(status, stderr).toBe(0)
  const { sections, networks, notes } = importDhcpd(DHCPD, file)
  expect(notes).toEqual([])
  expect(sections.machines).toMatchObject([{ name: 'web1', hostname: 'www' }])
  expect(networks).toHaveLength(1)
})

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { Settings } from '../config/schema.ts'
import { Refusal } from '../kit/errors.ts'
import { ipv4, parseIpv4 } from '../kit/ip.ts'
import { decodeDhcp, encodeDhcp } from '../protocols/dhcp/message.ts'
import { MESSAGE_TYPE, messageType, OPTION, OptionsBuilder } from '../protocols/dhcp/options.ts'
import { examine } from './doctor.ts'
import { LINUX, readCapabilities, readSocketTable } from './linux.ts'
import { inquiry, readOffer } from './offers.ts'
import type { Probes } from './probes.ts'

const HEALTHY: Probes = {
  pid: 1,
  now: () => Date.UTC(2027, 0),
  heldPorts: async () => [],
  capabilities: async () => new Set(['CAP_NET_RAW', 'CAP_NET_BIND_SERVICE', 'CAP_NET_ADMIN']),
  firstFreePort: async () => 1024,
  interfaces: async () => [
    { name: 'eth1', up: true, addresses: ['10.0.0.1'] },
    { name: 'eth2', up: false, addresses: [] },
  ],
  dhcpServers: async () => [],
  readable: async () => true,
  writable: async () => true,
  acceleration: async () => 'kvm',
  program: async (name) => `/usr/bin/${name}`,
  directory: async () => ({ state: 'writable', nearest: '/d', creatable: true, freeBytes: 2 ** 40 }),
  synchronised: async () => true,
}
const config = Settings.parse({ dhcp: { mode: 'server', interfaces: ['eth1', 'eth2'] }, lab: { enabled: true } })

describe('examine', () => {
  test('asks only usable interfaces for other DHCP servers', async () => {
    const asked: string[] = []
    const findings = await examine(config, {
      ...HEALTHY,
      dhcpServers: async (name) => {
        asked.push(name)
        return [{ server: parseIpv4('10.0.0.9')!, address: parseIpv4('10.0.0.77')! }]
      },
    })
    expect(asked).toEqual(['eth1'])
    expect(findings.filter(({ status }) => status !== 'ok').map(({ check }) => check)).toEqual([
      'interface eth2',
      'other DHCP servers on eth1',
    ])
  })

  test('a probe that fails is a finding with its next step, and ends no other', async () => {
    const findings = await examine(config, {
      ...HEALTHY,
      dhcpServers: () => Promise.reject(new Refusal('not-available', 'no port 68', { next: 'be root' })),
      heldPorts: () => Promise.reject(new Error('no /proc')),
    })
    expect(findings).toContainEqual({
      check: 'other DHCP servers on eth1',
      status: 'warning',
      found: 'could not be looked at: no port 68',
      next: 'be root',
    })
    expect(findings.find(({ check }) => check === 'ports')?.found).toMatch(/no \/proc/)
    expect(findings.some(({ check }) => check === 'clock')).toBe(true)
  })

  test('KVM is what the lab found when it tried, not what the device lets open', async () => {
    const kvm = async (probes: Probes) =>
      (await examine(config, probes)).find(({ check }) => check === 'lab: KVM')?.found ?? ''
    expect(await kvm(HEALTHY)).toBe('/dev/kvm can be used')
    expect(await kvm({ ...HEALTHY, acceleration: async () => 'tcg' })).toContain('/dev/kvm opens, but')
    const closed: Probes = {
      ...HEALTHY,
      acceleration: async () => 'tcg',
      writable: async (path) => path !== '/dev/kvm',
    }
    expect(await kvm(closed)).toContain('/dev/kvm cannot be used')
  })

  test('nothing is sent to the wire while DHCP is off', async () => {
    const findings = await examine(Settings.parse({}), {
      ...HEALTHY,
      dhcpServers: () => Promise.reject(new Error('asked')),
    })
    expect(findings.filter(({ status }) => status !== 'ok')).toEqual([])
  })
})

describe('the DHCP inquiry', () => {
  const chaddr = Uint8Array.of(0x52, 0, 0, 0, 0, 1)

  test('is a broadcast DISCOVER that decodes', () => {
    const message = decodeDhcp(encodeDhcp(inquiry(chaddr, 7)))
    expect(messageType(message)).toBe('discover')
    expect(message).toMatchObject({ xid: 7, flags: 0x8000, hops: 0 })
  })

  test('takes only offers to itself', () => {
    const offer = (more: object, type: number = MESSAGE_TYPE.offer) =>
      encodeDhcp({
        ...inquiry(chaddr, 7),
        op: 2,
        yiaddr: ipv4(0x0a000032),
        options: new OptionsBuilder()
          .set(OPTION.messageType, type)
          .set(OPTION.serverIdentifier, ipv4(0x0a000009))
          .build(),
        ...more,
      })
    expect(readOffer(offer({}), 7)).toEqual({ server: 0x0a000009, address: 0x0a000032 })
    expect(readOffer(offer({ xid: 8 }), 7)).toBeUndefined()
    expect(readOffer(offer({ op: 1 }), 7)).toBeUndefined()
    expect(readOffer(offer({}, MESSAGE_TYPE.ack), 7)).toBeUndefined()
    expect(readOffer(Uint8Array.of(1, 2, 3), 7)).toBeUndefined()
  })
})

describe('what Linux tells', () => {
  test('sockets of /proc/net', () => {
    const text = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4242 1 0 100 0 0 10 0
   1: 00000000000000000000000000000000:0045 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 17 2 0
   2: B80D0120000000000000000001000000:0045 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 18 2 0
`
    expect(readSocketTable(text)).toEqual([
      { address: 0x7f000001, port: 8080, state: 10, inode: '4242' },
      { address: 0, port: 69, state: 7, inode: '17' },
    ])
  })

  test('capabilities of /proc/self/status', () => {
    expect([...readCapabilities('Name:\tnode\nCapEff:\t0000000000002400\n')]).toEqual([
      'CAP_NET_BIND_SERVICE',
      'CAP_NET_RAW',
    ])
    expect(readCapabilities('CapEff:\t0000000000000000\n').size).toBe(0)
  })

  test('directories, files and programs of this computer', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'reveille-doctor-'))
    try {
      await writeFile(join(folder, 'file'), '')
      expect(await LINUX.directory(folder)).toMatchObject({ state: 'writable', nearest: folder })
      expect(await LINUX.directory(join(folder, 'a/b'))).toMatchObject({
        state: 'missing',
        nearest: folder,
        creatable: true,
      })
      expect((await LINUX.directory(join(folder, 'file'))).state).toBe('not-a-directory')
      expect(await LINUX.program('sh')).toMatch(/\/sh$/)
      expect(await LINUX.program('no-such-program-here')).toBeUndefined()
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  test('who holds a port', async () => {
    const { createServer } = await import('node:net')
    const server = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const address = server.address()
    try {
      const held = await LINUX.heldPorts()
      expect(held).toContainEqual({
        protocol: 'tcp',
        address: 0x7f000001,
        port: typeof address === 'object' ? address?.port : 0,
        holder: { pid: process.pid, name: expect.any(String) },
      })
    } finally {
      server.close()
    }
  })
})

test('programs that only some work needs are named with that work, and are no failure', async () => {
  const findings = await examine(Settings.parse({}), {
    ...HEALTHY,
    program: async (name) => (name === 'fakeroot' || name === 'mcopy' ? undefined : `/usr/bin/${name}`),
  })
  const found = findings.find(({ check }) => check === 'for reveille image build')
  expect(found?.status).toBe('ok')
  expect(found?.found).toContain('fakeroot, mcopy missing')
  expect(found?.found).toContain('apt-get install --no-install-recommends fakeroot mtools')
  expect(findings.find(({ check }) => check === 'for passwords inside volumes')?.found).toBe('all is there (openssl)')
})

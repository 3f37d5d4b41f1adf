import { describe, expect, test } from 'vitest'
import { BOOT_PROGRAMS } from '../boot/programs.ts'
import { Settings, type SettingsInput } from '../config/schema.ts'
import { ANY_ADDRESS, parseIpv4 } from '../kit/ip.ts'
import type { DirectoryFact, HeldPort } from './probes.ts'
import {
  judgeBootFiles,
  judgeClock,
  judgeDirectory,
  judgeInterfaces,
  judgeLab,
  judgeOffers,
  judgePort,
  judgePrivileges,
  wantedPorts,
} from './rules.ts'

const config = (input: SettingsInput = {}) => Settings.parse(input)
const ip = (text: string) => parseIpv4(text)!
const serving = config({ dhcp: { mode: 'server', interfaces: ['eth1'] } })

describe('ports', () => {
  const [http] = wantedPorts(config())
  const held = (more: Partial<HeldPort>): HeldPort => ({
    protocol: 'tcp',
    address: ANY_ADDRESS,
    port: 8080,
    holder: { pid: 7, name: 'nginx' },
    ...more,
  })

  test('follow from the settings', () => {
    expect(wantedPorts(config()).map(({ protocol, port }) => `${protocol} ${port}`)).toEqual(['tcp 8080', 'tcp 3260'])
    expect(wantedPorts(serving).map(({ protocol, port }) => `${protocol} ${port}`)).toEqual([
      'tcp 8080',
      'tcp 3260',
      'udp 69',
      'udp 67',
      'udp 4011',
    ])
    expect(wantedPorts(config({ http: { listen: '127.0.0.1:0' }, iscsi: { enabled: false } }))).toEqual([])
  })

  test('a free port is well, one of another process is named with what to do', () => {
    expect(judgePort(http!, [held({ port: 80 }), held({ protocol: 'udp' })], 1)).toMatchObject({
      status: 'ok',
      found: 'free',
    })
    const finding = judgePort(http!, [held({})], 1)
    expect(finding).toMatchObject({ status: 'failed', found: 'held by nginx (process 7)' })
    expect(finding.next).toMatch(/ss -tlpn.*http\.listen/)
  })

  test('a port that this server holds itself is well', () => {
    expect(judgePort(http!, [held({ holder: { pid: 1, name: 'node' } })], 1)).toMatchObject({
      status: 'ok',
      found: 'held by this server',
    })
  })

  test('only addresses that meet clash', () => {
    const [wanted] = wantedPorts(config({ http: { listen: '10.0.0.1:8080' } }))
    expect(judgePort(wanted!, [held({ address: ip('10.0.0.2') })], 1).status).toBe('ok')
    expect(judgePort(wanted!, [held({ address: ip('10.0.0.1') })], 1).status).toBe('failed')
    expect(judgePort(wanted!, [held({ address: ANY_ADDRESS, holder: null })], 1).found).toMatch(/not ours to see/)
  })

  test('another DHCP server on this computer may be on other interfaces', () => {
    const dhcp = wantedPorts(serving).find(({ port }) => port === 67)!
    expect(
      judgePort(dhcp, [held({ protocol: 'udp', port: 67, holder: { pid: 9, name: 'dnsmasq' } })], 1),
    ).toMatchObject({
      status: 'warning',
      found: 'dnsmasq (process 9) has it too',
    })
  })
})

describe('privileges', () => {
  test('none are needed for high ports without DHCP', () => {
    expect(judgePrivileges(config(), new Set(), 1024)).toMatchObject([{ status: 'ok' }])
  })

  test('DHCP needs two', () => {
    expect(
      judgePrivileges(serving, new Set(['CAP_NET_RAW']), 1024).map(({ check, status }) => [check, status]),
    ).toEqual([
      ['privilege CAP_NET_BIND_SERVICE', 'failed'],
      ['privilege CAP_NET_RAW', 'ok'],
    ])
  })

  test('the kernel may have freed low ports', () => {
    expect(judgePrivileges(serving, new Set(['CAP_NET_RAW']), 0).map(({ check }) => check)).toEqual([
      'privilege CAP_NET_RAW',
    ])
  })
})

describe('interfaces', () => {
  test.each([
    [[{ name: 'eth0', up: true, addresses: ['10.0.0.1'] }], 'failed', /eth0/],
    [[{ name: 'eth1', up: false, addresses: [] }], 'failed', /ip link set eth1 up/],
    [[{ name: 'eth1', up: true, addresses: [] }], 'failed', /ip addr add/],
  ] as const)('%j is not enough', (all, status, next) => {
    const [finding] = judgeInterfaces(serving, all)
    expect(finding!.status).toBe(status)
    expect(finding!.next).toMatch(next)
  })

  test('up with an address is well', () => {
    expect(judgeInterfaces(serving, [{ name: 'eth1', up: true, addresses: ['10.0.0.1'] }])).toEqual([
      { check: 'interface eth1', status: 'ok', found: 'up, 10.0.0.1', next: null },
    ])
  })
})

describe('other DHCP servers', () => {
  const offer = { server: ip('10.0.0.9'), address: ip('10.0.0.50') }

  test('are a warning beside our own server, and awaited by a proxy', () => {
    expect(judgeOffers('server', 'eth1', [offer, offer], [])).toMatchObject({
      status: 'warning',
      found: '10.0.0.9 answers too',
    })
    expect(judgeOffers('proxy', 'eth1', [offer], []).status).toBe('ok')
    expect(judgeOffers('proxy', 'eth1', [], []).status).toBe('warning')
    expect(judgeOffers('server', 'eth1', [], []).status).toBe('ok')
  })

  test('our own offer is no other server', () => {
    expect(judgeOffers('server', 'eth1', [offer], ['10.0.0.9']).status).toBe('ok')
  })
})

describe('boot files', () => {
  const paths = BOOT_PROGRAMS.map(({ path }) => path)

  test('missing ones come with the command to get them', () => {
    const [finding] = judgeBootFiles(serving, new Set(paths.slice(1)))
    expect(finding).toMatchObject({ status: 'failed', found: `missing: ${paths[0]}` })
    expect(finding!.next).toMatch(/apt-get install .*ipxe$/)
    expect(judgeBootFiles(config(), new Set())[0]!.status).toBe('warning')
    expect(judgeBootFiles(serving, new Set(paths))[0]!.status).toBe('ok')
  })
})

describe('data directory', () => {
  const fact = (more: Partial<DirectoryFact>): DirectoryFact => ({
    state: 'writable',
    nearest: '/d',
    creatable: true,
    freeBytes: 2 ** 40,
    ...more,
  })

  test.each([
    [{}, ['ok', 'ok']],
    [{ state: 'missing' }, ['ok', 'ok']],
    [{ state: 'missing', creatable: false }, ['failed']],
    [{ state: 'not-writable' }, ['failed']],
    [{ state: 'not-a-directory' }, ['failed']],
    [{ freeBytes: 2 ** 30 }, ['ok', 'warning']],
    [{ freeBytes: 2 ** 20 }, ['ok', 'failed']],
  ] as const)('%j', (more, statuses) => {
    expect(judgeDirectory('/d', fact(more)).map(({ status }) => status)).toEqual(statuses)
  })
})

describe('clock', () => {
  test('must not be before this program was written, and should be kept right', () => {
    expect(judgeClock(0, true).status).toBe('failed')
    expect(judgeClock(Date.UTC(2027, 0), false)).toMatchObject({
      status: 'warning',
      next: expect.stringContaining('timesyncd'),
    })
    expect(judgeClock(Date.UTC(2027, 0), true).status).toBe('ok')
    expect(judgeClock(Date.UTC(2027, 0), undefined).found).toMatch(/not known/)
  })
})

describe('lab', () => {
  const all = { qemu: true, uefi: true, ip: true, kvm: 'works', tun: true, admin: true } as const

  test('is not looked at when it is off', () => expect(judgeLab(config(), all)).toEqual([]))

  test('names what a bridge lacks; only when a bridge is asked for that is a failure', () => {
    const lacking = { ...all, admin: false, tun: false }
    const bridge = judgeLab(config({ lab: { enabled: true, mode: 'bridge' } }), lacking).at(-1)
    expect(bridge).toMatchObject({
      status: 'failed',
      found: expect.stringContaining('root (CAP_NET_ADMIN), /dev/net/tun'),
    })
    expect(judgeLab(config({ lab: { enabled: true } }), lacking).at(-1)!.status).toBe('warning')
    expect(
      judgeLab(config({ lab: { enabled: true, mode: 'user' } }), lacking).every(({ status }) => status === 'ok'),
    ).toBe(true)
  })

  test('a device that opens is not KVM that works', () => {
    const [, kvm] = judgeLab(config({ lab: { enabled: true } }), { ...all, kvm: 'useless' })
    expect(kvm).toMatchObject({ check: 'lab: KVM', status: 'warning' })
    expect(kvm?.found).toContain('no virtualisation')
  })

  test('without QEMU nothing starts, without KVM it is slow', () => {
    const findings = judgeLab(config({ lab: { enabled: true } }), { ...all, qemu: false, kvm: 'closed' })
    expect(findings.map(({ check, status }) => `${check} ${status}`)).toEqual([
      'lab: QEMU failed',
      'lab: KVM warning',
      'lab: UEFI ok',
      'lab: bridge ok',
    ])
  })
})

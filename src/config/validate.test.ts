import { describe, expect, test } from 'vitest'
import { Settings, type SettingsInput } from './schema.ts'
import { findImpossible } from './validate.ts'

function problems(input: SettingsInput): string[] {
  return findImpossible(Settings.parse(input)).map(({ path }) => path.join('.'))
}

const server = { mode: 'server' as const, interfaces: ['eth0'] }
const rack = { name: 'rack', subnet: '10.0.0.0/24', interface: 'eth0' }

describe('findImpossible', () => {
  test('finds nothing wrong with the defaults and with an ordinary server', () => {
    expect(problems({})).toEqual([])
    expect(
      problems({ dhcp: server, networks: [{ ...rack, ranges: ['10.0.0.100-10.0.0.200'], router: '10.0.0.1' }] }),
    ).toEqual([])
    expect(problems({ http: { listen: '127.0.0.1:0', adminListen: '127.0.0.1:0' } })).toEqual([])
  })

  test.each<[string, SettingsInput, string]>([
    ['DHCP without interfaces', { dhcp: { mode: 'proxy' } }, 'dhcp.interfaces'],
    ['an interface named twice', { dhcp: { mode: 'proxy', interfaces: ['a', 'b', 'a'] } }, 'dhcp.interfaces.2'],
    ['DHCP without TFTP', { dhcp: server, tftp: { enabled: false } }, 'tftp.enabled'],
    ['TFTP at the port of proxyDHCP', { dhcp: server, tftp: { listen: '0.0.0.0:4011' } }, 'tftp.listen'],
    ['the same listener twice', { http: { listen: '10.0.0.1:80', adminListen: '10.0.0.1:80' } }, 'http.adminListen'],
    ['a listener inside another', { http: { listen: '0.0.0.0:80', adminListen: '127.0.0.1:80' } }, 'http.adminListen'],
    ['an address nobody can reach', { advertise: '0.0.0.0' }, 'advertise'],
    ['a multicast address as our own', { advertise: '224.0.0.1' }, 'advertise'],
    ['names that end in a hyphen', { machineNames: 'n%02d-' }, 'machineNames'],
    ['two networks of one name', { networks: [rack, { name: 'rack', subnet: '10.1.0.0/24' }] }, 'networks.1.name'],
    ['networks that overlap', { networks: [rack, { name: 'b', subnet: '10.0.0.128/25' }] }, 'networks.1.subnet'],
    [
      'networks that overlap the other way round',
      { networks: [rack, { name: 'b', subnet: '10.0.0.0/16' }] },
      'networks.1.subnet',
    ],
    [
      'a network on an interface that is not answered on',
      { dhcp: server, networks: [{ ...rack, interface: 'eth1' }] },
      'networks.0.interface',
    ],
    ['a router outside', { networks: [{ ...rack, router: '10.0.1.1' }] }, 'networks.0.router'],
    ['the broadcast address as router', { networks: [{ ...rack, router: '10.0.0.255' }] }, 'networks.0.router'],
    [
      'a range that begins at the network address',
      { networks: [{ ...rack, ranges: ['10.0.0.0-10.0.0.5'] }] },
      'networks.0.ranges.0',
    ],
    [
      'a range that ends outside',
      { networks: [{ ...rack, ranges: ['10.0.0.9', '10.0.0.200-10.0.1.4'] }] },
      'networks.0.ranges.1',
    ],
    [
      'ranges that overlap',
      { networks: [{ ...rack, ranges: ['10.0.0.9-10.0.0.20', '10.0.0.20-10.0.0.30'] }] },
      'networks.0.ranges.1',
    ],
    [
      'a range with the router in it',
      { networks: [{ ...rack, router: '10.0.0.9', ranges: ['10.0.0.5-10.0.0.20'] }] },
      'networks.0.ranges.0',
    ],
    ['a network too small to serve', { networks: [{ name: 'p', subnet: '10.0.0.0/31' }] }, 'networks.0.subnet'],
    [
      'a lab inside a network',
      { lab: { enabled: true }, networks: [{ name: 'n', subnet: '10.77.0.0/16' }] },
      'lab.subnet',
    ],
    ['a lab with room for nobody', { lab: { enabled: true, subnet: '10.0.0.0/30' } }, 'lab.subnet'],
  ])('refuses %s', (_, input, path) => {
    expect(problems(input)).toContain(path)
  })

  test('a lab that is off may have any subnet', () => {
    expect(problems({ networks: [{ name: 'n', subnet: '10.77.0.0/16' }] })).toEqual([])
  })
})

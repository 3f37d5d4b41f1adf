import { expect, test } from 'vitest'
import { Settings } from '../config/schema.ts'
import { parseIpv4, parseSubnet } from '../kit/ip.ts'
import { SILENT } from '../kit/log.ts'
import type { Network } from '../networks/network.ts'
import { lateNetworks } from './late-networks.ts'

const eth1 = { name: 'eth1', subnet: parseSubnet('10.0.0.0/24')!, address: parseIpv4('10.0.0.1')! }
const eth9 = { name: 'eth9', subnet: parseSubnet('10.9.0.0/24')!, address: parseIpv4('10.9.0.1')! }

function looked(settings: Record<string, unknown>) {
  const networks: Network[] = []
  const served: string[] = []
  const leases = { serve: (network: Network) => void served.push(network.name) }
  let there = [eth9]
  const look = lateNetworks({ config: Settings.parse(settings), networks, leases, log: SILENT }, () => there)
  look()
  there = [eth9, eth1]
  look()
  look()
  return { networks: networks.map(({ name }) => name), served }
}

test('an interface that comes late gets its network once, and no other does', () => {
  const { networks, served } = looked({ dhcp: { mode: 'server', interfaces: ['eth1'] } })
  expect(networks).toEqual(['eth1'])
  expect(served).toEqual(['eth1'])
})

test('networks that were given stay the only ones, and a proxy has none', () => {
  const given = { dhcp: { mode: 'server', interfaces: ['eth1'] }, networks: [{ name: 'a', subnet: '10.0.0.0/24' }] }
  expect(looked(given).networks).toEqual([])
  expect(looked({ dhcp: { mode: 'proxy', interfaces: ['eth1'] } }).networks).toEqual([])
})

import { describe, expect, test } from 'vitest'
import { formatIpv4, parseIpv4, parseSubnet } from '../kit/ip.ts'
import { planNetworks, upperHalf } from './plan.ts'

const lan = { name: 'eth0', subnet: parseSubnet('10.0.0.0/24')!, address: parseIpv4('10.0.0.1')! }
const wish = { name: 'racks', subnet: parseSubnet('10.0.0.0/24')!, dns: [], ntp: [], leaseSeconds: 600 }

describe('planNetworks', () => {
  test('serves the upper half of each interface when no network is given', () => {
    const [network] = planNetworks([], [lan])
    expect(network).toMatchObject({ name: 'eth0', interface: 'eth0', router: null })
    expect(network!.ranges.map(({ first, last }) => [formatIpv4(first), formatIpv4(last)])).toEqual([
      ['10.0.0.128', '10.0.0.254'],
    ])
  })

  test('attaches a given network to the interface with its subnet, and to none when it is reached by relays', () => {
    const remote = { ...wish, name: 'remote', subnet: parseSubnet('10.9.0.0/16')! }
    expect(planNetworks([wish, remote], [lan]).map((network) => network.interface)).toEqual(['eth0', null])
  })

  test('keeps given ranges, also an empty list: reservations only', () => {
    expect(planNetworks([{ ...wish, ranges: [] }], [lan])[0]!.ranges).toEqual([])
  })
})

test('a subnet without room has no upper half', () => {
  expect(upperHalf(parseSubnet('10.0.0.0/31')!)).toEqual([])
  expect(upperHalf(parseSubnet('10.0.0.0/30')!).map(({ first, last }) => last - first)).toEqual([0])
})

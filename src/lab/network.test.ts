import { describe, expect, test } from 'vitest'
import { formatIpv4, parseSubnet } from '../kit/ip.ts'
import { hasVirtualization } from './acceleration.ts'
import { labNames, labNetworkSettings, refuseSubnet, refuseTaken } from './network.ts'
import { userNetworkBase } from './usernet.ts'

describe('the names of a lab', () => {
  test('fit an interface name and differ for each data directory', () => {
    const names = labNames('/var/lib/reveille')
    expect(names.interface.length).toBeLessThanOrEqual(15)
    expect(labNames('/var/lib/other')).not.toEqual(names)
    expect(labNames('/var/lib/x/../reveille/')).toEqual(names)
  })
})

describe('the network of a lab', () => {
  const lab = (text: string) => ({ enabled: true, mode: 'auto' as const, subnet: parseSubnet(text)!, maxMachines: 4 })

  test('leaves its lower half to the server and gives away the upper, without the broadcast address', () => {
    const { network } = labNetworkSettings({ dataDir: '/d', lab: lab('10.77.0.0/24') })
    expect(network.ranges.map(({ first, last }) => [formatIpv4(first), formatIpv4(last)])).toEqual([
      ['10.77.0.128', '10.77.0.254'],
    ])
    expect(network.dns.map(formatIpv4)).toEqual(['10.77.0.1'])
  })

  test('needs some room', () => {
    expect(refuseSubnet(parseSubnet('10.0.0.0/28')!)).toBeUndefined()
    expect(refuseSubnet(parseSubnet('10.0.0.0/29')!)).toContain('too small')
  })

  test('is not one that this computer is connected to already', () => {
    const refused = (cidr: string, name = 'eth0') =>
      refuseTaken(parseSubnet('10.77.0.0/24')!, 'rvlab1', [
        { interface: 'rvlab1', cidr: '10.77.0.1/24' },
        { interface: name, cidr },
      ])
    expect(refused('10.78.0.5/24')).toBeUndefined()
    expect(refused('10.77.0.9/24')).toContain('eth0 has 10.77.0.9/24')
    expect(refused('10.1.2.3/8')).toContain('is in use')
    expect(refused('10.77.0.129/28')).toContain('is in use')
    expect(refused('10.77.0.1/24', 'rvlab2')).toContain('the lab of another data directory')
  })
})

test('a guest of user networking reaches loopback by the address of QEMU, others as they are', () => {
  expect(userNetworkBase({ host: '0.0.0.0', port: 8080 })).toBe('http://10.0.2.2:8080')
  expect(userNetworkBase({ host: '127.0.0.1', port: 80 })).toBe('http://10.0.2.2:80')
  expect(userNetworkBase({ host: '192.168.1.5', port: 8080 })).toBe('http://192.168.1.5:8080')
})

test('a processor without virtualization is not asked to do it', () => {
  expect(hasVirtualization('processor\t: 0\nflags\t\t: fpu vmx sse2\n')).toBe(true)
  expect(hasVirtualization('processor\t: 0\nflags\t\t: fpu svm_lock hypervisor\n')).toBe(false)
})

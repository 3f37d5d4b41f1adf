import { describe, expect, test } from 'vitest'
import { type Mac, parseMac } from '../kit/mac.ts'
import { diskBootIndex, diskDevice, machineFiles, qemuArguments } from './qemu.ts'
import { LabSpec, type LabWish, refuseWish, specify } from './spec.ts'

const wish: LabWish = {
  name: 'alpha',
  firmware: 'bios',
  memoryMiB: 512,
  disksGiB: [1, 4],
  diskModel: 'virtio-blk-pci',
  nic: 'virtio-net-pci',
  rom: 'ipxe',
  secureBoot: false,
  bootOrder: 'network',
}
const ground = { directory: '/d/lab/alpha', netdev: 'tap,id=net0,ifname=tap0', acceleration: 'tcg' } as const
const argumentsOf = (change: Partial<LabWish> = {}) =>
  qemuArguments(specify({ ...wish, ...change }, new Set(), 0), ground)
const valuesOf = (args: string[], option: string) => args.filter((_, i) => args[i - 1] === option)
const nic = (args: string[]) => valuesOf(args, '-device').find((device) => device.includes('id=nic0'))

describe('a specification', () => {
  test('gives the same name the same MAC and UUID, so that a machine made again is the same to the registry', () => {
    const first = specify(wish, new Set(), 1)
    const second = specify(wish, new Set(), 2)
    expect(second).toEqual({ ...first, createdAt: 2 })
    expect(parseMac(first.mac)).toBe(first.mac)
    expect(first.mac).toMatch(/^52:54:00:/)
  })

  test('steps over a MAC that another machine has', () => {
    const first = specify(wish, new Set(), 1)
    expect(specify(wish, new Set([first.mac]), 1).mac).not.toBe(first.mac)
    const mac = '52:54:00:00:00:01' as Mac
    expect(specify({ ...wish, mac }, new Set(), 1)).toEqual({ ...first, mac })
  })

  test('survives its file', () => {
    const spec = specify(wish, new Set(), 1)
    expect(LabSpec.parse(JSON.parse(JSON.stringify(spec)))).toEqual(spec)
  })

  test.each([
    [{ rom: 'http' }, 'bridge', 'BIOS knows no HTTP boot'],
    [{ firmware: 'uefi', rom: 'pxe', nic: 'e1000' }, 'bridge', 'no driver of its own for e1000'],
    [{ firmware: 'uefi', rom: 'pxe' }, 'user', 'only rom ipxe boots there'],
  ] as const)('refuses %j on a %s network', (change, network, reason) => {
    expect(refuseWish({ ...wish, ...change }, network)).toContain(reason)
  })

  test('takes what goes together', () => {
    expect(refuseWish(wish, 'user')).toBeUndefined()
    expect(refuseWish({ ...wish, firmware: 'uefi', rom: 'http' }, 'bridge')).toBeUndefined()
    expect(refuseWish({ ...wish, firmware: 'uefi', rom: 'ipxe', nic: 'e1000e' }, 'bridge')).toBeUndefined()
  })
})

describe('the arguments of QEMU', () => {
  test('let a BIOS speak on the serial port', () => {
    expect(valuesOf(argumentsOf(), '-machine')).toEqual(['pc,graphics=off'])
  })

  test('give a UEFI machine firmware and variables of its own', () => {
    const drives = valuesOf(argumentsOf({ firmware: 'uefi' }), '-drive')
    expect(drives[0]).toContain('readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd')
    expect(drives[1]).toContain('file=/d/lab/alpha/variables.fd')
  })

  test.each([
    ['bios', 'ipxe', true],
    ['bios', 'pxe', true],
    ['uefi', 'ipxe', true],
    ['uefi', 'pxe', false],
    ['uefi', 'http', false],
  ] as const)('%s with rom %s: the card has a ROM of its own: %s', (firmware, rom, own) => {
    expect(nic(argumentsOf({ firmware, rom }))?.includes('romfile=')).toBe(!own)
  })

  test('turn PXE off where HTTP shall come first', () => {
    const off = (rom: 'pxe' | 'http') => valuesOf(argumentsOf({ firmware: 'uefi', rom }), '-fw_cfg').join(' ')
    expect(off('http')).toContain('IPv4PXESupport,string=n')
    expect(off('pxe')).not.toContain('IPv4PXESupport')
  })

  test.each(['network', 'disk'] as const)('boot from %s first, and no index is used twice', (bootOrder) => {
    const args = argumentsOf({ bootOrder })
    const card = Number(/bootindex=(\d+)/.exec(nic(args) ?? '')?.[1])
    const disks = [0, 1].map((index) => diskBootIndex({ bootOrder }, index))
    expect(disks.every((index) => (bootOrder === 'disk' ? index < card : index > card))).toBe(true)
    expect(new Set([card, ...disks]).size).toBe(3)
  })

  test('double commas of paths, which would end an option', () => {
    const args = qemuArguments(specify(wish, new Set(), 0), { ...ground, directory: '/a,b' })
    expect(valuesOf(args, '-qmp')[0]).toBe('unix:/a,,b/qmp.sock,server=on,wait=off')
    expect(valuesOf(args, '-blockdev')[0]).toContain('"/a,b/disk0.raw"')
  })

  test('keep disk serial numbers within the 20 characters of virtio', () => {
    expect(diskDevice(specify(wish, new Set(), 0), 7).serial.length).toBeLessThanOrEqual(20)
  })

  test('name the pid file that the machine is found again by', () => {
    expect(valuesOf(argumentsOf(), '-pidfile')).toEqual([machineFiles('/d/lab/alpha').pid])
  })
})

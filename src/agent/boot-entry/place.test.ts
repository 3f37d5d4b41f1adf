import { describe, expect, test } from 'vitest'
import { type DeviceNode, encodeLoadOption, type LoadOption, parseLoadOption } from '../../protocols/efi/load-option.ts'
import { isNetwork, planBoot } from './place.ts'

const MAC: DeviceNode = { kind: 'mac', mac: Uint8Array.of(2, 0, 0, 0, 0, 1) }
const FILE = '\\EFI\\BOOT\\BOOTX64.EFI'
const partition = (id: number) => ({
  kind: 'partition' as const,
  number: 1,
  firstLba: 2048,
  blocks: 9999,
  guid: new Uint8Array(16).fill(id),
})
const entry = (name: string, path: DeviceNode[]): LoadOption => parseLoadOption(encodeLoadOption({ name, path }))
const disk = (id: number, name = 'disk', file = FILE) => entry(name, [partition(id), { kind: 'file', path: file }])
const NET = entry('PXEv4', [MAC])
const SETUP = entry('Setup', [{ kind: 'other', type: 4, subtype: 6, data: new Uint8Array(16) }])
const WANTED = { name: 'Reveille S1', partition: partition(1), file: FILE }

const plan = (entries: Record<string, LoadOption>, order: string[], current?: string) =>
  planBoot(new Map(Object.entries(entries)), order, current, WANTED)

describe('where the entry of a disk goes', () => {
  test('directly behind the network entry that booted the machine, the rest as it was', () => {
    const entries = { '0000': SETUP, '0001': NET, '0002': entry('PXEv6', [MAC]) }
    expect(plan(entries, ['0000', '0001', '0002'], '0001')).toEqual({
      number: '0003',
      create: true,
      order: ['0000', '0001', '0003', '0002'],
      remove: [],
    })
  })

  test('behind the last network entry when none of them booted the machine', () => {
    const entries = {
      '0001': NET,
      '0002': entry('HTTP', [{ kind: 'other', type: 3, subtype: 24, data: new Uint8Array() }]),
      '0005': SETUP,
    }
    expect(plan(entries, ['0001', '0002', '0005'], '0005').order).toEqual(['0001', '0002', '0000', '0005'])
  })

  test('an entry that leads to the same file is used again and stays where it stands', () => {
    const entries = { '0001': NET, '0004': disk(1, 'debian', FILE.toLowerCase()), '0005': SETUP }
    expect(plan(entries, ['0001', '0005', '0004'], '0001')).toEqual({
      number: '0004',
      create: false,
      order: undefined,
      remove: [],
    })
  })

  test('an entry before the network moves behind it', () => {
    const entries = { '0001': NET, '0004': disk(1) }
    expect(plan(entries, ['0004', '0001'], '0001').order).toEqual(['0001', '0004'])
  })

  test('what stood for an older system of the same disk is written anew', () => {
    const entries = {
      '0001': NET,
      '0002': disk(7, 'Reveille S1'),
      '0003': disk(8, 'Reveille S1'),
      '0004': disk(9, 'Reveille S2'),
    }
    expect(plan(entries, ['0001', '0002', '0003', '0004'], '0001')).toEqual({
      number: '0002',
      create: true,
      order: ['0001', '0002', '0004'],
      remove: ['0003'],
    })
  })

  test('without network entries, and with numbers in the order that lead nowhere', () => {
    expect(plan({ '0005': SETUP }, ['0009', '0005']).order).toEqual(['0000', '0005'])
    expect(plan({}, [])).toMatchObject({ number: '0000', order: ['0000'] })
  })

  test('done again, nothing changes', () => {
    const first = plan({ '0001': NET }, ['0001'], '0001')
    const entries = { '0001': NET, [first.number]: disk(1, WANTED.name) }
    expect(plan(entries, [...first.order!], '0001')).toEqual({
      number: first.number,
      create: false,
      order: undefined,
      remove: [],
    })
  })

  test('network entries are known by their path', () => {
    expect([NET, SETUP, disk(1)].map(isNetwork)).toEqual([true, false, false])
  })
})

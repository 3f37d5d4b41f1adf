import { describe, expect, test } from 'vitest'
import type { DeploymentPlan } from '../../api/contract/deployments.ts'
import { armOf, candidatesIn, candidatesOf, isArmed, offered, wordOf } from './arming.ts'

describe('arming a disk takes a deliberate act', () => {
  test('the last four characters of the serial number are typed', () => {
    expect(wordOf('S3Z9NB0K123456X')).toBe('456X')
    expect(isArmed('S3Z9NB0K123456X', '456x ')).toBe(true)
    expect(isArmed('S3Z9NB0K123456X', 'S3Z9NB0K123456X')).toBe(true)
  })
  test('nothing, too little or something else does not arm', () => {
    for (const typed of ['', '   ', '6X', '456', 'X456', '56X ']) expect(isArmed('S3Z9NB0K123456X', typed)).toBe(false)
  })
  test('of a short serial number all is typed', () => {
    expect(wordOf('A7')).toBe('A7')
    expect(isArmed('A7', '7')).toBe(false)
    expect(isArmed('A7', 'a7')).toBe(true)
  })
  test('a disk without a serial number cannot be armed', () => expect(isArmed('', '')).toBe(false))
})

const overwrite = {
  disk: 'A',
  model: 'M',
  bytes: 100,
  partition: null,
  armed: false,
  fingerprint: 'f',
  contents: ['x'],
}
const plan = (overwrites: DeploymentPlan['overwrites']): DeploymentPlan => ({
  ...{ possible: true, problems: [], inventoryAt: null, steps: [] },
  overwrites,
})

test('a disk of which two partitions are written is armed once', () => {
  const candidates = candidatesOf(
    plan([
      { ...overwrite, partition: 1, image: 'a@1' },
      { ...overwrite, partition: 2, image: 'b@1', contents: ['y'] },
    ]),
  )
  expect(candidates).toMatchObject([{ serial: 'A', image: 'a@1, b@1', contents: ['x', 'y'], partition: null }])
})

test('the order names serial, size and content of the armed disks, and no other disk', () => {
  const candidates = candidatesOf(
    plan([
      { ...overwrite, image: 'a' },
      { ...overwrite, disk: 'B', image: 'a' },
    ]),
  )
  expect(armOf(candidates, new Set(['A']))).toEqual([{ disk: 'A', bytes: 100, fingerprint: 'f' }])
  expect(armOf(candidates, new Set())).toEqual([])
})

const facts = { type: 'ext4', label: 'root', uuid: null }
const partition = { number: 1, name: 'root', type: 'x', startBytes: 0, bytes: 1024, filesystem: facts }
const disk = {
  ...{ name: 'sda', serial: 'S1', wwn: null, model: 'Pro', firmware: null, bytes: 2048, logicalBlockBytes: 512 },
  ...{ rotational: false, transport: 'sata' as const, removable: false, readOnly: false, byPath: null, table: null },
  ...{ tableId: null, partitions: [partition], filesystem: null, fingerprint: null, health: null, problem: null },
}
const inventory = {
  ...{ firmware: 'uefi' as const, secureBoot: null, memoryBytes: 0, nics: [], ipmi: false, bootEntries: [] },
  smbios: {
    ...{ manufacturer: null, product: null, serial: null, uuid: null, biosVersion: null, biosDate: null, board: null },
  },
  cpu: { model: '', sockets: 1, cores: 1, threads: 1, architecture: 'x86_64' },
  disks: [disk, { ...disk, serial: null }, { ...disk, serial: 'R', readOnly: true }],
}

test('a machine offers its disks that have a serial number and can be written', () => {
  expect(candidatesIn(inventory).map((each) => each.serial)).toEqual(['S1'])
  expect(candidatesIn(inventory)[0]?.contents).toEqual(['partition 1 “root”: ext4 “root”, 1.0 KiB'])
})

describe('what is offered for a profile', () => {
  const named = plan([{ ...overwrite, image: 'a' }])
  const serials = (targets: Parameters<typeof offered>[2]) =>
    offered(named, inventory, targets).map((each) => each.serial)
  test('where every target names its disk, only those', () =>
    expect(serials([{ disk: { model: 'M' } }])).toEqual(['A']))
  test('where one does not, also the other disks of the machine', () =>
    expect(serials([{ disk: { model: 'M' } }, { disk: {} }])).toEqual(['A', 'S1']))
})

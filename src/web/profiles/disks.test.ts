import { expect, test } from 'vitest'
import { DisklessDisk } from '../../profiles/profile.ts'
import { diskFields, diskOf, diskText, moved, NEW_DISK } from './disks.ts'

const DISKS = [
  { use: 'overlay', image: 'debian@3', bytes: 10 * 1024 ** 3, limitBytes: 512 * 1024 ** 2, policy: 'reset-at-boot' },
  { use: 'overlay', image: 'debian', bytes: null, limitBytes: null, policy: 'keep' },
  { use: 'volume', volume: 'games', access: 'shared-read-only' },
  { use: 'rotation', rotation: 'exam' },
] as const

test.each(DISKS)('a disk that is edited and not changed stays what it was: $use', (disk) => {
  expect(diskOf(diskFields(disk))).toEqual(disk)
  expect(DisklessDisk.parse(diskOf(diskFields(disk)))).toEqual(disk)
})

test('sizes that people type become whole sectors', () => {
  const disk = diskOf({ ...NEW_DISK, image: 'debian', gib: 0.1, limitGib: 0 })
  expect(DisklessDisk.parse(disk)).toMatchObject({ bytes: Math.round((0.1 * 1024 ** 3) / 512) * 512, limitBytes: null })
})

test('a disk is told by what the machine finds', () => {
  expect(DISKS.map(diskText)).toEqual([
    'debian@3, 10.0 GiB, writes dropped at every boot, at most 512 MiB of its own',
    'debian, writes kept',
    'volume games, read-only',
    'the next volume of rotation exam',
  ])
})

test('a disk is moved by one place, and not over the ends', () => {
  expect(moved(['a', 'b', 'c'], 1, -1)).toEqual(['b', 'a', 'c'])
  expect(moved(['a', 'b', 'c'], 1, 1)).toEqual(['a', 'c', 'b'])
  expect(moved(['a', 'b', 'c'], 0, -1)).toEqual(['a', 'b', 'c'])
  expect(moved(['a', 'b', 'c'], 2, 1)).toEqual(['a', 'b', 'c'])
})

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { diskKind, filesystemText, segmentsOf } from './inventory.ts'

const MiB = 1024 * 1024
const partition = (number: number, startBytes: number, bytes: number) => ({
  ...{ number, startBytes, bytes, name: '', type: '', filesystem: null },
})

describe('a disk as a bar', () => {
  test('partitions stand in their order, with the room between and after them', () => {
    const disk = { bytes: 1000 * MiB, partitions: [partition(2, 600 * MiB, 100 * MiB), partition(1, MiB, 400 * MiB)] }
    expect(segmentsOf(disk).map((each) => [each.partition?.number ?? null, each.bytes / MiB])).toEqual([
      ...[
        [1, 400],
        [null, 199],
        [2, 100],
        [null, 300],
      ],
    ])
  })
  test('an empty disk is one piece of room', () =>
    expect(segmentsOf({ bytes: 100, partitions: [] })).toEqual([{ partition: null, bytes: 100, share: 100 }]))
  test('whatever is on it, the shares fill the bar and each piece can be seen', () => {
    const partitions = fc.array(fc.tuple(fc.nat(5000), fc.nat(5000)), { maxLength: 12 })
    fc.assert(
      fc.property(partitions, fc.integer({ min: 1, max: 5000 }), (list, size) => {
        const disk = {
          bytes: size * MiB,
          partitions: list.map(([start, length], i) => partition(i + 1, start * MiB, length * MiB)),
        }
        const segments = segmentsOf(disk)
        expect(segments.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(100)
        for (const { share, bytes } of segments) {
          expect(share).toBeGreaterThan(0)
          expect(bytes).toBeGreaterThanOrEqual(0)
        }
      }),
    )
  })
})

test('a filesystem is named with its label', () => {
  expect(filesystemText({ type: 'ext4', label: 'root', uuid: null })).toBe('ext4 “root”')
  expect(filesystemText({ type: 'xfs', label: null, uuid: null })).toBe('xfs')
  expect(filesystemText(null)).toBe('no filesystem that is known')
})

test('a disk is told in words', () => {
  expect(diskKind({ transport: 'nvme', rotational: false, removable: false })).toBe('NVMe, solid state')
  expect(diskKind({ transport: 'usb', rotational: true, removable: true })).toBe('USB, rotating, removable')
})

import { expect, test } from 'vitest'
import { readPieces } from '../../kit/pieces.ts'
import { fatImage } from './write.ts'

/** Reads a file back, as firmware does: through the folders and the chain of clusters. */
function read(image: Uint8Array, path: string): Uint8Array | undefined {
  const view = new DataView(image.buffer)
  const perCluster = image[13]! * 512
  const fatSectors = view.getUint16(22, true)
  const rootAt = (view.getUint16(14, true) + 2 * fatSectors) * 512
  const data = rootAt + view.getUint16(17, true) * 32
  const next = (cluster: number) => {
    const word = view.getUint16(512 + Math.floor((cluster * 3) / 2), true)
    return cluster % 2 === 0 ? word & 0xfff : word >> 4
  }
  const chain = (first: number) => {
    const parts: number[] = []
    for (let at = first; at >= 2 && at < 0xff8; at = next(at))
      parts.push(...image.subarray(data + (at - 2) * perCluster, data + (at - 1) * perCluster))
    return Uint8Array.from(parts)
  }
  let folder = image.subarray(rootAt, data)
  for (const name of path.split('/')) {
    const [stem = '', rest = ''] = name.split('.')
    const wanted = stem.padEnd(8) + rest.padEnd(3)
    const at = Array.from({ length: folder.length / 32 }, (_, index) => index * 32).find(
      (at) => folder[at + 11] !== 0x0f && String.fromCharCode(...folder.subarray(at, at + 11)) === wanted,
    )
    if (at === undefined) return undefined
    const row = new DataView(folder.buffer, folder.byteOffset + at, 32)
    const content = chain(row.getUint16(26, true))
    if ((row.getUint8(11) & 0x10) === 0) return content.subarray(0, row.getUint32(28, true))
    folder = content
  }
  return folder
}

const bytes = (length: number, seed: number) => Uint8Array.from({ length }, (_, index) => (index * 7 + seed) & 0xff)

test('files are found by their paths and are what they were', () => {
  const large = bytes(1_500_000, 1)
  const image = fatImage(
    [
      { path: 'EFI/BOOT/BOOTX64.EFI', bytes: large },
      { path: 'EFI/EMPTY.TXT', bytes: new Uint8Array(0) },
      { path: 'autoexec.ipxe', bytes: bytes(1025, 3) },
    ],
    'reveille',
  )
  const whole = readPieces(image, 0, image.size)
  expect(whole.length % 512).toBe(0)
  expect(read(whole, 'EFI/BOOT/BOOTX64.EFI')).toEqual(large)
  expect(read(whole, 'EFI/EMPTY.TXT')).toHaveLength(0)
  expect(read(whole, 'AUTOEX~1.IPX')).toEqual(bytes(1025, 3))
  expect(read(whole, 'EFI/OTHER')).toBeUndefined()
})

test('large files are shared and not copied', () => {
  const large = bytes(100_000, 1)
  const { pieces } = fatImage([{ path: 'A.BIN', bytes: large }], 'X')
  expect(pieces.some((piece) => piece.bytes === large)).toBe(true)
})

test('what it cannot hold is refused', () => {
  expect(() => fatImage([{ path: 'A.BIN', bytes: new Uint8Array(40 * 1024 * 1024) }], 'X')).toThrow(RangeError)
  expect(() => fatImage([{ path: 'a name with spaces', bytes: new Uint8Array(1) }], 'X')).toThrow(RangeError)
  expect(() => fatImage([{ path: 'much-too-long-a-name.txt', bytes: new Uint8Array(1) }], 'X')).toThrow(RangeError)
  expect(() =>
    fatImage(
      [
        { path: 'A', bytes: new Uint8Array(1) },
        { path: 'A/B', bytes: new Uint8Array(1) },
      ],
      'X',
    ),
  ).toThrow(RangeError)
})

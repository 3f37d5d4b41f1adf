import { expect, test } from 'vitest'
import { DecodeError } from '../../kit/errors.ts'
import { type Pieces, readPieces } from '../../kit/pieces.ts'
import { readRoot } from './read.ts'
import { isoImage } from './write.ts'

const content = (length: number, seed: number): Pieces => ({
  size: length,
  pieces: [{ at: 0, bytes: Uint8Array.from({ length }, (_, index) => (index * 5 + seed) & 0xff) }],
})
const bytesOf = (pieces: Pieces) => readPieces(pieces, 0, pieces.size)

const files = [
  { name: 'BOOT.BIN', content: content(5000, 1) },
  { name: 'EFI.IMG', content: content(70_000, 2) },
  { name: 'EMPTY.TXT', content: content(0, 0) },
]

test('files are read back by their names', () => {
  const image = isoImage({ volume: 'TEST', files })
  const root = readRoot(bytesOf(image))
  expect([...root.keys()]).toEqual(['BOOT.BIN', 'EFI.IMG', 'EMPTY.TXT'])
  for (const file of files) expect(root.get(file.name)).toEqual(bytesOf(file.content))
  expect(image.size % 2048).toBe(0)
})

test('the catalog names a program for BIOS and a file system for UEFI, which is a partition, too', () => {
  const whole = bytesOf(isoImage({ volume: 'TEST', files, bios: 'BOOT.BIN', efi: 'EFI.IMG' }))
  const view = new DataView(whole.buffer)
  const catalog = view.getUint32(17 * 2048 + 0x47, true) * 2048
  let sum = 0
  for (let at = 0; at < 32; at += 2) sum += view.getUint16(catalog + at, true)
  expect(sum & 0xffff).toBe(0)
  const [bios, efi] = [view.getUint32(catalog + 40, true), view.getUint32(catalog + 104, true)]
  expect(whole[catalog + 65]).toBe(0xef)
  expect(whole.subarray(efi * 2048, efi * 2048 + 70_000)).toEqual(bytesOf(files[1]!.content))
  expect([view.getUint32(454, true), whole[450]]).toEqual([efi * 4, 0xef])
  const program = new DataView(whole.buffer, bios * 2048)
  expect([8, 12, 16].map((at) => program.getUint32(at, true))).toEqual([16, bios, 5000])
  let words = 0
  for (let at = 64; at < 5000; at += 4) words = (words + program.getUint32(at, true)) >>> 0
  expect(program.getUint32(20, true)).toBe(words)
})

test('noise is refused', () => {
  const whole = bytesOf(isoImage({ volume: 'TEST', files }))
  expect(() => readRoot(new Uint8Array(100))).toThrow(DecodeError)
  for (let seed = 0; seed < 3000; seed++) {
    const broken = whole.slice()
    for (let count = 0; count < 4; count++)
      broken[16 * 2048 + ((seed * 7919 + count * 104_729) % 12_288)] = (seed * 31 + count) & 0xff
    try {
      readRoot(broken)
    } catch (error) {
      expect(error).toBeInstanceOf(DecodeError)
    }
  }
  expect(() => isoImage({ volume: 'T', files: [{ name: 'lower.txt', content: content(1, 1) }] })).toThrow(RangeError)
})

import { DecodeError } from '../../kit/errors.ts'

const SECTOR = 2048
const MOST_DIRECTORY = 1024 * 1024

/** The files of the root directory of a disc image, by name in capitals without version (ECMA-119 §6.8). Throws a `DecodeError`. */
export function readRoot(image: Uint8Array): ReadonlyMap<string, Uint8Array> {
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength)
  const at = 16 * SECTOR
  if (image.length < at + SECTOR || image[at] !== 1 || ascii(image.subarray(at + 1, at + 6)) !== 'CD001')
    throw new DecodeError('no ISO 9660 volume')
  const part = (sector: number, size: number) => {
    if (sector * SECTOR + size > image.length) throw new DecodeError('a file lies outside of the volume')
    return image.subarray(sector * SECTOR, sector * SECTOR + size)
  }
  const size = view.getUint32(at + 156 + 10, true)
  if (size > MOST_DIRECTORY) throw new DecodeError('a directory of more than 1 MiB')
  const root = part(view.getUint32(at + 156 + 2, true), size)
  const files = new Map<string, Uint8Array>()
  for (let offset = 0; offset < root.length; ) {
    const length = root[offset]!
    if (length === 0) {
      // Records do not cross sectors; the rest of one is zeros.
      offset = (Math.floor(offset / SECTOR) + 1) * SECTOR
      continue
    }
    const nameLength = root[offset + 32] ?? 0
    if (length < 33 + nameLength || offset + length > root.length) throw new DecodeError('a record that does not fit')
    const row = new DataView(root.buffer, root.byteOffset + offset, length)
    const isDirectory = (row.getUint8(25) & 2) !== 0
    const name = ascii(root.subarray(offset + 33, offset + 33 + nameLength))
      .replace(/\.?;\d+$/, '')
      .toUpperCase()
    if (!isDirectory) files.set(name, part(row.getUint32(2, true), row.getUint32(10, true)))
    offset += length
  }
  return files
}

function ascii(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes)
}

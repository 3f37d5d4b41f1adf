import type { Pieces } from '../../kit/pieces.ts'

/** A file of the root directory. Names as ISO 9660 has them: `ISOLINUX.CFG`. */
export type IsoFile = Readonly<{ name: string; content: Pieces }>

export type IsoOptions = Readonly<{
  /** Volume identifier: capitals, digits and `_`, at most 32. */
  volume: string
  files: readonly IsoFile[]
  /** The file whose first 2048 bytes a BIOS loads and runs; it is told where it lies (its bytes 8 to 63). */
  bios?: string | undefined
  /** The file that is a FAT file system for UEFI. Written to a stick, the image has it as a partition, too. */
  efi?: string | undefined
}>

const SECTOR = 2048
const DESCRIPTORS = 16
const FIRST = { catalog: 22, root: 21, pathL: 19, pathM: 20, files: 23 }
/** Shown as the time of everything: 1 January 2020. */
const TIME = [120, 1, 1, 0, 0, 0, 0]

type Placed = IsoFile & { sector: number }

/** A disc image: ISO 9660 (ECMA-119, level 1) with one directory, bootable by El Torito 1.0. The same content gives the same bytes. */
export function isoImage(options: IsoOptions): Pieces {
  let next = FIRST.files
  const files: Placed[] = [...options.files]
    .sort((left, right) => (left.name < right.name ? -1 : 1))
    .map((file) => {
      const sector = next
      next += Math.ceil(file.content.size / SECTOR)
      return { ...file, sector }
    })
  const sectors = next
  const efi = files.find(({ name }) => name === options.efi)
  const bios = files.find(({ name }) => name === options.bios)
  const root = directory(files)
  const piece = (sector: number, bytes: Uint8Array) => ({ at: sector * SECTOR, bytes })
  const pieces = [
    ...(efi ? [{ at: 0, bytes: partitionTable(efi) }] : []),
    piece(DESCRIPTORS, primary(options.volume, sectors)),
    piece(DESCRIPTORS + 1, bootRecord()),
    piece(DESCRIPTORS + 2, Uint8Array.from([0xff, ...text('CD001', 5), 1])),
    piece(FIRST.pathL, pathTable(true)),
    piece(FIRST.pathM, pathTable(false)),
    piece(FIRST.root, root),
    piece(FIRST.catalog, catalog(bios, efi)),
  ]
  for (const { content, sector } of files)
    for (const { at, bytes } of content.pieces) pieces.push({ at: sector * SECTOR + at, bytes })
  if (bios) pieces.push({ at: bios.sector * SECTOR + 8, bytes: bootInformation(bios) })
  return { size: sectors * SECTOR, pieces }
}

/** ECMA-119 §8.4 */
function primary(volume: string, sectors: number): Uint8Array {
  const bytes = new Uint8Array(SECTOR)
  bytes.set([1, ...text('CD001', 5), 1])
  bytes.set(text('', 32), 8)
  bytes.set(text(volume, 32), 40)
  both32(bytes, 80, sectors)
  both16(bytes, 120, 1)
  both16(bytes, 124, 1)
  both16(bytes, 128, SECTOR)
  both32(bytes, 132, 10)
  const view = new DataView(bytes.buffer)
  view.setUint32(140, FIRST.pathL, true)
  view.setUint32(148, FIRST.pathM)
  bytes.set(record('\0', FIRST.root, SECTOR, true), 156)
  bytes.set(text('', 128 * 4 + 37 * 3), 190)
  for (const at of [813, 830, 864]) bytes.set([...text('2020010100000000', 16), 0], at)
  bytes.set([...text('0000000000000000', 16), 0], 847)
  bytes[881] = 1
  return bytes
}

/** El Torito §2.0: where the catalog is. */
function bootRecord(): Uint8Array {
  const bytes = new Uint8Array(SECTOR)
  bytes.set([0, ...text('CD001', 5), 1])
  bytes.set(
    Uint8Array.from('EL TORITO SPECIFICATION', (letter) => letter.charCodeAt(0)),
    7,
  )
  new DataView(bytes.buffer).setUint32(0x47, FIRST.catalog, true)
  return bytes
}

/** El Torito §2.1 to §2.4: the default entry is for BIOS; UEFI has a section of its own (platform 0xEF). */
function catalog(bios: Placed | undefined, efi: Placed | undefined): Uint8Array {
  const bytes = new Uint8Array(SECTOR)
  const view = new DataView(bytes.buffer)
  bytes[0] = 1
  bytes[1] = bios ? 0 : 0xef
  bytes.set(text('REVEILLE', 24), 4)
  bytes.set([0x55, 0xaa], 30)
  let sum = 0
  for (let at = 0; at < 32; at += 2) sum += view.getUint16(at, true)
  view.setUint16(28, -sum & 0xffff, true)
  const entry = (at: number, file: Placed, sectors: number) => {
    bytes[at] = 0x88
    view.setUint16(at + 6, sectors, true)
    view.setUint32(at + 8, file.sector, true)
  }
  // UEFI 2.10 §13.3.2.1: in sectors of 512 bytes; what does not fit in 16 bits goes to the end of the disc.
  const efiSectors = efi ? Math.min(Math.ceil(efi.content.size / 512), 0xffff) : 0
  if (bios) entry(32, bios, 4)
  else if (efi) entry(32, efi, efiSectors)
  if (bios && efi) {
    bytes[64] = 0x91
    bytes[65] = 0xef
    view.setUint16(66, 1, true)
    entry(96, efi, efiSectors)
  }
  return bytes
}

/** What boot programs of the ISOLINUX kind expect at their byte 8: the volume descriptor, themselves, their length and their sum. */
function bootInformation({ content, sector }: Placed): Uint8Array {
  const bytes = new Uint8Array(56)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, DESCRIPTORS, true)
  view.setUint32(4, sector, true)
  view.setUint32(8, content.size, true)
  let sum = 0
  for (const { at, bytes: piece } of content.pieces)
    for (const [index, byte] of piece.entries())
      if (at + index >= 64) sum = (sum + byte * 2 ** (((at + index) % 4) * 8)) % 2 ** 32
  view.setUint32(12, sum, true)
  return bytes
}

/** A stick has partitions: one of type 0xEF, so that UEFI finds the file system there. */
function partitionTable({ sector, content }: Placed): Uint8Array {
  const bytes = new Uint8Array(512)
  const view = new DataView(bytes.buffer)
  bytes[446 + 4] = 0xef
  bytes.set([0xfe, 0xff, 0xff], 446 + 1)
  bytes.set([0xfe, 0xff, 0xff], 446 + 5)
  view.setUint32(446 + 8, sector * 4, true)
  view.setUint32(446 + 12, Math.ceil(content.size / 512), true)
  bytes.set([0x55, 0xaa], 510)
  return bytes
}

/** ECMA-119 §6.8: itself, its parent, and the files in the order of their names. */
function directory(files: readonly Placed[]): Uint8Array {
  const rows = [
    record('\0', FIRST.root, SECTOR, true),
    record('\x01', FIRST.root, SECTOR, true),
    ...files.map(({ name, sector, content }) => record(`${name};1`, sector, content.size, false)),
  ]
  const bytes = new Uint8Array(SECTOR)
  let at = 0
  for (const row of rows) {
    if (at + row.length > SECTOR) throw new RangeError('too many files for one sector of a directory')
    bytes.set(row, at)
    at += row.length
  }
  return bytes
}

/** ECMA-119 §9.1 */
function record(name: string, sector: number, size: number, isDirectory: boolean): Uint8Array {
  if (!/^[\0\x01]$|^[A-Z0-9_]{1,8}\.[A-Z0-9_]{0,3};1$/.test(name))
    throw new RangeError(`the name ${name} cannot be written`)
  const bytes = new Uint8Array(33 + name.length + ((33 + name.length) % 2))
  bytes[0] = bytes.length
  both32(bytes, 2, sector)
  both32(bytes, 10, size)
  bytes.set(TIME, 18)
  bytes[25] = isDirectory ? 2 : 0
  both16(bytes, 28, 1)
  bytes[32] = name.length
  for (let index = 0; index < name.length; index++) bytes[33 + index] = name.charCodeAt(index)
  return bytes
}

/** ECMA-119 §6.9: the root alone. */
function pathTable(little: boolean): Uint8Array {
  const bytes = new Uint8Array(10)
  const view = new DataView(bytes.buffer)
  bytes[0] = 1
  view.setUint32(2, FIRST.root, little)
  view.setUint16(6, 1, little)
  return bytes
}

/** ECMA-119 §7.3.3: little-endian, then big-endian. */
function both32(bytes: Uint8Array, at: number, value: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  view.setUint32(at, value, true)
  view.setUint32(at + 4, value)
}

function both16(bytes: Uint8Array, at: number, value: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  view.setUint16(at, value, true)
  view.setUint16(at + 2, value)
}

function text(from: string, length: number): number[] {
  return Array.from({ length }, (_, index) => (index < from.length ? from.charCodeAt(index) : 0x20))
}

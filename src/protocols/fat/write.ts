import type { Pieces } from '../../kit/pieces.ts'

/** A file by its path, such as `EFI/BOOT/BOOTX64.EFI`. Names are 8.3 in capitals, or one long name of at most 13 characters. */
export type FatFile = Readonly<{ path: string; bytes: Uint8Array }>

const SECTOR = 512
const RESERVED = 1
const ROOT_ENTRIES = 112
const ENTRY = 32
/** Fewer clusters make it FAT12 (Microsoft FAT specification, "FAT type determination"). */
const MOST_CLUSTERS = 4084
const DIRECTORY = 0x10
const ARCHIVE = 0x20
const LONG = 0x0f
const LABEL = 0x08
/** 1 January 1980, the first day that a FAT knows: the same content is the same image. */
const DATE = 0x0021

type Node = { name: string; children: Map<string, Node> | undefined; bytes: Uint8Array; cluster: number }

/**
 * A FAT12 file system with these files, as firmware reads it from discs and sticks. The largest is 32 MiB.
 * Throws a `RangeError` for more and for names that it cannot write.
 */
export function fatImage(files: readonly FatFile[], label: string): Pieces {
  const root = tree(files)
  const total = files.reduce((sum, { bytes }) => sum + bytes.length, 0)
  const perCluster = [1, 2, 4, 8, 16].find(
    (sectors) => (total / (sectors * SECTOR) + files.length * 3) * 1.02 + 16 < MOST_CLUSTERS,
  )
  if (perCluster === undefined) throw new RangeError('too much for a FAT12 file system')
  const clusterBytes = perCluster * SECTOR
  const chains: number[] = [0xff8, 0xfff]
  place(root, chains, clusterBytes)
  const clusters = chains.length - 2
  const fatSectors = Math.ceil((chains.length * 3) / 2 / SECTOR)
  const rootSectors = (ROOT_ENTRIES * ENTRY) / SECTOR
  const dataSector = RESERVED + 2 * fatSectors + rootSectors
  const sectors = dataSector + clusters * perCluster
  const fat = fat12(chains, fatSectors * SECTOR)
  const head = new Uint8Array(dataSector * SECTOR)
  head.set(bootSector({ sectors, perCluster, fatSectors, label }))
  head.set(fat, RESERVED * SECTOR)
  head.set(fat, (RESERVED + fatSectors) * SECTOR)
  const rootAt = (RESERVED + 2 * fatSectors) * SECTOR
  head.set(entry(ascii(label.toUpperCase(), 11), LABEL, 0, 0), rootAt)
  head.set(entries(root, undefined), rootAt + ENTRY)
  const at = (cluster: number) => dataSector * SECTOR + (cluster - 2) * clusterBytes
  const pieces: { at: number; bytes: Uint8Array }[] = [{ at: 0, bytes: head }]
  const visit = (node: Node, parent: Node) => {
    for (const child of node.children?.values() ?? []) {
      if (child.children) pieces.push({ at: at(child.cluster), bytes: entries(child, parent === node ? node : parent) })
      else if (child.bytes.length > 0) pieces.push({ at: at(child.cluster), bytes: child.bytes })
      visit(child, child)
    }
  }
  visit(root, root)
  return { size: sectors * SECTOR, pieces }
}

function tree(files: readonly FatFile[]): Node {
  const root: Node = { name: '', children: new Map(), bytes: new Uint8Array(0), cluster: 0 }
  for (const { path, bytes } of files) {
    let at = root
    const parts = path.split('/')
    for (const [index, name] of parts.entries()) {
      const last = index === parts.length - 1
      if (!at.children) throw new RangeError(`${path} lies in a file`)
      let next = at.children.get(name)
      if (!next) {
        next = { name, children: last ? undefined : new Map(), bytes: last ? bytes : new Uint8Array(0), cluster: 0 }
        at.children.set(name, next)
      }
      at = next
    }
  }
  return root
}

/** Gives every file and folder its clusters, one after the other. */
function place(node: Node, chains: number[], clusterBytes: number): void {
  for (const child of node.children?.values() ?? []) {
    const size = child.children ? entries(child, node).length : child.bytes.length
    const count = Math.ceil(size / clusterBytes)
    child.cluster = count === 0 ? 0 : chains.length
    for (let index = 0; index < count; index++) chains.push(index === count - 1 ? 0xfff : chains.length + 1)
    place(child, chains, clusterBytes)
  }
}

function fat12(chains: readonly number[], size: number): Uint8Array {
  const bytes = new Uint8Array(size)
  for (const [index, value] of chains.entries()) {
    const at = Math.floor((index * 3) / 2)
    if (index % 2 === 0) {
      bytes[at] = value & 0xff
      bytes[at + 1] = (bytes[at + 1]! & 0xf0) | (value >> 8)
    } else {
      bytes[at] = (bytes[at]! & 0x0f) | ((value & 0x0f) << 4)
      bytes[at + 1] = value >> 4
    }
  }
  return bytes
}

/** BIOS parameter block (Microsoft FAT specification, "Boot Sector and BPB"). */
function bootSector(about: { sectors: number; perCluster: number; fatSectors: number; label: string }): Uint8Array {
  const bytes = new Uint8Array(SECTOR)
  const view = new DataView(bytes.buffer)
  bytes.set([0xeb, 0x3c, 0x90])
  bytes.set(ascii('REVEILLE', 8), 3)
  view.setUint16(11, SECTOR, true)
  bytes[13] = about.perCluster
  view.setUint16(14, RESERVED, true)
  bytes[16] = 2
  view.setUint16(17, ROOT_ENTRIES, true)
  if (about.sectors < 0x10000) view.setUint16(19, about.sectors, true)
  else view.setUint32(32, about.sectors, true)
  bytes[21] = 0xf8
  view.setUint16(22, about.fatSectors, true)
  view.setUint16(24, 32, true)
  view.setUint16(26, 2, true)
  bytes[36] = 0x80
  bytes[38] = 0x29
  view.setUint32(39, 0x52657665, true)
  bytes.set(ascii(about.label.toUpperCase(), 11), 43)
  bytes.set(ascii('FAT12', 8), 54)
  bytes.set([0x55, 0xaa], 510)
  return bytes
}

/** A folder's entries; `parent` is given for folders that have `.` and `..`. */
function entries(node: Node, parent: Node | undefined): Uint8Array {
  const rows: Uint8Array[] = []
  if (parent) {
    rows.push(entry(ascii('.', 11), DIRECTORY, node.cluster, 0))
    rows.push(entry(ascii('..', 11), DIRECTORY, parent.cluster, 0))
  }
  for (const child of node.children?.values() ?? []) {
    const short = shortName(child.name)
    if (short.long) rows.push(longName(child.name, short.name))
    rows.push(entry(short.name, child.children ? DIRECTORY : ARCHIVE, child.cluster, child.bytes.length))
  }
  const bytes = new Uint8Array(rows.length * ENTRY)
  for (const [index, row] of rows.entries()) bytes.set(row, index * ENTRY)
  return bytes
}

function entry(name: Uint8Array, attributes: number, cluster: number, size: number): Uint8Array {
  const bytes = new Uint8Array(ENTRY)
  const view = new DataView(bytes.buffer)
  bytes.set(name)
  bytes[11] = attributes
  view.setUint16(16, DATE, true)
  view.setUint16(18, DATE, true)
  view.setUint16(24, DATE, true)
  view.setUint16(26, cluster, true)
  view.setUint32(28, size, true)
  return bytes
}

function shortName(name: string): { name: Uint8Array; long: boolean } {
  const [, base = '', extension = ''] = /^([A-Z0-9_-]{1,8})(?:\.([A-Z0-9_-]{1,3}))?$/.exec(name) ?? []
  if (base !== '') return { name: ascii(base.padEnd(8) + extension, 11), long: false }
  if (!/^[\x21-\x7e]{1,13}$/.test(name)) throw new RangeError(`the name ${name} cannot be written`)
  const [stem = '', rest = ''] = name.toUpperCase().split('.')
  return { name: ascii(`${stem.replace(/[^A-Z0-9]/g, '').slice(0, 6)}~1`.padEnd(8) + rest.slice(0, 3), 11), long: true }
}

/** The one entry before the short one that holds a name of up to 13 characters. */
function longName(name: string, short: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(ENTRY)
  const view = new DataView(bytes.buffer)
  const places = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30]
  for (const [index, at] of places.entries())
    view.setUint16(at, index < name.length ? name.charCodeAt(index) : index === name.length ? 0 : 0xffff, true)
  bytes[0] = 0x41
  bytes[11] = LONG
  bytes[13] = short.reduce((sum, byte) => (((sum & 1) << 7) + (sum >> 1) + byte) & 0xff, 0)
  return bytes
}

function ascii(text: string, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index < text.length ? text.charCodeAt(index) : 0x20))
}

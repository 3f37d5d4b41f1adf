import { DecodeError } from '../../kit/errors.ts'
import { crc32c } from './crc32c.ts'
import type { Superblock } from './superblock.ts'

/** Inodes (filesystems/ext4/inodes of the kernel's documentation). */

export type Inode = Readonly<{
  number: number
  kind: 'file' | 'directory' | 'other'
  size: number
  flags: number
  bytes: Uint8Array
}>

export const EXTENTS = 0x80000
/** i_flags with which the blocks do not hold the content as it is, or must not change: compressed, immutable, append only, encrypted, verity, inline. */
export const UNEDITABLE = 0x4 | 0x10 | 0x20 | 0x800 | 0x100000 | 0x10000000

const CHECKSUM_LOW = 0x7c
const CHECKSUM_HIGH = 0x82
const KINDS = new Map<number, Inode['kind']>([
  [0x8000, 'file'],
  [0x4000, 'directory'],
])

/** Throws a `DecodeError` if it does not match its checksum. */
export function parseInode(
  bytes: Uint8Array,
  number: number,
  { checksumSeed }: Pick<Superblock, 'checksumSeed'>,
): Inode {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (checksumSeed !== undefined) {
    const told = view.getUint16(CHECKSUM_LOW, true) + (isLong(view) ? view.getUint16(CHECKSUM_HIGH, true) * 0x10000 : 0)
    const is = checksum(bytes, number, checksumSeed)
    if (told !== (isLong(view) ? is : is & 0xffff)) throw new DecodeError(`inode ${number} does not match its checksum`)
  }
  const kind = KINDS.get(view.getUint16(0, true) & 0xf000) ?? 'other'
  const size = view.getUint32(0x4, true) + (kind === 'file' ? view.getUint32(0x6c, true) * 2 ** 32 : 0)
  return { number, kind, size, flags: view.getUint32(0x20, true), bytes }
}

/** The inode with another size (below 4 GiB) and these times of change, in seconds since 1970. */
export function changedInode(
  inode: Inode,
  size: number,
  seconds: number,
  { checksumSeed }: Pick<Superblock, 'checksumSeed'>,
) {
  const bytes = new Uint8Array(inode.bytes)
  const view = new DataView(bytes.buffer)
  view.setUint32(0x4, size, true)
  const long = isLong(view)
  for (const [at, extra] of [
    [0xc, 0x84],
    [0x10, 0x88],
  ] as const) {
    view.setUint32(at, seconds >>> 0, true)
    // The extra fields hold what is above 32 bits, and nanoseconds.
    if (long && 0x80 + view.getUint16(0x80, true) >= extra + 4)
      view.setUint32(extra, Math.floor(seconds / 2 ** 32) & 3, true)
  }
  if (checksumSeed !== undefined) {
    const crc = checksum(bytes, inode.number, checksumSeed)
    view.setUint16(CHECKSUM_LOW, crc & 0xffff, true)
    if (long) view.setUint16(CHECKSUM_HIGH, crc >>> 16, true)
  }
  return bytes
}

/** Whether the upper half of the checksum has a place: i_extra_isize reaches over it. */
function isLong(view: DataView): boolean {
  return view.byteLength > 128 && view.getUint16(0x80, true) >= 4
}

/** Over the inode's number, its generation, and itself with zeros for the checksum. */
function checksum(inode: Uint8Array, number: number, seed: number): number {
  const bytes = new Uint8Array(inode)
  const view = new DataView(bytes.buffer)
  view.setUint16(CHECKSUM_LOW, 0, true)
  if (isLong(view)) view.setUint16(CHECKSUM_HIGH, 0, true)
  const own = new Uint8Array(8)
  new DataView(own.buffer).setUint32(0, number, true)
  own.set(bytes.subarray(0x64, 0x68), 4)
  return crc32c(crc32c(seed, own), bytes)
}

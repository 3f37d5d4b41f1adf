import { DecodeError } from '../../kit/errors.ts'
import { crc32c } from './crc32c.ts'

/**
 * The superblock of ext2, ext3 and ext4. Source: "ext4 Data Structures and Algorithms" of the kernel's documentation
 * (filesystems/ext4/globals, super). All numbers are little-endian.
 */

export const SUPERBLOCK_AT = 1024
export const SUPERBLOCK_BYTES = 1024
const MAGIC = 0xef53

/** s_feature_incompat that change nothing about how files are found here: filetype, extents, 64bit, flex_bg, ea_inode, csum_seed, largedir, inline_data, encrypt, casefold. */
const UNDERSTOOD_INCOMPAT = 0x2 | 0x40 | 0x80 | 0x200 | 0x400 | 0x2000 | 0x4000 | 0x8000 | 0x10000 | 0x20000
const RECOVER = 0x4
const SIXTY_FOUR_BIT = 0x80
const CSUM_SEED = 0x2000
/** s_feature_ro_compat under which a block that a file has already may be written: all but `readonly` and `shared_blocks`, and none that is unknown. */
const UNDERSTOOD_RO_COMPAT = 0x1 | 0x2 | 0x8 | 0x10 | 0x20 | 0x40 | 0x100 | 0x200 | 0x400 | 0x2000 | 0x8000
const METADATA_CSUM = 0x400
const ORPHAN_PRESENT = 0x10000

export type Superblock = Readonly<{
  blockBytes: number
  blocks: number
  inodes: number
  inodesPerGroup: number
  inodeBytes: number
  descriptorBytes: number
  /** Where the group descriptors begin, in blocks. */
  descriptorsAt: number
  /** What checksums of metadata begin with; `undefined`: there are none. */
  checksumSeed: number | undefined
  /** Why nothing may be written, in words that go on from "the filesystem ..."; `undefined`: it may. */
  unwritable: string | undefined
  /** Whether it was ended well. Else its journal, which is not read here, holds newer content than its blocks. */
  clean: boolean
}>

/** `undefined`: there is no such filesystem. Throws a `DecodeError` for one that is damaged or not understood. */
export function parseSuperblock(bytes: Uint8Array): Superblock | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, SUPERBLOCK_BYTES)
  const u16 = (at: number) => view.getUint16(at, true)
  const u32 = (at: number) => view.getUint32(at, true)
  if (u16(0x38) !== MAGIC) return undefined
  const old = u32(0x4c) === 0
  const incompat = old ? 0 : u32(0x60)
  const roCompat = old ? 0 : u32(0x64)
  const unknown = incompat & ~(UNDERSTOOD_INCOMPAT | RECOVER)
  if (unknown !== 0)
    throw new DecodeError(`the filesystem has features that are not understood (${unknown.toString(16)})`)
  const logBlock = u32(0x18)
  if (logBlock > 6) throw new DecodeError('the filesystem has blocks of an impossible size')
  const blockBytes = 1024 << logBlock
  const wide = (incompat & SIXTY_FOUR_BIT) !== 0
  const checked = (roCompat & METADATA_CSUM) !== 0
  if (checked && crc32c(0xffffffff, bytes.subarray(0, 0x3fc)) !== u32(0x3fc))
    throw new DecodeError('the superblock does not match its checksum')
  const uuid = bytes.subarray(0x68, 0x78)
  const state = u16(0x3a)
  const superblock = {
    blockBytes,
    blocks: u32(0x4) + (wide ? u32(0x150) * 2 ** 32 : 0),
    inodes: u32(0x0),
    inodesPerGroup: u32(0x28),
    inodeBytes: old ? 128 : u16(0x58),
    descriptorBytes: wide ? u16(0xfe) : 32,
    descriptorsAt: u32(0x14) + 1,
    checksumSeed: checked ? ((incompat & CSUM_SEED) !== 0 ? u32(0x270) : crc32c(0xffffffff, uuid)) : undefined,
    unwritable:
      (roCompat & ~(UNDERSTOOD_RO_COMPAT | ORPHAN_PRESENT)) === 0
        ? undefined
        : 'has features under which nothing may be written',
    clean: (state & 3) === 1 && (incompat & RECOVER) === 0 && (roCompat & ORPHAN_PRESENT) === 0 && u32(0xe8) === 0,
  }
  const { inodeBytes, descriptorBytes, inodesPerGroup, blocks } = superblock
  if (inodeBytes < 128 || inodeBytes > blockBytes || (inodeBytes & (inodeBytes - 1)) !== 0)
    throw new DecodeError('the filesystem has inodes of an impossible size')
  if (descriptorBytes < 32 || descriptorBytes > 1024 || descriptorBytes % 8 !== 0 || (wide && descriptorBytes < 64))
    throw new DecodeError('the filesystem has group descriptors of an impossible size')
  if (inodesPerGroup === 0 || blocks === 0 || !Number.isSafeInteger(blocks * blockBytes))
    throw new DecodeError('the filesystem has an impossible size')
  return superblock
}

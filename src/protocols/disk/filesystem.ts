import { hex, latin1 } from '../../kit/bytes.ts'
import { has, type Read, text, u16be, u16le, u32le } from './fields.ts'
import { uuidText } from './guid.ts'
import { exfatLabel, fatLabel, ntfsLabel } from './windows-labels.ts'
import { zfsFacts } from './zfs.ts'

/** What lies on a disk or partition. `type` is the word that blkid uses, such as `ext4`, `vfat`, `crypto_LUKS`. */
export type FilesystemFacts = { type: string; label: string | null; uuid: string | null }

export type { Read } from './fields.ts'

/** How much of the front is looked at: the superblocks of all but md 0.90 and 1.0 lie in it. */
const HEAD_BYTES = 256 * 1024
const TAIL_BYTES = 128 * 1024

type Look = { head: Uint8Array; read: Read; bytes: number }
type Signature = (look: Look) => FilesystemFacts | undefined | Promise<FilesystemFacts | undefined>

/**
 * Recognises a filesystem, or what holds one (LUKS, LVM, md, ZFS), by its superblock; `null` if nothing is known. Containers come first:
 * an md 1.0 mirror begins with the filesystem inside. Reads 384 KiB, and little more for the labels of FAT, exFAT and NTFS.
 */
export async function detectFilesystem(read: Read, bytes: number): Promise<FilesystemFacts | null> {
  const head = await read(0, Math.min(bytes, HEAD_BYTES))
  const look = { head, read, bytes }
  for (const signature of SIGNATURES) {
    const found = await signature(look)
    if (found) return { type: found.type, label: short(found.label), uuid: short(found.uuid) }
  }
  return null
}

const SIGNATURES: readonly Signature[] = [
  luks,
  lvm,
  mdraid,
  bitlocker,
  ntfs,
  exfat,
  xfs,
  squashfs,
  btrfs,
  ext,
  zfs,
  swap,
  iso9660,
  vfat,
]

function luks({ head }: Look): FilesystemFacts | undefined {
  if (!has(head, 0, 'LUKS\xba\xbe') || head.length < 208) return undefined
  const label = u16be(head, 6) >= 2 ? text(head, 24, 48) : null
  return { type: 'crypto_LUKS', label, uuid: text(head, 168, 40) }
}

/** The label lies in one of the first four sectors, the header of the volume where it says. */
function lvm({ head }: Look): FilesystemFacts | undefined {
  for (const at of [0, 512, 1024, 1536]) {
    if (!has(head, at, 'LABELONE') || !has(head, at + 24, 'LVM2 001')) continue
    const id = text(head, at + u32le(head, at + 20), 32) ?? ''
    const groups = /^(\w{6})(\w{4})(\w{4})(\w{4})(\w{4})(\w{4})(\w{6})$/.exec(id)
    return { type: 'LVM2_member', label: null, uuid: groups ? groups.slice(1).join('-') : null }
  }
  return undefined
}

/** Version 1.1 lies at 0, 1.2 at 4 KiB, 1.0 and 0.90 near the end. */
async function mdraid({ head, read, bytes }: Look): Promise<FilesystemFacts | undefined> {
  const front = md1(head, 0) ?? md1(head, 4096)
  if (front || bytes < 2 * TAIL_BYTES) return front
  const start = Math.floor((bytes - TAIL_BYTES) / 4096) * 4096
  const tail = await read(start, bytes - start)
  const old = Math.floor(bytes / 65_536) * 65_536 - 65_536 - start
  if (u32le(tail, old) === MD_MAGIC && u32le(tail, old + 4) === 0) {
    const uuid = [20, 52, 56, 60].map((at) => tail.slice(old + at, old + at + 4).reverse())
    return {
      type: 'linux_raid_member',
      label: null,
      uuid: uuidText(Uint8Array.of(...uuid.flatMap((word) => [...word]))),
    }
  }
  return md1(tail, Math.floor((Math.floor(bytes / 512) - 16) / 8) * 4096 - start)
}

const MD_MAGIC = 0xa92b4efc

function md1(bytes: Uint8Array, at: number): FilesystemFacts | undefined {
  if (u32le(bytes, at) !== MD_MAGIC || u32le(bytes, at + 4) !== 1 || bytes.length < at + 64) return undefined
  return {
    type: 'linux_raid_member',
    label: text(bytes, at + 32, 32),
    uuid: uuidText(bytes.subarray(at + 16, at + 32)),
  }
}

function bitlocker({ head }: Look): FilesystemFacts | undefined {
  return has(head, 3, '-FVE-FS-') ? { type: 'BitLocker', label: null, uuid: null } : undefined
}

async function ntfs({ head, read, bytes }: Look): Promise<FilesystemFacts | undefined> {
  if (!has(head, 3, 'NTFS    ') || !isBootSector(head)) return undefined
  const serial = hex(head.slice(72, 80).reverse()).toUpperCase()
  return { type: 'ntfs', label: await ntfsLabel(head, read, bytes), uuid: serial }
}

async function exfat({ head, read, bytes }: Look): Promise<FilesystemFacts | undefined> {
  if (!has(head, 3, 'EXFAT   ') || !isBootSector(head)) return undefined
  return { type: 'exfat', label: await exfatLabel(head, read, bytes), uuid: volumeId(u32le(head, 100)) }
}

function xfs({ head }: Look): FilesystemFacts | undefined {
  if (!has(head, 0, 'XFSB') || head.length < 512) return undefined
  return { type: 'xfs', label: text(head, 108, 12), uuid: uuidText(head.subarray(32, 48)) }
}

function squashfs({ head }: Look): FilesystemFacts | undefined {
  return has(head, 0, 'hsqs') && u16le(head, 28) === 4 ? { type: 'squashfs', label: null, uuid: null } : undefined
}

function btrfs({ head }: Look): FilesystemFacts | undefined {
  if (!has(head, 0x10040, '_BHRfS_M') || head.length < 0x11000) return undefined
  return { type: 'btrfs', label: text(head, 0x1012b, 256), uuid: uuidText(head.subarray(0x10020, 0x10030)) }
}

/** ext2, 3 and 4 have one superblock; what they use of it tells them apart, as for the kernel's drivers. */
function ext({ head }: Look): FilesystemFacts | undefined {
  if (u16le(head, 1024 + 56) !== 0xef53 || head.length < 2048 || u32le(head, 1024 + 24) > 6) return undefined
  const [compatible, incompatible, readOnly] = [92, 96, 100].map((at) => u32le(head, 1024 + at)) as [
    number,
    number,
    number,
  ]
  const journal = (compatible & 0x4) !== 0
  // Beyond filetype, recover, journal_dev and meta_bg; sparse_super, large_file and btree_dir: only ext4 has them.
  const modern = (incompatible & ~0x1e) !== 0 || (readOnly & ~0x7) !== 0
  const type = (incompatible & 0x8) !== 0 ? 'jbd' : modern ? 'ext4' : journal ? 'ext3' : 'ext2'
  return { type, label: text(head, 1024 + 120, 16), uuid: uuidText(head.subarray(1024 + 104, 1024 + 120)) }
}

function zfs({ head }: Look): FilesystemFacts | undefined {
  const facts = zfsFacts(head)
  return facts && { type: 'zfs_member', ...facts }
}

/** The signature ends the first page, whose size depends on the machine that made it. */
function swap({ head }: Look): FilesystemFacts | undefined {
  for (const page of [4096, 8192, 16_384, 65_536]) {
    const known = ['SWAPSPACE2', 'SWAP-SPACE', 'S1SUSPEND\0', 'S2SUSPEND\0'].find((magic) =>
      has(head, page - 10, magic),
    )
    if (!known) continue
    if (u32le(head, 1024) !== 1) return { type: 'swap', label: null, uuid: null }
    return { type: 'swap', label: text(head, 1052, 16), uuid: uuidText(head.subarray(1036, 1052)) }
  }
  return undefined
}

/** The UUID is the time of its making, as in blkid (ECMA-119, 8.4.26). */
function iso9660({ head }: Look): FilesystemFacts | undefined {
  if (!has(head, 32_769, 'CD001') || head[32_768] !== 1 || head.length < 34_816) return undefined
  const time = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)/.exec(latin1(head.subarray(33_581, 33_597)))
  return { type: 'iso9660', label: text(head, 32_808, 32), uuid: time ? time.slice(1).join('-') : null }
}

async function vfat({ head, read, bytes }: Look): Promise<FilesystemFacts | undefined> {
  if (!isBootSector(head)) return undefined
  const wide = has(head, 82, 'FAT32   ')
  if (!wide && !['FAT12   ', 'FAT16   ', 'FAT     '].some((name) => has(head, 54, name))) return undefined
  const [sector, cluster, copies] = [u16le(head, 11), head[13]!, head[16]!]
  if (![512, 1024, 2048, 4096].includes(sector) || cluster === 0 || (cluster & (cluster - 1)) !== 0) return undefined
  if (copies < 1 || copies > 2) return undefined
  const written = text(head, wide ? 71 : 43, 11)
  const label = (await fatLabel(head, wide, read, bytes)) ?? (written === 'NO NAME' ? null : written)
  return { type: 'vfat', label, uuid: volumeId(u32le(head, wide ? 67 : 39)) }
}

/** Whether the first block looks like the boot sector of a filesystem rather than an MBR alone: it jumps, and it is signed. */
function isBootSector(head: Uint8Array): boolean {
  return (head[0] === 0xeb || head[0] === 0xe9) && head[510] === 0x55 && head[511] === 0xaa
}

/** `1234-ABCD` */
function volumeId(id: number): string {
  const digits = id.toString(16).toUpperCase().padStart(8, '0')
  return `${digits.slice(0, 4)}-${digits.slice(4)}`
}

function short(value: string | null): string | null {
  return value === null ? null : value.slice(0, 200)
}

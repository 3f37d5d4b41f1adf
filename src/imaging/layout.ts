import { Refusal } from '../kit/errors.ts'

const MIB = 1024 * 1024
/** Disks, and the root filesystem in them, begin and end with whole chunks: equal content becomes equal chunks. */
const CHUNK = 4 * MIB
const SECTOR = 512
/** GRUB's core image lies here on BIOS machines. */
const BIOS_START = MIB
const BIOS_BYTES = MIB
const ESP_START = CHUNK
/** FAT32 needs 65,525 clusters (32 MiB) at least; 60 MiB make the root filesystem begin at 64 MiB. */
const ESP_BYTES = 60 * MIB
/** The copy of the partition table at the end of the disk. */
const END_BYTES = MIB
/** The largest disk that is built: 16 TiB, the largest ext4 with blocks of 4 KiB that every tool reads. */
const MOST_BYTES = 16 * 2 ** 40

export type Area = Readonly<{ offset: number; bytes: number; firstLba: number; lastLba: number }>

/** What lies where on the disk; all in bytes, and in blocks of 512 bytes for the partition table. */
export type Layout = Readonly<{ bytes: number; bios: Area; esp: Area; root: Area }>

/** What a root filesystem holds. `bytes`: rounded up to blocks of 4 KiB. */
export type Contents = Readonly<{ bytes: number; entries: number }>

function area(offset: number, bytes: number): Area {
  return { offset, bytes, firstLba: offset / SECTOR, lastLba: (offset + bytes) / SECTOR - 1 }
}

/** Room for the content, its inodes, a journal, and a quarter more: flashing makes the filesystem as large as the disk anyway. */
function rootNeeds({ bytes, entries }: Contents): number {
  return bytes + entries * 512 + 64 * MIB
}

/**
 * Lays out a disk for this content. `size`: bytes of the disk, found if left out; a `Refusal` when the content does not fit.
 * `espContents`: bytes of the files on the EFI system partition.
 */
export function layOut({
  contents,
  espContents,
  size,
}: {
  contents: Contents
  espContents: number
  size?: number
}): Layout {
  const espBytes = Math.max(ESP_BYTES, Math.ceil((ESP_START + espContents * 1.1 + 4 * MIB) / CHUNK) * CHUNK - ESP_START)
  const rootStart = ESP_START + espBytes
  const least = rootStart + rootNeeds(contents) + END_BYTES
  const bytes = Math.ceil((size ?? rootStart + rootNeeds(contents) * 1.25 + 128 * MIB) / CHUNK) * CHUNK
  if (bytes < least)
    throw new Refusal('validation-failed', `the content needs a disk of ${Math.ceil(least / MIB)} MiB at least`, {
      next: 'give a larger --size, or none: it is found then',
    })
  if (bytes > MOST_BYTES) throw new Refusal('validation-failed', 'disks of more than 16 TiB are not built')
  return {
    bytes,
    bios: area(BIOS_START, BIOS_BYTES),
    esp: area(ESP_START, espBytes),
    root: area(rootStart, bytes - END_BYTES - rootStart),
  }
}

/** The identifiers of a disk, all made of one SHA-256: equal content gives equal ones, different content different ones. */
export type Identifiers = Readonly<{
  disk: string
  biosPartition: string
  espPartition: string
  rootPartition: string
  rootFilesystem: string
  hashSeed: string
  /** Eight hex digits. */
  espVolume: string
}>

/** `derive(purpose)` gives 32 hex digits that depend on the content and on the purpose. */
export function identifiers(derive: (purpose: string) => string): Identifiers {
  const uuid = (purpose: string) => {
    const digits = derive(purpose)
    // RFC 9562 §5.8: version 8 is for UUIDs made in a way of one's own; the variant is 10 in binary.
    const variant = '89ab'[Number.parseInt(digits[16]!, 16) % 4]!
    return [
      digits.slice(0, 8),
      digits.slice(8, 12),
      `8${digits.slice(13, 16)}`,
      `${variant}${digits.slice(17, 20)}`,
      digits.slice(20, 32),
    ].join('-')
  }
  return {
    disk: uuid('disk'),
    biosPartition: uuid('bios partition'),
    espPartition: uuid('esp partition'),
    rootPartition: uuid('root partition'),
    rootFilesystem: uuid('root filesystem'),
    hashSeed: uuid('hash seed'),
    espVolume: derive('esp volume').slice(0, 8),
  }
}

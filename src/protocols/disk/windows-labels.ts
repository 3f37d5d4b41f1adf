import { has, type Read, text, u16le, u32le, u64le, utf16 } from './fields.ts'

/** Most bytes of a directory that are searched for the label: it is among the first entries. */
const MOST_DIRECTORY_BYTES = 64 * 1024
const MOST_CLUSTER_BYTES = 32 * 1024 * 1024

/** The label in the root directory of a FAT volume, which is what other systems show; `null` if there is none. */
export async function fatLabel(boot: Uint8Array, wide: boolean, read: Read, bytes: number): Promise<string | null> {
  const sector = u16le(boot, 11)
  const clusterBytes = boot[13]! * sector
  const fatSectors = wide ? u32le(boot, 36) : u16le(boot, 22)
  const rootEntries = u16le(boot, 17)
  const root = (u16le(boot, 14) + boot[16]! * fatSectors) * sector
  const at = wide ? root + (u32le(boot, 44) - 2) * clusterBytes : root
  const directory = await within(read, bytes, at, wide ? clusterBytes : rootEntries * 32)
  for (let entry = 0; entry + 32 <= directory.length && directory[entry] !== 0; entry += 32) {
    const attributes = directory[entry + 11]!
    // 08h marks the label; 0Fh a piece of a long name.
    if (directory[entry] !== 0xe5 && (attributes & 0x3f) !== 0x0f && (attributes & 0x08) !== 0)
      return text(directory, entry, 11)
  }
  return null
}

/** The entry of type 83h in the root directory (exFAT specification, 7.3). */
export async function exfatLabel(boot: Uint8Array, read: Read, bytes: number): Promise<string | null> {
  const [sectorShift, clusterShift] = [boot[108]!, boot[109]!]
  if (sectorShift < 9 || sectorShift > 12 || sectorShift + clusterShift > 25) return null
  const clusterBytes = 2 ** (sectorShift + clusterShift)
  const at = u32le(boot, 88) * 2 ** sectorShift + (u32le(boot, 96) - 2) * clusterBytes
  const directory = await within(read, bytes, at, clusterBytes)
  for (let entry = 0; entry + 32 <= directory.length && directory[entry] !== 0; entry += 32)
    if (directory[entry] === 0x83)
      return utf16(directory.subarray(entry + 2, entry + 2 + 2 * Math.min(directory[entry + 1]!, 11))) || null
  return null
}

/** The attribute $VOLUME_NAME (60h) of the fourth record of the master file table, $Volume. */
export async function ntfsLabel(boot: Uint8Array, read: Read, bytes: number): Promise<string | null> {
  const clusterBytes = u16le(boot, 11) * boot[13]!
  if (clusterBytes < 256 || clusterBytes > MOST_CLUSTER_BYTES) return null
  // Negative: the power of two in bytes instead of a count of clusters.
  const size = (boot[64]! << 24) >> 24
  const recordBytes = size < 0 ? 2 ** Math.min(-size, 16) : size * clusterBytes
  if (recordBytes < 256 || recordBytes > 65_536) return null
  const record = await within(read, bytes, u64le(boot, 48) * clusterBytes + 3 * recordBytes, recordBytes)
  if (!has(record, 0, 'FILE')) return null
  for (let at = u16le(record, 20); at + 24 <= record.length; ) {
    const length = u32le(record, at + 4)
    if (u32le(record, at) === 0x60 && record[at + 8] === 0) {
      const value = at + u16le(record, at + 20)
      return utf16(record.subarray(value, value + Math.min(u32le(record, at + 16), 256))) || null
    }
    if (length < 16 || u32le(record, at) === 0xffffffff) break
    at += length
  }
  return null
}

/** What of a range lies on the volume; empty if it begins outside. */
async function within(read: Read, bytes: number, at: number, length: number): Promise<Uint8Array> {
  if (!Number.isSafeInteger(at) || at < 0 || at >= bytes || length <= 0) return new Uint8Array()
  return read(at, Math.min(length, MOST_DIRECTORY_BYTES, bytes - at))
}

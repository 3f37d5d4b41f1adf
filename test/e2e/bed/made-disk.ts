import { createCipheriv, createHash } from 'node:crypto'
import { emptyGpt, layOutGpt } from '../../../src/protocols/disk/gpt.ts'
import { biosDisk, uefiDisk } from './disks.ts'

const MIB = 2 ** 20
const ESP = 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B'
const LINUX = '0FC63DAF-8483-4772-8E79-3D69D8477DE4'

/**
 * A whole disk that BIOS and UEFI boot to the word `LOCAL`, with `dataMiB` of bytes that do not shrink and are the same for the same
 * `seed`, and holes in between. Different seeds have no data in common.
 */
export function madeDisk({ seed, mib, dataMiB }: { seed: string; mib: number; dataMiB: number }): Buffer<ArrayBuffer> {
  const disk = Buffer.alloc(mib * MIB)
  const guid = createHash('sha256').update(seed).digest('hex').toUpperCase()
  const named = (n: number) => `${guid.slice(0, 8)}-0000-4000-8000-00000000000${n}`
  const entry = (number: number, type: string, first: number, end: number) => ({
    ...{ number, type, guid: named(number), attributes: '0000000000000000', name: `part ${number}` },
    firstLba: (first * MIB) / 512,
    lastLba: (end * MIB) / 512 - 1,
  })
  const entries = [entry(1, ESP, 1, 17), entry(2, LINUX, 17, mib - 1)]
  const table = { ...emptyGpt(disk.length, { diskGuid: named(0) }), entries }
  for (const { offset, bytes } of layOutGpt(table, disk.length, biosDisk())) disk.set(bytes, offset)
  disk.set(uefiDisk(), MIB)
  const key = Buffer.from(guid, 'hex')
  const noise = createCipheriv('aes-256-ctr', key, Buffer.alloc(16))
  const zeros = Buffer.alloc(8 * MIB)
  // Eight of every ten MiB, so that chunks are full, partly full and empty.
  for (let at = 18, left = dataMiB; left > 0 && at + 8 < mib; at += 10, left -= 8)
    disk.set(noise.update(zeros.subarray(0, Math.min(left, 8) * MIB)), at * MIB)
  return disk
}

import { Refusal } from '../kit/errors.ts'
import { type BlockDevice, SECTOR_BYTES } from './block-device.ts'
import type { ExportFile, NewExportFile } from './export-files.ts'

const PIECE_BYTES = 1024 * 1024
const ZEROS = new Uint8Array(PIECE_BYTES)

/** Copies a device to a file, leaving holes where there are only zeros. */
export async function dumpTo(file: NewExportFile, device: BlockDevice, progress: (done: number) => void) {
  const piece = new Uint8Array(PIECE_BYTES)
  for (let at = 0; at < device.bytes; ) {
    const { mapped, bytes } = device.allocation(at)
    if (!mapped) {
      at += Math.max(SECTOR_BYTES, bytes)
    } else {
      const part = piece.subarray(0, Math.min(PIECE_BYTES, device.bytes - at))
      await device.read(part, at)
      if (!isZero(part)) await file.write(part, at)
      at += part.length
    }
    progress(Math.min(at, device.bytes))
  }
}

/** Replaces all of a device by a file; what the file is too short for is zero. */
export async function restoreFrom(file: ExportFile, device: BlockDevice, progress: (done: number) => void) {
  if (file.bytes > device.bytes)
    throw new Refusal('too-large', `the file has ${file.bytes} bytes, more than the volume with ${device.bytes}`, {
      next: 'make the volume larger first: reveille volume resize',
    })
  const piece = new Uint8Array(PIECE_BYTES)
  let zeroFrom: number | null = null
  const zeroUpTo = async (end: number) => {
    if (zeroFrom !== null && end > zeroFrom) await device.zero(zeroFrom, end - zeroFrom)
    zeroFrom = null
  }
  for (let at = 0; at < device.bytes; at += PIECE_BYTES) {
    const length = Math.min(PIECE_BYTES, device.bytes - at)
    const part = piece.subarray(0, length)
    const there = Math.max(0, Math.min(length, file.bytes - at))
    if (there > 0) await file.read(part.subarray(0, there), at)
    part.fill(0, there)
    if (isZero(part)) zeroFrom ??= at
    else {
      await zeroUpTo(at)
      await device.write([part], at)
    }
    progress(at + length)
  }
  await zeroUpTo(device.bytes)
  await device.flush()
}

function isZero(bytes: Uint8Array): boolean {
  return Buffer.compare(bytes, ZEROS.subarray(0, bytes.length)) === 0
}

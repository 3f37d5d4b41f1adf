import { DecodeError } from '../../kit/errors.ts'

const MAGIC_LE = 0xfd2fb528

/**
 * How many bytes the zstd frame at the start of these takes (RFC 8878 §3.1.1). A compressed cluster says only in which sectors it
 * ends; decompressors stumble over what follows.
 */
export function zstdFrameLength(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const need = (end: number): number => {
    if (end > bytes.length) throw new DecodeError('a zstd frame is cut off')
    return end
  }
  need(5)
  if (view.getUint32(0, true) !== MAGIC_LE) throw new DecodeError('a compressed cluster is not zstd')
  const descriptor = bytes[4]!
  const single = (descriptor & 0x20) !== 0
  const sizeField = [single ? 1 : 0, 2, 4, 8][descriptor >> 6]!
  const dictionary = [0, 1, 2, 4][descriptor & 3]!
  let at = 5 + (single ? 0 : 1) + dictionary + sizeField
  for (let last = false; !last; ) {
    need(at + 3)
    const header = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16)
    const type = (header >> 1) & 3
    if (type === 3) throw new DecodeError('a zstd frame has a block of an unknown type')
    last = (header & 1) !== 0
    // A run of one byte (type 1) is kept as that byte, whatever its length.
    at = need(at + 3 + (type === 1 ? 1 : header >> 3))
  }
  return need(at + ((descriptor & 4) !== 0 ? 4 : 0))
}

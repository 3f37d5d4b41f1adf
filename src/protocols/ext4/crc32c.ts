const TABLE = new Uint32Array(256)
for (let i = 0; i < 256; i++) {
  let value = i
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1
  TABLE[i] = value
}

/** CRC32C as ext4 uses it: begun from `seed`, without the inversion at the end. */
export function crc32c(seed: number, bytes: Uint8Array): number {
  let crc = seed
  for (const byte of bytes) crc = (TABLE[(crc ^ byte) & 0xff]! ^ (crc >>> 8)) >>> 0
  return crc >>> 0
}

/** Eight tables of 256: the checksum takes eight bytes a step. Table k is the effect of a byte that k more bytes follow. */
const TABLES = new Uint32Array(8 * 256)
for (let byte = 0; byte < 256; byte++) {
  let value = byte
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1
  TABLES[byte] = value
}
for (let k = 1; k < 8; k++)
  for (let byte = 0; byte < 256; byte++) {
    const before = TABLES[(k - 1) * 256 + byte]!
    TABLES[k * 256 + byte] = (before >>> 8) ^ TABLES[before & 0xff]!
  }

/**
 * CRC32C (RFC 7143, 13.1; polynomial 1EDC6F41h reflected) of bytes `from` to `to`, as an unsigned number. Give the result of one part as
 * `before` to go on with the next. On the wire it is sent with the least significant byte first.
 */
export function crc32c(bytes: Uint8Array, from = 0, to = bytes.length, before = 0): number {
  const t = TABLES
  let crc = ~before
  let at = from
  for (const last = to - 8; at <= last; at += 8) {
    const low = crc ^ (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24))
    crc =
      t[0x700 + (low & 0xff)]! ^
      t[0x600 + ((low >>> 8) & 0xff)]! ^
      t[0x500 + ((low >>> 16) & 0xff)]! ^
      t[0x400 + (low >>> 24)]! ^
      t[0x300 + bytes[at + 4]!]! ^
      t[0x200 + bytes[at + 5]!]! ^
      t[0x100 + bytes[at + 6]!]! ^
      t[bytes[at + 7]!]!
  }
  for (; at < to; at++) crc = (crc >>> 8) ^ t[(crc ^ bytes[at]!) & 0xff]!
  return ~crc >>> 0
}

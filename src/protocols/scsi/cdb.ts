export const u16 = (cdb: Uint8Array, at: number): number => (cdb[at]! << 8) | cdb[at + 1]!
export const u24 = (cdb: Uint8Array, at: number): number => (cdb[at]! << 16) | (cdb[at + 1]! << 8) | cdb[at + 2]!
export const u32 = (cdb: Uint8Array, at: number): number =>
  ((cdb[at]! << 24) | (cdb[at + 1]! << 16) | (cdb[at + 2]! << 8) | cdb[at + 3]!) >>> 0
/** Beyond 2^53 it is not exact, but far beyond the end of every disk all the same. */
export const u64 = (cdb: Uint8Array, at: number): number => u32(cdb, at) * 2 ** 32 + u32(cdb, at + 4)

export const set16 = (into: Uint8Array, at: number, value: number): void => {
  into[at] = value >>> 8
  into[at + 1] = value
}
export const set32 = (into: Uint8Array, at: number, value: number): void => {
  into[at] = value >>> 24
  into[at + 1] = value >>> 16
  into[at + 2] = value >>> 8
  into[at + 3] = value
}
export const set64 = (into: Uint8Array, at: number, value: number): void => {
  set32(into, at, Math.floor(value / 2 ** 32))
  set32(into, at + 4, value >>> 0)
}

/** Bytes of a block: what is copied on write. */
export const BLOCK_BYTES = 4096
/** Blocks of a chunk of 4 MiB; each has two bits in the page of the chunk. */
export const CHUNK_BLOCKS = 1024
export const PAGE_BYTES = 256

/** What a layer says of a block: that it has the bytes, or that they are zeros. 0 is nothing: see below it. */
export const DATA = 1
export const ZERO = 2

export function stateOf(page: Uint8Array, block: number): number {
  return (page[block >> 2]! >> ((block & 3) << 1)) & 3
}

/** Sets blocks `from` to `to` (exclusive) of a page. */
export function setStates(page: Uint8Array, from: number, to: number, state: number): void {
  let block = from
  for (; block < to && (block & 3) !== 0; block++) setState(page, block, state)
  const whole = state * 0b01010101
  for (; block + 4 <= to; block += 4) page[block >> 2] = whole
  for (; block < to; block++) setState(page, block, state)
}

function setState(page: Uint8Array, block: number, state: number): void {
  const shift = (block & 3) << 1
  page[block >> 2] = (page[block >> 2]! & ~(3 << shift)) | (state << shift)
}

/** How many blocks from `from` to `to` (exclusive) have the state. */
export function countStates(page: Uint8Array, from: number, to: number, state: number): number {
  let count = 0
  for (let block = from; block < to; block++) if (stateOf(page, block) === state) count++
  return count
}

export function isBlank(page: Uint8Array): boolean {
  for (let i = 0; i < page.length; i++) if (page[i] !== 0) return false
  return true
}

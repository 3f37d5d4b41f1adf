/** Chunks are written in so many sizes; every chunk whose number it divides is deleted again. */
export const SIZES = 5

/** The content of a chunk by its number: some shrink and some do not. */
export function writtenChunk(n: number): Buffer {
  const bytes = Buffer.alloc([100, 4096, 70_000, 1_000_000, 30][n % SIZES]!, `chunk ${n} `)
  let state = n
  for (let at = 0; n % 2 === 1 && at < bytes.length; at++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    bytes[at] = state >>> 16
  }
  bytes.writeUInt32BE(n, 0)
  return bytes
}

/** Content made of pieces that lie apart; between them are zeros. Large pieces can be shared by many contents. */
export type Pieces = Readonly<{ size: number; pieces: readonly Readonly<{ at: number; bytes: Uint8Array }>[] }>

/** The bytes from `start`, `length` of them; what lies outside is zero. */
export function readPieces({ pieces }: Pieces, start: number, length: number): Uint8Array {
  const out = new Uint8Array(length)
  for (const { at, bytes } of pieces) {
    const from = Math.max(start, at)
    const to = Math.min(start + length, at + bytes.length)
    if (from < to) out.set(bytes.subarray(from - at, to - at), from - start)
  }
  return out
}

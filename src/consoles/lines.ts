import type { ConsoleMatch } from './console.ts'

/** Longest line that is searched and shown; a longer one is cut into pieces. */
const LINE_BYTES = 4096

/** Escape sequences of terminals (ECMA-48: CSI, OSC and two-character ones) and control characters: they are no text. */
const CONTROLS = /\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[ -/]*[0-~]|[\x00-\x08\x0b-\x1f\x7f]/g

/** What a person would read in bytes that a terminal was sent. */
export function plainText(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes).replace(CONTROLS, '')
}

/**
 * Lines of one piece of a record that hold `text`, whatever its case, in their order. `offset` is where the piece begins in its
 * record; `timeOf` says when the byte at an offset was printed.
 */
export function findLines(
  piece: Uint8Array,
  offset: number,
  text: string,
  timeOf: (offset: number) => number,
): ConsoleMatch[] {
  const wanted = text.toLowerCase()
  const found: ConsoleMatch[] = []
  for (let start = 0; start < piece.length; ) {
    const feed = piece.indexOf(0x0a, start)
    const end = Math.min(feed < 0 ? piece.length : feed, start + LINE_BYTES)
    const line = plainText(piece.subarray(start, end))
    if (line.toLowerCase().includes(wanted)) found.push({ at: timeOf(offset + start), offset: offset + start, line })
    start = end === feed ? end + 1 : end
  }
  return found
}

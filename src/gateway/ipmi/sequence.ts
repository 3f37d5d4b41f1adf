/** How far back and ahead of the newest number a packet may be (IPMI 2.0 §6.12.13). */
const BACK = 32
const AHEAD = 16
/** Numbers are 1 to this; 0 stands for no session. */
const LAST = 0xffffffff

/** Which packets of a session came already: a window behind the newest number. A number is asked for only when its packet is known to be genuine. */
export class SequenceWindow {
  #newest = 0
  /** Bit n: the number n + 1 before the newest came. */
  #seen = 0

  /** Takes a number. False: it came before, is too old, or is too far ahead. */
  accept(sequence: number): boolean {
    if (sequence === 0) return false
    const ahead = distance(this.#newest, sequence)
    if (ahead > 0 && ahead <= AHEAD) {
      // The newest becomes one of those before; what is shifted out is too old.
      this.#seen = ahead >= BACK ? 0 : ((this.#seen << ahead) | (this.#newest === 0 ? 0 : 1 << (ahead - 1))) >>> 0
      this.#newest = sequence
      return true
    }
    const back = -ahead
    if (back <= 0 || back > BACK) return false
    const bit = (1 << (back - 1)) >>> 0
    if ((this.#seen & bit) !== 0) return false
    this.#seen = (this.#seen | bit) >>> 0
    return true
  }
}

/** From one number to another, counting round from the last to 1; negative: backwards. */
function distance(from: number, to: number): number {
  if (from === 0) return to
  const ahead = (to - from + LAST) % LAST
  return ahead > LAST / 2 ? ahead - LAST : ahead
}

/** The number after this one. */
export function nextSequence(sequence: number): number {
  return sequence === LAST ? 1 : sequence + 1
}

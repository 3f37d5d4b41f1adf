/** Numbers that came, so that none is taken twice (IPMI 2.0 §6.12.13). Any step ahead is taken: the packet was signed. */
export class SequenceWindow {
  #highest = 0
  /** Bit n: `highest - n` came. */
  #seen = 0

  /** Whether this number is new; it is not from then on. */
  take(sequence: number): boolean {
    if (sequence === 0) return false
    const ahead = sequence - this.#highest
    if (ahead > 0) {
      this.#seen = ahead >= 32 ? 1 : ((this.#seen << ahead) | 1) >>> 0
      this.#highest = sequence
      return true
    }
    const behind = -ahead
    if (behind >= 32 || ((this.#seen >>> behind) & 1) === 1) return false
    this.#seen = (this.#seen | (1 << behind)) >>> 0
    return true
  }
}

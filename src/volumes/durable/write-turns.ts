type Turn = { readonly from: number; readonly to: number; readonly done: Promise<void> }

/**
 * Who writes where, for writes that take time: two that touch the same blocks go one after the other, and for a moment all can be held
 * back. While nothing is under way it costs nothing.
 */
export class WriteTurns {
  readonly #turns = new Set<Turn>()
  #held: Promise<void> | undefined

  /** Whether a write of these bytes may begin now. */
  free(from: number, to: number): boolean {
    if (this.#held) return false
    if (this.#turns.size === 0) return true
    for (const turn of this.#turns) if (turn.from < to && from < turn.to) return false
    return true
  }

  /** Done when it is worth asking again. */
  async wait(from: number, to: number): Promise<void> {
    if (this.#held) return this.#held
    for (const turn of this.#turns) if (turn.from < to && from < turn.to) return turn.done
  }

  /** Does what takes time, with these bytes to itself. They must be free. */
  async take(from: number, to: number, work: () => Promise<void>): Promise<void> {
    let ended = () => {}
    const done = new Promise<void>((resolve) => {
      ended = resolve
    })
    const turn: Turn = { from, to, done }
    this.#turns.add(turn)
    try {
      await work()
    } finally {
      this.#turns.delete(turn)
      ended()
    }
  }

  /** Does something while nothing is written: what has begun ends first, what comes waits. One at a time. */
  async alone<T>(work: () => Promise<T>): Promise<T> {
    while (this.#held) await this.#held
    let ended = () => {}
    this.#held = new Promise<void>((resolve) => {
      ended = resolve
    })
    try {
      await Promise.all([...this.#turns].map(({ done }) => done))
      return await work()
    } finally {
      this.#held = undefined
      ended()
    }
  }
}

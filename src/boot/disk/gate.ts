/** Lets in a few at a time, in the order in which they came, each in a turn of the event loop of its own. */
export class Gate {
  readonly #most: number
  #inside = 0
  readonly #waiting: (() => void)[] = []
  readonly #next = () => {
    if (this.#inside >= this.#most || this.#waiting.length === 0) return
    this.#inside++
    this.#waiting.shift()!()
  }

  constructor(most: number) {
    this.#most = most
  }

  /** Resolves when it is the caller's turn; it has to `leave` then. */
  enter(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
      setImmediate(this.#next)
    })
  }

  leave(): void {
    this.#inside--
    setImmediate(this.#next)
  }
}

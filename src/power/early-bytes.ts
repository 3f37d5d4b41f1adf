/** Most that is kept of what a line printed before anybody listened; the newest. */
export const EARLY_BYTES = 64 * 1024

type Listener = Readonly<{ received: (bytes: Uint8Array) => void; ended: (why: string) => void }>

/** What `ConsoleLine.listen` promises, for lines whose bytes come by themselves: the first are kept, the end is told once. */
export class EarlyBytes {
  #early: Uint8Array[] = []
  #kept = 0
  #listener: Listener | undefined
  #over: string | undefined
  #closed = false

  receive(bytes: Uint8Array): void {
    if (this.#closed || this.#over !== undefined) return
    if (this.#listener) {
      this.#listener.received(bytes)
      return
    }
    // A copy: the receive buffer is used again.
    this.#early.push(bytes.slice(-EARLY_BYTES))
    this.#kept += Math.min(bytes.length, EARLY_BYTES)
    while (this.#kept - this.#early[0]!.length >= EARLY_BYTES) this.#kept -= this.#early.shift()!.length
  }

  /** The line is gone. */
  end(why: string): void {
    if (this.#closed || this.#over !== undefined) return
    this.#over = why
    this.#listener?.ended(why)
  }

  listen(received: (bytes: Uint8Array) => void, ended: (why: string) => void): void {
    this.#listener = { received, ended }
    for (const bytes of this.#early.splice(0)) received(bytes)
    this.#kept = 0
    if (this.#over !== undefined) ended(this.#over)
  }

  /** Nothing is told any more. True the first time. */
  close(): boolean {
    const first = !this.#closed
    this.#closed = true
    this.#early = []
    return first
  }
}

/**
 * Bounds how many BMCs are spoken to at once. Only those that answered last have the `lively` places, so that a row of dead ones
 * never keeps living ones waiting; and whoever falls silent gives its place back before its retries.
 */
export class Turnstile {
  readonly #lively: Places
  readonly #unproven: Places

  constructor(places: Readonly<{ lively: number; unproven: number }>) {
    this.#lively = new Places(places.lively)
    this.#unproven = new Places(places.unproven)
  }

  /** Resolves with what gives the place back; calling that twice is harmless. */
  enter(kind: 'lively' | 'unproven'): Promise<() => void> {
    return kind === 'lively' ? this.#lively.enter() : this.#unproven.enter()
  }
}

class Places {
  #free: number
  #queue: (() => void)[] = []
  #next = 0

  constructor(free: number) {
    this.#free = free
  }

  async enter(): Promise<() => void> {
    if (this.#free > 0) this.#free--
    else await new Promise<void>((resolve) => this.#queue.push(resolve))
    let left = false
    return () => {
      if (!left) this.#release()
      left = true
    }
  }

  #release(): void {
    const next = this.#queue[this.#next]
    if (next) {
      this.#next++
      // Shifting an array of thousands for each would cost more than the work.
      if (this.#next >= 1000) {
        this.#queue.splice(0, this.#next)
        this.#next = 0
      }
      next()
      return
    }
    this.#queue = []
    this.#next = 0
    this.#free++
  }
}

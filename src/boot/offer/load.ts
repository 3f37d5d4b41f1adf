/** How long the sockets may stay full before new conversations are turned away, in ms; RFC 2131 §4.1: clients wait four seconds. */
const LONGEST_FULL_MS = 500

/** libuv takes this many datagrams from a socket in one turn of the event loop; fewer mean that it found the socket empty. */
const DATAGRAMS_PER_TURN = 32

/**
 * Tells when more comes in than can be answered in time. Packets then wait in the socket until their senders have given up, and
 * answering them helps nobody; so new conversations (DISCOVER) are left out until the sockets were empty once, and those that
 * have begun are finished. A client whose DISCOVER is left out asks again some seconds later.
 */
export class Load {
  readonly #now: () => number
  #fullSince: number | undefined
  #arrivedThisTurn = 0

  /** `now` is a steady clock in ms. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** Call it for each packet that comes in. */
  arrived(): void {
    this.#arrivedThisTurn += 1
    if (this.#arrivedThisTurn === 1) setImmediate(() => this.#turn())
  }

  get tooMuch(): boolean {
    return this.#fullSince !== undefined && this.#now() - this.#fullSince > LONGEST_FULL_MS
  }

  #turn(): void {
    if (this.#arrivedThisTurn < DATAGRAMS_PER_TURN) this.#fullSince = undefined
    else this.#fullSince ??= this.#now()
    this.#arrivedThisTurn = 0
  }
}

/** How long packets may keep coming without a pause before new conversations are turned away, in ms. */
const LONGEST_BUSY_MS = 100

/**
 * Tells when more comes in than can be answered in time. Packets then wait in the socket until their senders have given up, and
 * answering them helps nobody; so new conversations (DISCOVER) are left out until the sockets were empty once, and those that
 * have begun are finished. A client whose DISCOVER is left out asks again some seconds later.
 */
export class Load {
  readonly #now: () => number
  #busySince: number | undefined
  #arrived = false

  /** `now` is a steady clock in ms. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** Call it for each packet that comes in. */
  arrived(): void {
    this.#arrived = true
    if (this.#busySince !== undefined) return
    this.#busySince = this.#now()
    setImmediate(() => this.#turn())
  }

  get tooMuch(): boolean {
    return this.#busySince !== undefined && this.#now() - this.#busySince > LONGEST_BUSY_MS
  }

  /** One turn of the event loop is over: without a packet in it, the sockets are empty. */
  #turn(): void {
    if (this.#arrived) setImmediate(() => this.#turn())
    else this.#busySince = undefined
    this.#arrived = false
  }
}

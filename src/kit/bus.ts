/** A thing that happened, told to whoever listens in this process (event stream, long polls). Not a log: nobody missed is replayed. */
export class Bus<Event> {
  readonly #listeners = new Set<(event: Event) => void>()

  /** The listener is called at once and must not throw; the returned function ends it. */
  listen(listener: (event: Event) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  publish(event: Event): void {
    for (const listener of this.#listeners) listener(event)
  }

  get listeners(): number {
    return this.#listeners.size
  }
}

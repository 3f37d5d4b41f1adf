const NONE: ReadonlySet<never> = new Set()

/** Several values under one key, such as the leases of a MAC: found without looking at those of all others. */
export class ManyBy<Key, Value> {
  readonly #values = new Map<Key, Set<Value>>()

  /** In the order in which they came. */
  of(key: Key): ReadonlySet<Value> {
    return this.#values.get(key) ?? NONE
  }

  add(key: Key, value: Value): void {
    const known = this.#values.get(key)
    if (known) known.add(value)
    else this.#values.set(key, new Set([value]))
  }

  /** What is not there is fine. */
  remove(key: Key, value: Value): void {
    const known = this.#values.get(key)
    if (known?.delete(value) && known.size === 0) this.#values.delete(key)
  }
}

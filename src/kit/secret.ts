/**
 * A value that must not be seen. Logs, JSON and string conversion print `[secret]`; only `reveal()` gives it away, so a
 * search for `reveal(` finds every place that handles one.
 */
export class Secret {
  readonly #value: string

  constructor(value: string) {
    this.#value = value
  }

  reveal(): string {
    return this.#value
  }

  toString(): string {
    return '[secret]'
  }

  toJSON(): string {
    return '[secret]'
  }
}

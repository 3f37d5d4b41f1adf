/** A repository in memory: what it was given is what it gives. `failing` makes every write fail, as a full disk would. */
export class MemoryRepository<T> {
  readonly rows = new Map<string, T>()
  failing: Error | undefined
  /** How many writes there were, one for each call. */
  writes = 0
  readonly #key: (row: T) => string

  constructor(key: (row: T) => string, rows: readonly T[] = []) {
    this.#key = key
    for (const row of rows) this.rows.set(key(row), row)
  }

  all(): Promise<T[]> {
    return Promise.resolve([...this.rows.values()])
  }

  save(row: T): Promise<void> {
    return this.saveAll([row])
  }

  async saveAll(rows: readonly T[]): Promise<void> {
    await Promise.resolve()
    if (this.failing) throw this.failing
    this.writes++
    for (const row of rows) this.rows.set(this.#key(row), row)
  }

  async remove(key: string): Promise<void> {
    await Promise.resolve()
    if (this.failing) throw this.failing
    this.writes++
    this.rows.delete(key)
  }
}

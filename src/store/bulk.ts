import type { Compilable, CompiledQuery, Kysely } from 'kysely'
import type { Tables } from './tables.ts'

/** Rows for each statement; few sizes, so that few statements are compiled. SQLite allows 32,766 parameters in one. */
const SIZES = [64, 16, 4, 1] as const

/**
 * Writes many rows with statements that are built once: building them anew costs Kysely more than SQLite needs to run them.
 * All rows must have the same keys in the same order, without `undefined`.
 */
export class Bulk<Row extends Readonly<Record<string, string | number | null>>> {
  readonly #build: (rows: Row[]) => Compilable<unknown>
  readonly #built = new Map<number, CompiledQuery>()

  constructor(build: (rows: Row[]) => Compilable<unknown>) {
    this.#build = build
  }

  /** Inside a transaction it is all or nothing; outside each statement is a commit of its own. */
  async write(db: Kysely<Tables>, rows: readonly Row[]): Promise<void> {
    let at = 0
    for (const size of SIZES)
      for (; rows.length - at >= size; at += size) {
        const part = rows.slice(at, at + size)
        await db.executeQuery({ ...this.#query(part), parameters: part.flatMap((row) => Object.values(row)) })
      }
  }

  #query(rows: Row[]): CompiledQuery {
    const known = this.#built.get(rows.length)
    if (known) return known
    const query = this.#build(rows).compile()
    const values = rows.flatMap((row) => Object.values(row))
    if (query.parameters.length !== values.length || query.parameters.some((parameter, i) => parameter !== values[i]))
      throw new RangeError('the parameters of a bulk statement are not its rows in order')
    this.#built.set(rows.length, query)
    return query
  }
}

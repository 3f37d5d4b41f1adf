import Database from 'better-sqlite3'
import { Kysely, SqliteDialect } from 'kysely'
import type { Engine } from './engine.ts'
import { FairTurns } from './fair-turns.ts'
import { sqliteRefusal } from './sqlite-refusal.ts'
import type { Tables } from './tables.ts'

const BUSY_TIMEOUT_MS = 5000
/** Compiled statements kept; Kysely would compile each anew. */
const MOST_STATEMENTS = 200

/** Opens a SQLite file: WAL, synchronous=FULL (a commit has reached the disk), foreign keys on. */
export function openSqlite(path: string): Engine {
  try {
    const file = new Database(path, { timeout: BUSY_TIMEOUT_MS })
    file.pragma('journal_mode = WAL')
    file.pragma('synchronous = FULL')
    file.pragma('foreign_keys = ON')
    file.pragma('journal_size_limit = 67108864')
    const dialect = new SqliteDialect({ database: withStatements(file, path) })
    const db = new Kysely<Tables>({ dialect, plugins: [new FairTurns()] })
    const relaxed: Engine['relaxed'] = (work) =>
      db.connection().execute(async (connection) => {
        file.pragma('synchronous = NORMAL')
        try {
          return await work(connection)
        } finally {
          file.pragma('synchronous = FULL')
        }
      })
    return { db, relaxed, close: () => db.destroy() }
  } catch (error) {
    throw sqliteRefusal(error, path)
  }
}

/** What Kysely needs of a database, with each statement compiled once and the engine's errors put into words. */
function withStatements(file: Database.Database, path: string) {
  const statements = new Map<string, ReturnType<typeof wrap>>()
  const wrap = (sql: string) => {
    const statement = file.prepare(sql)
    const guard = <T>(run: () => T): T => {
      try {
        return run()
      } catch (error) {
        throw sqliteRefusal(error, path)
      }
    }
    return {
      reader: statement.reader,
      all: (parameters: readonly unknown[]) => guard(() => statement.all(parameters)),
      // A full disk ends the transaction by itself; Kysely rolls back all the same, and that error would hide the cause.
      run: (parameters: readonly unknown[]) =>
        sql === 'rollback' && !file.inTransaction
          ? { changes: 0, lastInsertRowid: 0 }
          : guard(() => statement.run(parameters)),
      iterate: (parameters: readonly unknown[]) => statement.iterate(parameters),
    }
  }
  return {
    close: () => void file.close(),
    prepare(sql: string) {
      const known = statements.get(sql)
      if (known) return known
      const fresh = wrap(sql)
      if (statements.size >= MOST_STATEMENTS) statements.delete(statements.keys().next().value!)
      statements.set(sql, fresh)
      return fresh
    },
  }
}

import Database from 'better-sqlite3'
import { Refusal } from '../kit/errors.ts'
import { sqliteRefusal } from './sqlite-refusal.ts'

/** `PRAGMA user_version` of the file: raised when its table changes. */
const VERSION = 1

/** The columns of a row, in the order of the values of a `LeaseValues`. Times are milliseconds since 1970. */
const COLUMNS = ['ip', 'network', 'client', 'mac', 'hostname', 'state', 'started_at', 'expires_at'] as const

/** Rows one after another without anything around them: what crosses to another thread at the least cost. */
export type LeaseValues = readonly (string | number | null)[]

export const VALUES_PER_LEASE = COLUMNS.length

/** The SQLite file of the leases, in whichever thread opens it. Every call blocks; a commit has reached the disk when it returns. */
export class LeaseFile {
  readonly #db: Database.Database
  readonly #upsert: Database.Statement
  readonly #remove: Database.Statement

  /** Opens or makes the file. Refuses (`Refusal`) one that is damaged or that a newer Reveille has made. */
  static open(path: string): LeaseFile {
    const db = guarded(path, () => new Database(path))
    try {
      return guarded(path, () => new LeaseFile(db))
    } catch (error) {
      db.close()
      throw error
    }
  }

  constructor(db: Database.Database) {
    this.#db = db
    this.#prepareTable()
    const changes = COLUMNS.slice(1).map((column) => `${column} = excluded.${column}`)
    this.#upsert = db.prepare(
      `insert into leases (${COLUMNS.join(', ')}) values (${COLUMNS.map(() => '?').join(', ')})
       on conflict (ip) do update set ${changes.join(', ')}`,
    )
    this.#remove = db.prepare('delete from leases where ip = ?')
  }

  #prepareTable(): void {
    this.#db.pragma('journal_mode = WAL')
    this.#db.pragma('synchronous = FULL')
    this.#db.pragma('journal_size_limit = 67108864')
    const version = Number(this.#db.pragma('user_version', { simple: true }))
    if (version > VERSION)
      throw new Refusal('wrong-state', `the leases in ${this.#db.name} were changed by a newer Reveille`, {
        next: 'start that version or a later one, or restore a backup made by this version',
      })
    if (version === VERSION) return
    this.#atomically(() => {
      this.#db.exec(`create table leases (
        ip integer primary key, network text not null, client text not null, mac text not null, hostname text,
        state text not null, started_at integer not null, expires_at integer not null) strict`)
      this.#db.pragma(`user_version = ${VERSION}`)
    })
  }

  /** In the order of their addresses. */
  all(): LeaseValues[] {
    const query = this.#db.prepare(`select ${COLUMNS.join(', ')} from leases order by ip`).raw()
    return guarded(this.#db.name, () => query.all() as LeaseValues[])
  }

  /** Inserts or replaces by address, all in one commit. */
  save(values: LeaseValues): void {
    this.#atomically(() => {
      for (let at = 0; at < values.length; at += VALUES_PER_LEASE)
        this.#upsert.run(values.slice(at, at + VALUES_PER_LEASE))
    })
  }

  remove(ips: readonly number[]): void {
    this.#atomically(() => {
      for (const ip of ips) this.#remove.run(ip)
    })
  }

  close(): void {
    this.#db.close()
  }

  #atomically(work: () => void): void {
    guarded(this.#db.name, () => this.#db.transaction(work).immediate())
  }
}

function guarded<T>(path: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw sqliteRefusal(error, path)
  }
}

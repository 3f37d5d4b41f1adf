import { chmodSync, closeSync, existsSync, mkdirSync, openSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { Refusal } from '../kit/errors.ts'

export const DATABASE_FILE = 'reveille.db'
/** Leases are apart: their commits would make all others wait. */
export const LEASE_FILE = 'leases.db'
export const LOCK_FILE = 'lock.db'

/**
 * Makes the data directory (0700) if it is missing and closes it to other users if it is ours. A directory with other files
 * that is open to others is refused instead: it is more likely a home directory or /tmp than ours.
 */
export function prepareDirectory(dir: string): void {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 })
    const { mode } = statSync(dir)
    // Passing through, which controlGroup needs, shows a group nothing.
    if ((mode & 0o067) !== 0) {
      const names = readdirSync(dir)
      if (names.length > 0 && !names.includes(DATABASE_FILE))
        throw new Refusal('conflict', `${dir} holds other files and is open to other users`, {
          next: `give dataDir a directory of its own, or run: chmod 700 ${dir}`,
        })
      chmodSync(dir, 0o700)
    }
    // SQLite gives its journal files the mode of the database, so the mode must be right before it is opened.
    for (const name of [DATABASE_FILE, LEASE_FILE, LOCK_FILE]) {
      const path = join(dir, name)
      if (!existsSync(path)) closeSync(openSync(path, 'a', 0o600))
      chmodSync(path, 0o600)
    }
  } catch (error) {
    if (error instanceof Refusal) throw error
    throw new Refusal('not-available', `the data directory ${dir} cannot be used: ${(error as Error).message}`, {
      next: 'make it writable for the user that runs reveille, or set dataDir (REVEILLE_DATA_DIR) to another directory',
    })
  }
}

/**
 * Holds a data directory for this process until released or until the process ends, however it ends: the lock is SQLite's
 * own lock on a file, which the kernel drops with the process. Nothing else may open that file in this process, because
 * closing any handle on it would drop the lock (POSIX fcntl locks).
 */
export function lockDirectory(dir: string): { release(): void } {
  const path = join(dir, LOCK_FILE)
  let db: Database.Database | undefined
  try {
    db = new Database(path, { timeout: 0 })
    db.exec('begin immediate; create table if not exists holder (pid integer not null); delete from holder')
    db.prepare('insert into holder values (?)').run(process.pid)
    db.exec('commit; begin immediate')
    const held = db
    return { release: () => void held.close() }
  } catch (error) {
    const refusal = lockRefusal(error, dir, path, db)
    db?.close()
    throw refusal
  }
}

function lockRefusal(error: unknown, dir: string, path: string, db: Database.Database | undefined): unknown {
  if (!(error instanceof Database.SqliteError)) return error
  if (error.code.startsWith('SQLITE_BUSY')) {
    const pid = db && holderOf(db)
    return new Refusal(
      'in-use',
      `the data directory ${dir} is in use by another Reveille${pid ? ` (process ${pid})` : ' that is starting'}`,
      { next: 'stop that process first, or set dataDir (REVEILLE_DATA_DIR) to another directory' },
    )
  }
  return new Refusal('not-available', `the lock file ${path} cannot be used: ${error.message}`, {
    next: `make sure that no Reveille runs on ${dir}, then delete ${path} (it holds nothing else)`,
  })
}

function holderOf(db: Database.Database): number | undefined {
  try {
    if (db.inTransaction) db.exec('rollback')
    db.pragma('busy_timeout = 500')
    return (db.prepare('select pid from holder').get() as { pid: number } | undefined)?.pid
  } catch {
    return undefined
  }
}

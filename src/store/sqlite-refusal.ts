import Database from 'better-sqlite3'
import { Refusal } from '../kit/errors.ts'

/** The refusal for what an operator can mend; any other error as it is. */
export function sqliteRefusal(error: unknown, path: string): unknown {
  if (!(error instanceof Database.SqliteError)) return error
  if (error.code === 'SQLITE_FULL')
    return new Refusal('no-space', `the disk that holds ${path} is full: nothing was changed`, {
      next: 'free some space; Reveille goes on by itself',
    })
  if (error.code === 'SQLITE_NOTADB' || error.code.startsWith('SQLITE_CORRUPT'))
    return new Refusal('not-available', `the database ${path} is damaged (${error.message})`, {
      next: `keep a copy of ${path} with its -wal and -shm files, then restore a backup; "sqlite3 ${path} .recover" may save rows`,
    })
  if (error.code.startsWith('SQLITE_IOERR') || error.code === 'SQLITE_READONLY' || error.code === 'SQLITE_CANTOPEN')
    return new Refusal('not-available', `the database ${path} cannot be read or written (${error.message})`, {
      next: 'check the disk (dmesg), that it is mounted writable, and that the files belong to the user that runs reveille',
    })
  return error
}

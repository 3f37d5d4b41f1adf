import { parentPort, workerData } from 'node:worker_threads'
import Database from 'better-sqlite3'
import { sqliteRefusal } from './sqlite-refusal.ts'

/** What became of it; without `ok` why not. */
export type CopyReport = Readonly<{ ok: boolean; message?: string; code?: string; next?: string }>

/** Copies a database as it is at one moment (VACUUM INTO), in a thread of its own: it takes as long as the database is large. */
const { from, to } = workerData as { from: string; to: string }

try {
  const db = new Database(from, { timeout: 10_000, fileMustExist: true })
  try {
    db.prepare('vacuum into ?').run(to)
  } finally {
    db.close()
  }
  parentPort!.postMessage({ ok: true } satisfies CopyReport)
} catch (error) {
  const told = sqliteRefusal(error, from) as Error & { code?: string; next?: string }
  parentPort!.postMessage({ ok: false, message: told.message, code: told.code, next: told.next })
}

import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Refusal } from '../kit/errors.ts'
import type { Log } from '../kit/log.ts'
import type { Secret } from '../kit/secret.ts'
import type { LeaseRepository } from '../networks/lease.ts'
import { type Copies, copyDatabases, makeCopies } from './copy.ts'
import { postgresToFile } from './copy-rows.ts'
import { DATABASE_FILE, LEASE_FILE } from './directory.ts'
import type { Engine } from './engine.ts'
import { leaseTable } from './lease-table.ts'
import { leaseRepository, moveLeases } from './leases.ts'
import { migrate } from './migrations.ts'
import { openPostgres } from './postgres.ts'
import { openSqlite } from './sqlite.ts'
import { sqliteRefusal } from './sqlite-refusal.ts'
import { takeIn } from './take-in.ts'

/** Which database: that of a URL (PostgreSQL), or without one a SQLite file in the data directory. */
export type Where = Readonly<{
  database?: Secret | undefined
  log: Log
  /** PostgreSQL belongs to another process now: this one must stop. */
  taken?: ((refusal: Refusal) => void) | undefined
}>

/** What the repositories stand on: a database with the newest tables. */
export type Ground = Readonly<{
  engine: Engine
  leases: LeaseRepository
  close(): Promise<void>
}>

/** Opens the database that belongs to a data directory, which must be locked. */
export function openGround(dir: string, where: Where): Promise<Ground> {
  return where.database ? openOnPostgres(dir, where.database, where) : openOnFiles(dir, where.log)
}

async function openOnFiles(dir: string, log: Log): Promise<Ground> {
  const path = join(dir, DATABASE_FILE)
  const engine = openSqlite(path)
  try {
    await migrate(engine.db, log)
    await moveLeases(engine.db, join(dir, LEASE_FILE))
    const leases = leaseRepository(join(dir, LEASE_FILE))
    return { engine, leases, close: () => leases.close().finally(() => engine.close()) }
  } catch (error) {
    await engine.close()
    throw sqliteRefusal(error, path)
  }
}

async function openOnPostgres(dir: string, url: Secret, { log, taken }: Where): Promise<Ground> {
  const engine = await openPostgres({ url, writes: true, taken }, log)
  try {
    await migrate(engine.db, log)
    await takeIn(dir, engine, log)
    return { engine, leases: leaseTable(engine.db), close: () => engine.close() }
  } catch (error) {
    await engine.close()
    throw error
  }
}

/**
 * Copies of the databases, as they are at one moment, as SQLite files: a backup is the same whichever engine it was made from. Of PostgreSQL
 * they are taken over a connection of their own, so that the server goes on meanwhile.
 */
export async function copiesOf(dir: string, { database, log }: Where): Promise<Copies> {
  if (!database) return copyDatabases(dir)
  return makeCopies(dir, (folder) => copyPostgres(database, folder, log))
}

/** Writes `reveille.db` and `leases.db` to a folder. */
export async function copyPostgres(url: Secret, folder: string, log: Log): Promise<Readonly<Record<string, string>>> {
  const postgres = await openPostgres({ url, writes: false }, log)
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const files = { [DATABASE_FILE]: join(folder, DATABASE_FILE), [LEASE_FILE]: join(folder, LEASE_FILE) }
    await rm(files[DATABASE_FILE]!, { force: true })
    const file = openSqlite(files[DATABASE_FILE]!)
    try {
      await migrate(file.db, log)
      await postgresToFile(postgres, file, files[LEASE_FILE]!)
    } finally {
      await file.close()
    }
    return files
  } finally {
    await postgres.close()
  }
}

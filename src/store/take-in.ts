import { randomUUID } from 'node:crypto'
import { existsSync, statSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { sql } from 'kysely'
import { Refusal } from '../kit/errors.ts'
import type { Log } from '../kit/log.ts'
import { fileToPostgres } from './copy-rows.ts'
import { DATABASE_FILE, LEASE_FILE } from './directory.ts'
import type { Engine } from './engine.ts'
import { migrate } from './migrations.ts'
import { openSqlite } from './sqlite.ts'

/** Beside a SQLite file: what it holds shall replace what PostgreSQL holds. A restore writes it. */
export const REPLACES_FILE = 'replaces-database'

/** Whether a data directory has a SQLite file with something in it. */
export function hasFile(dir: string): boolean {
  const path = join(dir, DATABASE_FILE)
  return existsSync(path) && statSync(path).size > 0
}

/**
 * A SQLite file in the data directory, from the time before PostgreSQL or from a backup, becomes what PostgreSQL holds, once, and then goes into a
 * folder of its own. A killed process leaves it done or to be done again. Refuses (`conflict`) to replace what PostgreSQL holds already,
 * unless a restore says so.
 */
export async function takeIn(dir: string, postgres: Engine, log: Log): Promise<void> {
  if (!hasFile(dir)) return
  const file = openSqlite(join(dir, DATABASE_FILE))
  try {
    await migrate(file.db, log)
    const id = await nameOf(file)
    await sql`create table if not exists taken_in (id text primary key)`.execute(postgres.db)
    const { rows } = await sql`select id from taken_in where id = ${id}`.execute(postgres.db)
    const replaces = existsSync(join(dir, REPLACES_FILE))
    // A restore counts whatever was taken in before; doing it again after a kill changes nothing, for no server has worked in between.
    if (rows.length === 0 || replaces) {
      if (!replaces && !(await isEmpty(postgres)))
        throw new Refusal('conflict', `${join(dir, DATABASE_FILE)} holds a site, and PostgreSQL holds another one`, {
          next: `to go on with PostgreSQL's, move ${DATABASE_FILE} and ${LEASE_FILE} away; to go on with that of the files, name an empty database`,
        })
      log.info({}, 'moving what the data directory holds to PostgreSQL')
      await fileToPostgres(file, join(dir, LEASE_FILE), postgres, (db) =>
        sql`insert into taken_in (id) values (${id}) on conflict do nothing`.execute(db),
      )
      log.info({}, 'PostgreSQL has everything now')
    } else
      log.warn({}, 'the files in the data directory were moved to PostgreSQL before: they are set aside as they are')
  } finally {
    await file.close()
  }
  await setAside(dir)
}

/** A random name that the file keeps, so that it is known again by a process that was killed before it could set it aside. */
async function nameOf(file: Engine): Promise<string> {
  await sql`create table if not exists taken_in (id text primary key)`.execute(file.db)
  const { rows } = await sql<{ id: string }>`select id from taken_in`.execute(file.db)
  if (rows[0]) return rows[0].id
  const id = randomUUID()
  await sql`insert into taken_in (id) values (${id})`.execute(file.db)
  return id
}

/** Nobody has ever used it: a server makes its first user before anything else. */
export async function isEmpty({ db }: Engine): Promise<boolean> {
  return (await db.selectFrom('users').select('name').limit(1).executeTakeFirst()) === undefined
}

async function setAside(dir: string): Promise<void> {
  const folder = join(dir, `before-postgresql-${new Date().toISOString().replaceAll(/[:.]/g, '-')}`)
  await mkdir(folder, { mode: 0o700 })
  for (const name of [LEASE_FILE, DATABASE_FILE]) {
    for (const suffix of ['-wal', '-shm']) await rm(join(dir, name + suffix), { force: true })
    if (existsSync(join(dir, name))) await rename(join(dir, name), join(folder, name))
  }
  await rm(join(dir, REPLACES_FILE), { force: true })
}

import { Kysely, PostgresDialect, sql } from 'kysely'
import type { Log } from '../kit/log.ts'
import type { Engine } from './engine.ts'
import { PostgresConnection, type PostgresUse } from './postgres-connection.ts'
import { PostgresColumns } from './postgres-schema.ts'
import type { Tables } from './tables.ts'

/** A PostgreSQL database, which belongs to this process alone while it writes. Refuses (`Refusal`) one that another Reveille has. */
export async function openPostgres(use: PostgresUse, log: Log): Promise<Engine> {
  const connection = new PostgresConnection(use)
  const db = new Kysely<Tables>({
    dialect: new PostgresDialect({ pool: connection }),
    plugins: [new PostgresColumns()],
  })
  try {
    const { rows } = await sql<{ fsync: string }>`select current_setting('fsync') as fsync`.execute(db)
    if (use.writes && rows[0]?.fsync === 'off')
      log.warn(
        { database: connection.place },
        'the database has fsync switched off: a power cut may lose or damage everything',
      )
  } catch (error) {
    await db.destroy()
    throw error
  }
  const relaxed: Engine['relaxed'] = (work) =>
    db.connection().execute(async (session) => {
      const before = await sql<{ now: string }>`select current_setting('synchronous_commit') as now`.execute(session)
      await sql`set synchronous_commit = off`.execute(session)
      try {
        return await work(session)
      } finally {
        await sql`select set_config('synchronous_commit', ${before.rows[0]!.now}, false)`.execute(session)
      }
    })
  return { db, relaxed, close: () => db.destroy() }
}

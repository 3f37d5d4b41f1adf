import { type Kysely, sql, type Transaction } from 'kysely'
import type { Engine } from './engine.ts'
import { leaseOfRow, rowOfLease } from './lease-table.ts'
import { leaseRepository } from './leases.ts'
import type { Tables } from './tables.ts'

/** All tables but that of the leases, each behind those that it refers to. */
export const COPIED_TABLES = [
  ...(['machines', 'profiles', 'images', 'image_versions', 'traces', 'users', 'tokens', 'sessions', 'audit'] as const),
  ...(['deployments', 'deployment_log', 'agent_boots', 'inventories', 'disk_contents'] as const),
  ...(['volumes', 'attachments', 'maintenances', 'rollouts', 'batches', 'guest_access'] as const),
  ...(['power_drivers', 'bmcs', 'bmc_rules', 'bmc_events'] as const),
  ...(['configs', 'config_versions', 'config_values', 'config_taken', 'manifests'] as const),
] satisfies readonly (keyof Tables)[]

const ROWS_AT_ONCE = 200

/** What a SQLite file and its leases hold takes the place of all that a PostgreSQL database held, in one commit, together with `alongside`. */
export async function fileToPostgres(
  file: Engine,
  leases: string,
  postgres: Engine,
  alongside: (db: Kysely<Tables>) => Promise<unknown>,
): Promise<void> {
  await postgres.db.transaction().execute(async (transaction) => {
    for (const table of COPIED_TABLES.toReversed()) await transaction.deleteFrom(table).execute()
    await transaction.deleteFrom('leases').execute()
    for (const table of COPIED_TABLES) {
      const rows: Record<string, unknown>[] = []
      for await (const row of file.db.selectFrom(table).selectAll().stream()) {
        if (rows.push(row) === ROWS_AT_ONCE) await insert(transaction, table, rows.splice(0))
      }
      await insert(transaction, table, rows)
    }
    const known = (await leaseRepository(leases).all()).map(rowOfLease)
    while (known.length > 0) await insert(transaction, 'leases', known.splice(0, ROWS_AT_ONCE))
    await alongside(transaction)
  })
}

/** Writes what a PostgreSQL database holds at one moment to a new SQLite file and to one for the leases. */
export async function postgresToFile(postgres: Engine, file: Engine, leases: string): Promise<void> {
  await postgres.db
    .transaction()
    .setIsolationLevel('repeatable read')
    .setAccessMode('read only')
    .execute(async (source) => {
      await file.db.transaction().execute(async (target) => {
        for (const table of COPIED_TABLES)
          for await (const rows of pages(source, table)) await insert(target, table, rows)
      })
      const kept = leaseRepository(leases)
      try {
        // The file is there even without leases.
        await kept.all()
        for await (const rows of pages(source, 'leases'))
          await kept.saveAll(rows.map((row) => leaseOfRow(row as Tables['leases'])))
      } finally {
        await kept.close()
      }
    })
}

/** Rows by a cursor, a few at a time: traces alone may be gigabytes. */
async function* pages(source: Transaction<Tables>, table: keyof Tables): AsyncGenerator<Record<string, unknown>[]> {
  await sql`declare pages no scroll cursor for select * from ${sql.table(table)}`.execute(source)
  for (;;) {
    const { rows } = await sql<Record<string, unknown>>`fetch ${sql.lit(ROWS_AT_ONCE)} from pages`.execute(source)
    if (rows.length === 0) break
    yield rows
  }
  await sql`close pages`.execute(source)
}

async function insert(db: Kysely<Tables>, table: keyof Tables, rows: readonly Record<string, unknown>[]) {
  if (rows.length > 0)
    await db
      .insertInto(table)
      .values(rows as never)
      .execute()
}

import type { Kysely } from 'kysely'

/** What manifests of a name have had, for pruning. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('manifests')
    .addColumn('name', 'text', (c) => c.primaryKey())
    .addColumn('things_json', 'text', (c) => c.notNull())
    .execute()
}

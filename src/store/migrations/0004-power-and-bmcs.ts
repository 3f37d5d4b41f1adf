import type { Kysely } from 'kysely'

/** Power drivers of machines; the BMCs that are answered for machines, rules that make them, and their logs. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('power_drivers')
    .addColumn('machine', 'text', (c) => c.notNull())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('position', 'integer', (c) => c.notNull())
    .addColumn('content_json', 'text', (c) => c.notNull())
    .addColumn('sealed', 'text')
    .addPrimaryKeyConstraint('power_drivers_pk', ['machine', 'name'])
    .execute()
  await db.schema
    .createTable('bmcs')
    .addColumn('machine', 'text', (c) => c.primaryKey())
    .addColumn('port', 'integer', (c) => c.notNull())
    .addColumn('content_json', 'text', (c) => c.notNull())
    .execute()
  await db.schema
    .createTable('bmc_rules')
    .addColumn('name', 'text', (c) => c.primaryKey())
    .addColumn('content_json', 'text', (c) => c.notNull())
    .execute()
  await db.schema
    .createTable('bmc_events')
    .addColumn('machine', 'text', (c) => c.notNull())
    .addColumn('id', 'integer', (c) => c.notNull())
    .addColumn('at', 'bigint', (c) => c.notNull())
    .addColumn('content_json', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('bmc_events_pk', ['machine', 'id'])
    .execute()
}

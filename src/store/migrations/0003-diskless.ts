import type { Kysely } from 'kysely'

/** Volumes and what they are attached to; masters being edited; actions on many machines; access to running systems. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('volumes')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('name', 'text', (c) => c.notNull().unique())
    .addColumn('content_json', 'text', (c) => c.notNull())
    .execute()
  await db.schema
    .createTable('attachments')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('iqn', 'text', (c) => c.notNull().unique())
    .addColumn('content_json', 'text', (c) => c.notNull())
    .execute()
  for (const table of ['maintenances', 'rollouts'])
    await db.schema
      .createTable(table)
      .addColumn('id', 'text', (c) => c.primaryKey())
      .addColumn('content_json', 'text', (c) => c.notNull())
      .execute()
  await db.schema
    .createTable('batches')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('started_at', 'bigint', (c) => c.notNull())
    .addColumn('content_json', 'text', (c) => c.notNull())
    .execute()
  await db.schema
    .createTable('guest_access')
    .addColumn('machine', 'text', (c) => c.primaryKey())
    .addColumn('user_name', 'text', (c) => c.notNull())
    .addColumn('port', 'integer', (c) => c.notNull())
    .addColumn('host_key', 'text')
    .addColumn('sealed', 'text', (c) => c.notNull())
    .execute()
}

import type { Kysely } from 'kysely'

/** Configs with their versions, values of their variables, and which secret parts were given to which boot. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('configs')
    .addColumn('name', 'text', (c) => c.primaryKey())
    .addColumn('content_json', 'text', (c) => c.notNull())
    .execute()
  await db.schema
    .createTable('config_versions')
    .addColumn('config', 'text', (c) => c.notNull())
    .addColumn('number', 'integer', (c) => c.notNull())
    .addColumn('content_json', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('config_versions_pk', ['config', 'number'])
    .execute()
  await db.schema
    .createTable('config_values')
    .addColumn('scope', 'text', (c) => c.notNull())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('value_json', 'text')
    .addColumn('sealed', 'text')
    .addColumn('updated_at', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('config_values_pk', ['scope', 'name'])
    .execute()
  await db.schema
    .createTable('config_taken')
    .addColumn('boot', 'text', (c) => c.notNull())
    .addColumn('part', 'text', (c) => c.notNull())
    .addColumn('at', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('config_taken_pk', ['boot', 'part'])
    .execute()
}

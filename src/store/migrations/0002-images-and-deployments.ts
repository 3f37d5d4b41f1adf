import type { Kysely } from 'kysely'

/** Disk images with owners; deployments and what the management OS found. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable('images')
    .addColumn('owner', 'text', (c) => c.notNull().defaultTo('admin'))
    .execute()
  await db.schema
    .alterTable('images')
    .addColumn('visibility', 'text', (c) => c.notNull().defaultTo('public'))
    .execute()
  await db.schema
    .alterTable('images')
    .addColumn('shared_with_json', 'text', (c) => c.notNull().defaultTo('[]'))
    .execute()
  await db.schema
    .alterTable('images')
    .addColumn('labels_json', 'text', (c) => c.notNull().defaultTo('{}'))
    .execute()
  await db.schema.alterTable('images').addColumn('prune_json', 'text').execute()
  await db.schema.alterTable('image_versions').addColumn('disk_json', 'text').execute()
  await db.schema
    .alterTable('image_versions')
    .addColumn('pinned', 'integer', (c) => c.notNull().defaultTo(0))
    .execute()
  await db.schema
    .alterTable('image_versions')
    .addColumn('source', 'text', (c) => c.notNull().defaultTo('upload'))
    .execute()

  await db.schema
    .createTable('deployments')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('sequence', 'bigint', (c) => c.notNull().unique())
    .addColumn('machine', 'text', (c) => c.notNull())
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('settled', 'integer', (c) => c.notNull())
    .addColumn('profile', 'text')
    .addColumn('ordered_by', 'text', (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('content_json', 'text', (c) => c.notNull())
    .execute()
  await db.schema.createIndex('deployments_of_a_machine').on('deployments').columns(['machine', 'sequence']).execute()
  await db.schema.createIndex('deployments_unsettled').on('deployments').column('settled').execute()
  await db.schema
    .createTable('deployment_log')
    .addColumn('deployment', 'text', (c) => c.notNull().references('deployments.id').onDelete('cascade'))
    .addColumn('n', 'integer', (c) => c.notNull())
    .addColumn('at', 'bigint', (c) => c.notNull())
    .addColumn('level', 'text', (c) => c.notNull())
    .addColumn('text', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('deployment_log_key', ['deployment', 'n'])
    .execute()
  await db.schema
    .createTable('agent_boots')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('machine', 'text', (c) => c.notNull())
    .addColumn('deployment', 'text', (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('expires_at', 'bigint', (c) => c.notNull())
    .addColumn('nonce', 'text')
    .addColumn('server_nonce', 'text')
    .execute()
  await db.schema
    .createTable('inventories')
    .addColumn('machine', 'text', (c) => c.primaryKey())
    .addColumn('taken_at', 'bigint', (c) => c.notNull())
    .addColumn('content_json', 'text', (c) => c.notNull())
    .execute()
  await db.schema
    .createTable('disk_contents')
    .addColumn('machine', 'text', (c) => c.notNull())
    .addColumn('serial', 'text', (c) => c.notNull())
    .addColumn('partition', 'integer', (c) => c.notNull())
    .addColumn('chunks', 'text')
    .addColumn('half_written_by', 'text')
    .addColumn('write_back_json', 'text')
    .addColumn('at', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('disk_contents_key', ['machine', 'serial', 'partition'])
    .execute()
}

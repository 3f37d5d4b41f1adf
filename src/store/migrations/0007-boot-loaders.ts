import type { Kysely } from 'kysely'

/** Which boot loader a machine gets; `auto` is what all had before there was a choice. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable('machines')
    .addColumn('boot_loader', 'text', (c) => c.notNull().defaultTo('auto'))
    .execute()
}

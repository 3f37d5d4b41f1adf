import { type Kysely, sql } from 'kysely'
import { type Migration, Migrator } from 'kysely/migration'
import { Refusal } from '../kit/errors.ts'
import type { Log } from '../kit/log.ts'
import * as firstLight from './migrations/0001-first-light.ts'
import * as imagesAndDeployments from './migrations/0002-images-and-deployments.ts'
import * as diskless from './migrations/0003-diskless.ts'
import * as powerAndBmcs from './migrations/0004-power-and-bmcs.ts'
import * as configs from './migrations/0005-configs.ts'
import * as manifests from './migrations/0006-manifests.ts'
import * as bootLoaders from './migrations/0007-boot-loaders.ts'
import type { Tables } from './tables.ts'

/** In order. A migration that was released is never changed; a new one is added below it. */
export const MIGRATIONS: Readonly<Record<string, Migration>> = {
  '0001-first-light': firstLight,
  '0002-images-and-deployments': imagesAndDeployments,
  '0003-diskless': diskless,
  '0004-power-and-bmcs': powerAndBmcs,
  '0005-configs': configs,
  '0006-manifests': manifests,
  '0007-boot-loaders': bootLoaders,
}

/** Kysely's own table of the migrations that were applied. */
const APPLIED = 'kysely_migration'

/** Brings the tables up to date. A database that a newer Reveille has migrated is refused untouched. */
export async function migrate(db: Kysely<Tables>, log: Log): Promise<void> {
  const newer = (await applied(db)).filter((name) => !(name in MIGRATIONS))
  if (newer.length > 0)
    throw new Refusal('wrong-state', `the database was changed by a newer Reveille (${newer.join(', ')})`, {
      next: 'start that version or a later one, or restore a backup made by this version',
    })
  const migrator = new Migrator({ db, provider: { getMigrations: async () => ({ ...MIGRATIONS }) } })
  const { error, results } = await migrator.migrateToLatest()
  for (const result of results ?? [])
    if (result.status === 'Success')
      log.info({ migration: result.migrationName }, 'the database was brought up to date')
  if (error) throw error
}

async function applied(db: Kysely<Tables>): Promise<string[]> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true })
  if (!tables.some((table) => table.name === APPLIED)) return []
  const { rows } = await sql<{ name: string }>`select name from ${sql.table(APPLIED)} order by name`.execute(db)
  return rows.map((row) => row.name)
}

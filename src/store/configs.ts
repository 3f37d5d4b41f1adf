import type { Kysely } from 'kysely'
import type { Config, ConfigRepository, ConfigVersion, Value, ValueScope } from '../configs/config.ts'
import { Bulk } from './bulk.ts'
import type { ConfigValueRow, Tables } from './tables.ts'

export function configRepository(db: Kysely<Tables>): ConfigRepository {
  const upsert = new Bulk<ConfigValueRow>((rows) =>
    db
      .insertInto('config_values')
      .values(rows)
      .onConflict((conflict) =>
        conflict.columns(['scope', 'name']).doUpdateSet((values) => ({
          value_json: values.ref('excluded.value_json'),
          sealed: values.ref('excluded.sealed'),
          updated_at: values.ref('excluded.updated_at'),
        })),
      ),
  )
  return {
    async configs() {
      const rows = await db.selectFrom('configs').selectAll().orderBy('name').execute()
      const versions = await db.selectFrom('config_versions').selectAll().orderBy('number').execute()
      const byConfig = new Map<string, ConfigVersion[]>()
      for (const { config, content_json } of versions)
        byConfig.set(config, [...(byConfig.get(config) ?? []), JSON.parse(content_json) as ConfigVersion])
      return rows.map(({ name, content_json }) => ({
        ...(JSON.parse(content_json) as Omit<Config, 'versions' | 'name'>),
        name,
        versions: byConfig.get(name) ?? [],
      }))
    },
    async saveConfig({ name, versions, ...content }) {
      const content_json = JSON.stringify(content)
      await db.transaction().execute(async (transaction) => {
        await transaction
          .insertInto('configs')
          .values({ name, content_json })
          .onConflict((conflict) => conflict.column('name').doUpdateSet({ content_json }))
          .execute()
        // Versions never change: what is there stays.
        for (const version of versions)
          await transaction
            .insertInto('config_versions')
            .values({ config: name, number: version.number, content_json: JSON.stringify(version) })
            .onConflict((conflict) => conflict.columns(['config', 'number']).doNothing())
            .execute()
      })
    },
    async removeConfig(name) {
      await db.transaction().execute(async (transaction) => {
        await transaction.deleteFrom('config_versions').where('config', '=', name).execute()
        await transaction.deleteFrom('configs').where('name', '=', name).execute()
      })
    },
    async values() {
      return (await db.selectFrom('config_values').selectAll().execute()).map(toValue)
    },
    async saveValues(values) {
      if (values.length === 0) return
      await db.transaction().execute((transaction) => upsert.write(transaction, values.map(toRow)))
    },
    async removeValue(scope, name) {
      await db.deleteFrom('config_values').where('scope', '=', scope).where('name', '=', name).execute()
    },
    async takeOnce(boot, part, at) {
      const { numInsertedOrUpdatedRows } = await db
        .insertInto('config_taken')
        .values({ boot, part, at })
        .onConflict((conflict) => conflict.columns(['boot', 'part']).doNothing())
        .executeTakeFirst()
      return (numInsertedOrUpdatedRows ?? 0n) > 0n
    },
    async giveBack(boot, part) {
      await db.deleteFrom('config_taken').where('boot', '=', boot).where('part', '=', part).execute()
    },
    async forgetTaken(before) {
      await db.deleteFrom('config_taken').where('at', '<', before).execute()
    },
  }
}

function toRow({ scope, name, value, sealed, updatedAt }: Value): ConfigValueRow {
  return { scope, name, value_json: sealed === null ? JSON.stringify(value) : null, sealed, updated_at: updatedAt }
}

function toValue({ scope, name, value_json, sealed, updated_at }: ConfigValueRow): Value {
  const value: unknown = value_json === null ? null : JSON.parse(value_json)
  return { scope: scope as ValueScope, name, value, sealed, updatedAt: updated_at }
}

import type { Kysely } from 'kysely'
import type { ConfiguredDriver, PowerRepository } from '../power/configured.ts'
import { DriverSettings } from '../power/settings.ts'
import type { PowerDriverRow, Tables } from './tables.ts'

export function powerRepository(db: Kysely<Tables>): PowerRepository {
  return {
    async all() {
      const rows = await db.selectFrom('power_drivers').selectAll().orderBy('machine').orderBy('position').execute()
      return rows.map(fromRow)
    },
    async save(drivers) {
      if (drivers.length === 0) return
      await db.transaction().execute(async (transaction) => {
        for (const driver of drivers) {
          const { machine: _, name: __, ...changed } = toRow(driver)
          await transaction
            .insertInto('power_drivers')
            .values(toRow(driver))
            .onConflict((conflict) => conflict.columns(['machine', 'name']).doUpdateSet(changed))
            .execute()
        }
      })
    },
    async remove(machine, name) {
      await db.deleteFrom('power_drivers').where('machine', '=', machine).where('name', '=', name).execute()
    },
    async forget(machine) {
      await db.deleteFrom('power_drivers').where('machine', '=', machine).execute()
    },
  }
}

function toRow({ machine, name, position, sealed, ...content }: ConfiguredDriver): PowerDriverRow {
  return { machine, name, position, sealed, content_json: JSON.stringify(content) }
}

function fromRow({ machine, name, position, sealed, content_json }: PowerDriverRow): ConfiguredDriver {
  const { settings, ...content } = JSON.parse(content_json) as Omit<ConfiguredDriver, 'machine' | 'name' | 'position'>
  // Settings that came with a later version get their defaults.
  return { machine, name, position, ...content, settings: DriverSettings.parse(settings), sealed }
}

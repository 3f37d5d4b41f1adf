import type { Kysely } from 'kysely'
import type { Bmc, BmcEvent, BmcRule, GatewayRepository } from '../gateway/bmc.ts'
import type { Tables } from './tables.ts'

export function gatewayRepository(db: Kysely<Tables>): GatewayRepository {
  return {
    async bmcs() {
      const rows = await db.selectFrom('bmcs').select('content_json').orderBy('machine').execute()
      return rows.map((row) => JSON.parse(row.content_json) as Bmc)
    },
    async saveBmc(bmc) {
      const changed = { port: bmc.port, content_json: JSON.stringify(bmc) }
      await db
        .insertInto('bmcs')
        .values({ machine: bmc.machine, ...changed })
        .onConflict((conflict) => conflict.column('machine').doUpdateSet(changed))
        .execute()
    },
    async removeBmc(machine) {
      await db.transaction().execute(async (change) => {
        await change.deleteFrom('bmcs').where('machine', '=', machine).execute()
        await change.deleteFrom('bmc_events').where('machine', '=', machine).execute()
      })
    },
    async rules() {
      const rows = await db.selectFrom('bmc_rules').select('content_json').orderBy('name').execute()
      return rows.map((row) => JSON.parse(row.content_json) as BmcRule)
    },
    async saveRule(rule) {
      const changed = { content_json: JSON.stringify(rule) }
      await db
        .insertInto('bmc_rules')
        .values({ name: rule.name, ...changed })
        .onConflict((conflict) => conflict.column('name').doUpdateSet(changed))
        .execute()
    },
    async removeRule(name) {
      await db.deleteFrom('bmc_rules').where('name', '=', name).execute()
    },
    async events(machine) {
      const rows = await db
        .selectFrom('bmc_events')
        .select('content_json')
        .where('machine', '=', machine)
        .orderBy('id')
        .execute()
      return rows.map((row) => JSON.parse(row.content_json) as BmcEvent)
    },
    async lastEventIds() {
      const rows = await db
        .selectFrom('bmc_events')
        .select(['machine', ({ fn }) => fn.max('id').as('last')])
        .groupBy('machine')
        .execute()
      return new Map(rows.map(({ machine, last }) => [machine, Number(last)]))
    },
    async addEvent(event, keepFrom) {
      const { machine, id, at } = event
      await db.transaction().execute(async (change) => {
        await change.deleteFrom('bmc_events').where('machine', '=', machine).where('id', '<', keepFrom).execute()
        await change
          .insertInto('bmc_events')
          .values({ machine, id, at, content_json: JSON.stringify(event) })
          .execute()
      })
    },
    async clearEvents(machine) {
      await db.deleteFrom('bmc_events').where('machine', '=', machine).execute()
    },
  }
}

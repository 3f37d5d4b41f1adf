import type { Kysely } from 'kysely'
import type { Batch, BatchRepository } from '../rooms/batch.ts'
import type { Tables } from './tables.ts'

export function batchRepository(db: Kysely<Tables>): BatchRepository {
  return {
    async all() {
      const rows = await db.selectFrom('batches').select('content_json').orderBy('started_at').orderBy('id').execute()
      return rows.map((row) => JSON.parse(row.content_json) as Batch)
    },
    async save(batch) {
      const changed = { content_json: JSON.stringify(batch) }
      await db
        .insertInto('batches')
        .values({ id: batch.id, started_at: batch.startedAt, ...changed })
        .onConflict((conflict) => conflict.column('id').doUpdateSet(changed))
        .execute()
    },
    async remove(ids) {
      if (ids.length > 0)
        await db
          .deleteFrom('batches')
          .where('id', 'in', [...ids])
          .execute()
    },
  }
}

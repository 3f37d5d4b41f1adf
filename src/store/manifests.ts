import type { Kysely } from 'kysely'
import type { ManifestRepository } from '../manifest/belongings.ts'
import type { Tables } from './tables.ts'

export function manifestRepository(db: Kysely<Tables>): ManifestRepository {
  return {
    async all() {
      const rows = await db.selectFrom('manifests').selectAll().execute()
      return new Map(rows.map(({ name, things_json }) => [name, new Set(JSON.parse(things_json) as string[])]))
    },
    async save(name, things) {
      const things_json = JSON.stringify([...things])
      await db
        .insertInto('manifests')
        .values({ name, things_json })
        .onConflict((conflict) => conflict.column('name').doUpdateSet({ things_json }))
        .execute()
    },
  }
}

import type { Kysely } from 'kysely'
import { type Profile, ProfileSpec } from '../profiles/profile.ts'
import type { ProfileRepository } from '../profiles/repository.ts'
import type { ProfileRow, Tables } from './tables.ts'

export function profileRepository(db: Kysely<Tables>): ProfileRepository {
  return {
    async all() {
      return (await db.selectFrom('profiles').selectAll().orderBy('name').execute()).map(fromRow)
    },
    async save(profile) {
      const { name: _, ...changed } = toRow(profile)
      await db
        .insertInto('profiles')
        .values(toRow(profile))
        .onConflict((conflict) => conflict.column('name').doUpdateSet(changed))
        .execute()
    },
    async remove(name) {
      await db.deleteFrom('profiles').where('name', '=', name).execute()
    },
  }
}

function toRow(profile: Profile): ProfileRow {
  const { createdAt, updatedAt, ...spec } = profile
  return {
    name: spec.name,
    kind: spec.kind,
    spec_json: JSON.stringify(spec),
    created_at: createdAt,
    updated_at: updatedAt,
  }
}

function fromRow(row: ProfileRow): Profile {
  // What came with a later version gets its default.
  return { ...ProfileSpec.parse(JSON.parse(row.spec_json)), createdAt: row.created_at, updatedAt: row.updated_at }
}

import type { Kysely } from 'kysely'
import type { GuestRepository, SealedAccess } from '../guests/guest.ts'
import type { GuestAccessRow, Tables } from './tables.ts'

export function guestRepository(db: Kysely<Tables>): GuestRepository {
  return {
    async all() {
      return (await db.selectFrom('guest_access').selectAll().execute()).map(fromRow)
    },
    async save(access) {
      const { machine: _, ...changed } = toRow(access)
      await db
        .insertInto('guest_access')
        .values(toRow(access))
        .onConflict((conflict) => conflict.column('machine').doUpdateSet(changed))
        .execute()
    },
    async remove(machine) {
      await db.deleteFrom('guest_access').where('machine', '=', machine).execute()
    },
  }
}

function toRow({ machine, user, port, hostKey, sealed }: SealedAccess): GuestAccessRow {
  return { machine, user_name: user, port, host_key: hostKey, sealed }
}

function fromRow({ machine, user_name, port, host_key, sealed }: GuestAccessRow): SealedAccess {
  return { machine, user: user_name, port, hostKey: host_key, sealed }
}

import type { Kysely } from 'kysely'
import { ipv4 } from '../kit/ip.ts'
import type { Mac } from '../kit/mac.ts'
import type { Lease, LeaseRepository, LeaseState } from '../networks/lease.ts'
import { Bulk } from './bulk.ts'
import type { LeaseRow, Tables } from './tables.ts'

/** Parameters of one DELETE: below SQLite's limit and enough to make its cost small. */
const MOST_REMOVED_AT_ONCE = 500

export function leaseRepository(db: Kysely<Tables>): LeaseRepository {
  const upsert = new Bulk<LeaseRow>((rows) =>
    db
      .insertInto('leases')
      .values(rows)
      .onConflict((conflict) =>
        conflict.column('ip').doUpdateSet((values) => ({
          network: values.ref('excluded.network'),
          client: values.ref('excluded.client'),
          mac: values.ref('excluded.mac'),
          hostname: values.ref('excluded.hostname'),
          state: values.ref('excluded.state'),
          started_at: values.ref('excluded.started_at'),
          expires_at: values.ref('excluded.expires_at'),
        })),
      ),
  )
  return {
    async all() {
      return (await db.selectFrom('leases').selectAll().orderBy('ip').execute()).map(fromRow)
    },
    async saveAll(leases) {
      if (leases.length === 0) return
      await db.transaction().execute((transaction) => upsert.write(transaction, leases.map(toRow)))
    },
    async removeAll(ips) {
      if (ips.length === 0) return
      await db.transaction().execute(async (transaction) => {
        for (let at = 0; at < ips.length; at += MOST_REMOVED_AT_ONCE)
          await transaction
            .deleteFrom('leases')
            .where('ip', 'in', ips.slice(at, at + MOST_REMOVED_AT_ONCE))
            .execute()
      })
    },
  }
}

function toRow(lease: Lease): LeaseRow {
  return {
    ip: lease.ip,
    network: lease.network,
    client: lease.client,
    mac: lease.mac,
    hostname: lease.hostname,
    state: lease.state,
    started_at: lease.startedAt,
    expires_at: lease.expiresAt,
  }
}

function fromRow(row: LeaseRow): Lease {
  return {
    ip: ipv4(row.ip),
    network: row.network,
    client: row.client,
    mac: row.mac as Mac,
    hostname: row.hostname,
    state: row.state as LeaseState,
    startedAt: row.started_at,
    expiresAt: row.expires_at,
  }
}

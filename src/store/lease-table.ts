import type { Kysely } from 'kysely'
import { ipv4 } from '../kit/ip.ts'
import type { Mac } from '../kit/mac.ts'
import type { Lease, LeaseRepository, LeaseState } from '../networks/lease.ts'
import { Bulk } from './bulk.ts'
import type { LeaseRow, Tables } from './tables.ts'

/** Leases in a table beside all others: a database server writes from several connections at once, so they need no file and no thread of their own. */
export function leaseTable(db: Kysely<Tables>): LeaseRepository {
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
      return (await db.selectFrom('leases').selectAll().orderBy('ip').execute()).map(leaseOfRow)
    },
    async saveAll(leases) {
      // One statement must not name an address twice; the last of them counts, as it does row by row.
      const rows = [...new Map(leases.map((lease) => [lease.ip, rowOfLease(lease)])).values()]
      if (rows.length > 0) await db.transaction().execute((transaction) => upsert.write(transaction, rows))
    },
    async removeAll(ips) {
      if (ips.length > 0)
        await db
          .deleteFrom('leases')
          .where('ip', 'in', [...ips])
          .execute()
    },
  }
}

export function rowOfLease(lease: Lease): LeaseRow {
  const { ip, network, client, mac, hostname, state, startedAt, expiresAt } = lease
  return { ip, network, client, mac, hostname, state, started_at: startedAt, expires_at: expiresAt }
}

export function leaseOfRow(row: LeaseRow): Lease {
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

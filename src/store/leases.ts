import type { Kysely } from 'kysely'
import { ipv4 } from '../kit/ip.ts'
import type { Mac } from '../kit/mac.ts'
import type { Lease, LeaseRepository, LeaseState } from '../networks/lease.ts'
import { LeaseFile, type LeaseValues } from './lease-file.ts'
import { LeaseWriter } from './lease-writer.ts'
import type { LeaseRow, Tables } from './tables.ts'

/** Leases in a SQLite file of their own, which a thread of its own writes. `close` waits for what is being written. */
export function leaseRepository(path: string): LeaseRepository & { close(): Promise<void> } {
  const writer = new LeaseWriter(path)
  return {
    async all() {
      const file = LeaseFile.open(path)
      try {
        return file.all().map(leaseOf)
      } finally {
        file.close()
      }
    },
    async saveAll(leases) {
      if (leases.length > 0) await writer.save(leases.flatMap(valuesOf))
    },
    async removeAll(ips) {
      if (ips.length > 0) await writer.remove(ips)
    },
    close: () => writer.close(),
  }
}

/** Earlier versions kept leases with everything else. They are moved once; what the file of leases knows already is newer. */
export async function moveLeases(db: Kysely<Tables>, path: string): Promise<void> {
  const file = LeaseFile.open(path)
  try {
    const known = new Set(file.all().map(([ip]) => ip))
    const rows = await db.selectFrom('leases').selectAll().execute()
    const unknown = rows.filter(({ ip }) => !known.has(ip))
    if (unknown.length > 0) file.save(unknown.flatMap(valuesOfRow))
    if (rows.length > 0) await db.deleteFrom('leases').execute()
  } finally {
    file.close()
  }
}

function valuesOf(lease: Lease): LeaseValues {
  return [
    lease.ip,
    lease.network,
    lease.client,
    lease.mac,
    lease.hostname,
    lease.state,
    lease.startedAt,
    lease.expiresAt,
  ]
}

function valuesOfRow(row: LeaseRow): LeaseValues {
  return [row.ip, row.network, row.client, row.mac, row.hostname, row.state, row.started_at, row.expires_at]
}

function leaseOf([ip, network, client, mac, hostname, state, startedAt, expiresAt]: LeaseValues): Lease {
  return {
    ip: ipv4(Number(ip)),
    network: String(network),
    client: String(client),
    mac: String(mac) as Mac,
    hostname: hostname as string | null,
    state: state as LeaseState,
    startedAt: Number(startedAt),
    expiresAt: Number(expiresAt),
  }
}

import type { Ipv4 } from '../../src/kit/ip.ts'
import type { Lease, LeaseRepository } from '../../src/networks/lease.ts'

/** Keeps leases like a disk would; can be told to fail or to take its time. */
export class LeaseDisk implements LeaseRepository {
  readonly saved = new Map<Ipv4, Lease>()
  commits = 0
  failing = false
  gate: Promise<void> | undefined

  async all(): Promise<Lease[]> {
    return [...this.saved.values()]
  }

  async saveAll(leases: readonly Lease[]): Promise<void> {
    await this.gate
    if (this.failing) throw new Error('disk full')
    this.commits += 1
    for (const lease of leases) this.saved.set(lease.ip, lease)
  }

  async removeAll(ips: readonly Ipv4[]): Promise<void> {
    for (const ip of ips) this.saved.delete(ip)
  }
}

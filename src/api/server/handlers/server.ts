import { formatIpv4, formatSubnet } from '../../../kit/ip.ts'
import type { HandlersOf } from '../call.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { onePage, pageOf, says } from '../paging.ts'
import { time } from '../wire.ts'

export function serverHandlers(api: ApiDependencies) {
  const { machines, profiles, images, leases, networks, traces, powers, server } = api

  return {
    listLeases({ query }) {
      const found = leases
        .all()
        .filter((lease) => query.network === undefined || lease.network === query.network)
        .filter((lease) => query.state === undefined || lease.state === query.state)
        .filter(
          ({ ip, mac, hostname }) =>
            !query.q || says(query.q, formatIpv4(ip), mac, hostname, machines.byMac(mac)?.name ?? null),
        )
        .sort((a, b) => a.ip - b.ip)
      return pageOf(
        found,
        query,
        // Sorted as numbers, so the key must sort alike.
        (lease) => String(lease.ip).padStart(10, '0'),
        (lease) => {
          const machine = machines.byMac(lease.mac)
          return {
            ip: formatIpv4(lease.ip),
            network: lease.network,
            mac: lease.mac,
            machine: machine ? { id: machine.id, name: machine.name } : null,
            hostname: lease.hostname,
            state: lease.state,
            startedAt: time(lease.startedAt),
            expiresAt: time(lease.expiresAt),
          }
        },
      )
    },
    listNetworks() {
      return onePage(
        networks.map((network) => ({
          name: network.name,
          subnet: formatSubnet(network.subnet),
          interface: network.interface,
          ranges: network.ranges.map(({ first, last }) => ({ first: formatIpv4(first), last: formatIpv4(last) })),
          router: network.router === null ? null : formatIpv4(network.router),
          dns: network.dns.map(formatIpv4),
          ntp: network.ntp.map(formatIpv4),
          domain: network.domain,
          leaseSeconds: network.leaseSeconds,
          ...leases.usage(network.name),
        })),
      )
    },
    listSettings: () => ({ settings: api.settings() }),
    getStatus() {
      const states: Record<string, number> = {}
      const boots: Record<string, number> = {}
      const power: Record<string, number> = {}
      const add = (to: Record<string, number>, word: string | undefined) => {
        if (word !== undefined) to[word] = (to[word] ?? 0) + 1
      }
      for (const { id, macs, state } of machines.all()) {
        add(states, state)
        add(boots, traces.newest(macs)?.state)
        add(power, powers.reading(id)?.state)
      }
      return {
        version: server.version,
        startedAt: time(server.startedAt),
        machines: states,
        boots,
        power,
        stalled: boots.stalled ?? 0,
        leases: networks.reduce((sum, network) => sum + leases.usage(network.name).used, 0),
        images: images.all().length,
        profiles: profiles.all().length,
        listeners: server.listeners(),
        lab: api.lab !== undefined,
      }
    },
    doctor: async () => ({ findings: await api.doctor() }),
    apply({ query, body, by, about }) {
      const kinds = Object.entries(body).filter(([, things]) => things.length > 0)
      const counts = kinds.map(([kind, things]) => `${things.length} ${kind}`).join(', ')
      const pruned = query.prune ? '; pruned' : ''
      about(query.name ?? 'manifest', `${counts || 'nothing'}${pruned}${query.dryRun ? '; only tried' : ''}`)
      return api.applyManifest(body, { ...query, by: by.name })
    },
  } satisfies HandlersOf<'listLeases' | 'listNetworks' | 'listSettings' | 'getStatus' | 'doctor' | 'apply'>
}

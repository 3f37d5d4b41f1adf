import type { Config } from '../config/schema.ts'
import { formatSubnet } from '../kit/ip.ts'
import type { Log } from '../kit/log.ts'
import type { Leases } from '../networks/leases.ts'
import type { Network } from '../networks/network.ts'
import { type Attachment, planNetworks } from '../networks/plan.ts'
import { listInterfaces } from '../sockets/interfaces.ts'

/**
 * Where no networks are given each interface's own subnet is served. An interface that comes after the start, as after many a restart of the
 * computer, has to be asked for again and again. `networks` is the list that everybody looks at.
 */
export function lateNetworks(
  parts: Readonly<{ config: Config; networks: Network[]; leases: Pick<Leases, 'serve'>; log: Log }>,
  interfaces: () => readonly Attachment[] = listInterfaces,
): () => void {
  const { config, networks, leases, log } = parts
  const { mode, interfaces: named } = config.dhcp
  return () => {
    if (mode !== 'server' || config.networks.length > 0) return
    const waited = named.filter((name) => !networks.some((network) => network.interface === name))
    if (waited.length === 0) return
    for (const network of planNetworks(
      [],
      interfaces().filter(({ name }) => waited.includes(name)),
    )) {
      leases.serve(network)
      networks.push(network)
      log.info({ interface: network.interface, subnet: formatSubnet(network.subnet) }, 'a network came and is served')
    }
  }
}

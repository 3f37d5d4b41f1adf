import { all } from '../../api/client/client.ts'
import type { Lease } from '../../api/contract/server.ts'
import { type CliCommand, type Common, choice, group, leaf, show } from '../command.ts'
import type { Context } from '../context.ts'
import { table } from '../table.ts'
import { ago } from '../units.ts'

const LEASE_STATES = ['bound', 'released', 'declined'] as const satisfies readonly Lease['state'][]

export function networkCommands(program: CliCommand, context: Context): void {
  leaf(group(program, 'lease', 'look at DHCP leases'), 'list', 'list the addresses given out', [
    'reveille lease list --network rack',
  ])
    .option('--network <network>', 'only those of this network')
    .addOption(choice('--state <state>', 'only those in this state', LEASE_STATES))
    .option('--search <text>', 'part of an address, MAC, host name or machine')
    .action(async (options: Common & { network?: string; state?: Lease['state']; search?: string }) => {
      const leases = await all((await context.client()).listLeases, {
        query: { network: options.network, state: options.state, q: options.search },
      })
      show(context, options, leases, () => {
        if (leases.length === 0) return 'No leases.\n'
        const rows = leases.map((each) => [
          each.ip,
          each.network,
          each.mac,
          each.machine?.name,
          each.hostname,
          each.state,
          ago(each.expiresAt, context.clock.now()),
        ])
        return table(
          ['address', 'network', 'mac', 'machine', 'host name', 'state', 'ends'],
          rows,
          context.terminal.columns,
        )
      })
    })

  leaf(
    group(program, 'network', 'look at the networks our DHCP serves'),
    'list',
    'list networks; they come from the settings',
    ['reveille network list'],
  ).action(async (options: Common) => {
    const networks = await all((await context.client()).listNetworks)
    show(context, options, networks, () => {
      if (networks.length === 0) return 'No networks: dhcp.mode is off or proxy. See docs/configuration.md\n'
      const rows = networks.map((each) => [
        each.name,
        each.subnet,
        each.interface ?? 'relays',
        each.ranges.map(({ first, last }) => `${first}-${last}`).join(', '),
        `${each.used}/${each.size}`,
        each.router,
        each.dns.join(', '),
      ])
      return table(['name', 'subnet', 'interface', 'ranges', 'used', 'router', 'dns'], rows, context.terminal.columns)
    })
  })
}

import type { Access } from '../access/access.ts'
import type { Config } from '../config/schema.ts'
import { formatIpv4, parseIpv4 } from '../kit/ip.ts'
import type { Log } from '../kit/log.ts'
import type { Stop } from '../kit/stop.ts'
import type { Machine } from '../machines/machine.ts'
import type { Machines } from '../machines/machines.ts'
import type { Leases } from '../networks/leases.ts'
import type { Profiles } from '../profiles/profiles.ts'
import type { DeskParts } from '../thrift/desk.ts'
import type { Disks } from './disks.ts'
import { addressOf } from './guests.ts'

type Around = Readonly<{
  machines: Machines
  profiles: Profiles
  access: Pick<Access, 'audit'>
  leases: Pick<Leases, 'ofMac'>
  power: DeskParts['power']
  guests: DeskParts['guests']
  maintenances: Disks['maintenances']
  log: Log
}>

/** The Thrift service, if it is on. Its code is loaded only then. */
export async function openThrift(settings: Config['thrift'], around: Around): Promise<Stop | undefined> {
  if (!settings.enabled) return undefined
  const [{ Desk }, { serveThrift }, { forward }] = await Promise.all([
    import('../thrift/desk.ts'),
    import('../thrift/serve.ts'),
    import('../thrift/forward.ts'),
  ])
  const { machines, profiles, access, leases, power, guests, maintenances, log } = around
  const desk = new Desk({
    findMachine: (host) => machines.find(host) ?? machineAt(host, machines, leases),
    profiles: () => profiles.all(),
    setProfile: (machine, profile, by) => machines.setBoot(machine.id, { profile }, by),
    maintenance: {
      start: (profile, machine, by) => maintenances.start({ profile, machine, others: 'keep' }, by),
      openOn: (machine) => maintenances.ofMachine(machine.id)?.profile,
    },
    power,
    addressOf: (machine) => addressOf(machine, leases),
    guests,
    forward,
    audit: (deed) => access.audit.record({ ...deed, who: 'thrift', via: 'thrift' }),
    log,
  })
  const service = await serveThrift({ listen: settings.listen, clients: settings.clients, desk, log })
  if (settings.clients.length === 0) log.warn({}, 'the Thrift service answers nobody: thrift.clients is empty')
  return service.stop
}

/** Clients name hosts by their addresses, too. */
function machineAt(host: string, machines: Machines, leases: Pick<Leases, 'ofMac'>): Machine | undefined {
  const ip = parseIpv4(host)
  if (ip === undefined) return undefined
  const address = formatIpv4(ip)
  return machines.all().find((machine) => addressOf(machine, leases) === address)
}

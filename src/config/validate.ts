import { broadcastOf, contains, formatIpv4, formatSubnet, type Ipv4, maskOf, type Subnet } from '../kit/ip.ts'
import type { Config, NetworkConfig } from './schema.ts'
import type { ListenAddress } from './values.ts'

/** A setting that cannot work with the others. `wrong` goes on from "SETTING is VALUE:" and says what would be right. */
export type Impossible = Readonly<{ path: readonly (string | number)[]; wrong: string }>

/** Combinations that can never work, each found on its own; the first one is what the user reads. Pure. */
export function findImpossible(config: Config): Impossible[] {
  return [...general(config), ...ports(config), ...networks(config), ...lab(config)]
}

function* general({ advertise, dhcp, tftp, machineNames }: Config): Iterable<Impossible> {
  if (advertise !== undefined && (advertise === 0 || advertise >>> 28 >= 0xe))
    yield { path: ['advertise'], wrong: 'it must be an address that machines can reach' }
  if (!/^[a-z0-9%].*[a-z0-9}]$/.test(machineNames))
    yield { path: ['machineNames'], wrong: 'a name must begin and end with a letter or digit' }
  if (dhcp.mode !== 'off' && dhcp.interfaces.length === 0)
    yield {
      path: ['dhcp', 'interfaces'],
      wrong: `dhcp.mode ${dhcp.mode} needs the interfaces to answer on, such as [eth0]`,
    }
  const twice = dhcp.interfaces.findIndex((name, index) => dhcp.interfaces.indexOf(name) < index)
  if (twice >= 0) yield { path: ['dhcp', 'interfaces', twice], wrong: 'each interface must be named once' }
  if (dhcp.mode !== 'off' && tftp.enabled === false)
    yield {
      path: ['tftp', 'enabled'],
      wrong: `dhcp.mode ${dhcp.mode} sends machines to our TFTP server; leave tftp.enabled out or set dhcp.mode to off`,
    }
}

function clash(a: ListenAddress, b: ListenAddress): boolean {
  const anywhere = a.host === '0.0.0.0' || b.host === '0.0.0.0'
  return a.port !== 0 && a.port === b.port && (anywhere || a.host === b.host)
}

const PXE_PORTS = [67, 4011]

function* ports({ http, dhcp, tftp }: Config): Iterable<Impossible> {
  if (http.adminListen && clash(http.adminListen, http.listen))
    yield {
      path: ['http', 'adminListen'],
      wrong: `it must be another address or port than http.listen ${http.listen.host}:${http.listen.port}; leave it out to have one listener for both`,
    }
  const tftpOn = tftp.enabled ?? dhcp.mode !== 'off'
  if (tftpOn && dhcp.mode !== 'off' && PXE_PORTS.includes(tftp.listen.port))
    yield { path: ['tftp', 'listen'], wrong: `UDP port ${tftp.listen.port} belongs to DHCP; TFTP is at port 69` }
}

function overlap(a: Subnet, b: Subnet): boolean {
  return contains(a, b.base) || contains(b, a.base)
}

/** Neither the network's own address nor its broadcast address. */
function isHost(subnet: Subnet, address: Ipv4): boolean {
  return contains(subnet, address) && address !== subnet.base && address !== broadcastOf(subnet)
}

function* networks({ networks: all, dhcp }: Config): Iterable<Impossible> {
  for (const [index, network] of all.entries()) {
    const at = (...rest: (string | number)[]) => ['networks', index, ...rest]
    for (const [other, before] of all.slice(0, index).entries()) {
      if (before.name === network.name)
        yield { path: at('name'), wrong: `networks[${other}] has this name too; each network needs its own` }
      if (overlap(before.subnet, network.subnet))
        yield {
          path: at('subnet'),
          wrong: `it overlaps ${formatSubnet(before.subnet)} of network ${before.name}; subnets must not share addresses`,
        }
    }
    if (network.interface !== undefined && dhcp.mode === 'server' && !dhcp.interfaces.includes(network.interface))
      yield {
        path: at('interface'),
        wrong: `dhcp.interfaces must name it too, or nothing is answered there (it has: ${dhcp.interfaces.join(', ')})`,
      }
    yield* addresses(network, at)
  }
}

function* addresses(
  { subnet, router, ranges = [] }: NetworkConfig,
  at: (...rest: (string | number)[]) => (string | number)[],
): Iterable<Impossible> {
  const within = formatSubnet(subnet)
  if (subnet.prefix < 8 || subnet.prefix > 30) {
    yield { path: at('subnet'), wrong: 'the prefix of a served network must be from /8 to /30' }
    return
  }
  if (router !== undefined && !isHost(subnet, router))
    yield { path: at('router'), wrong: `it must be a host address inside ${within}` }
  for (const [index, range] of ranges.entries()) {
    if (!isHost(subnet, range.first) || !isHost(subnet, range.last))
      yield {
        path: at('ranges', index),
        wrong: `both ends must be host addresses inside ${within} (mask ${formatIpv4(maskOf(subnet.prefix))})`,
      }
    const other = ranges.slice(0, index).findIndex((before) => before.first <= range.last && range.first <= before.last)
    if (other >= 0)
      yield { path: at('ranges', index), wrong: `it overlaps ranges[${other}]; an address may be in one range only` }
    if (router !== undefined && range.first <= router && router <= range.last)
      yield { path: at('ranges', index), wrong: `it must not hold the router ${formatIpv4(router)}` }
  }
}

function* lab({ lab: { enabled, subnet }, networks: all }: Config): Iterable<Impossible> {
  if (!enabled) return
  if (subnet.prefix < 16 || subnet.prefix > 28)
    yield { path: ['lab', 'subnet'], wrong: 'the prefix of the lab must be from /16 to /28' }
  const other = all.find((network) => overlap(network.subnet, subnet))
  if (other)
    yield {
      path: ['lab', 'subnet'],
      wrong: `it overlaps ${formatSubnet(other.subnet)} of network ${other.name}; give the lab addresses of its own`,
    }
}

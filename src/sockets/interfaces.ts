import { readFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { Refusal } from '../kit/errors.ts'
import { contains, formatIpv4, type Ipv4, parseIpv4, parseSubnet, type Subnet } from '../kit/ip.ts'
import { type Mac, parseMac } from '../kit/mac.ts'

/** A network interface of this computer that is up and has an IPv4 address. */
export type NetworkInterface = Readonly<{
  name: string
  /** The kernel's number; another one means that the interface was removed and made again. */
  index: number
  mac: Mac
  /** Its first IPv4 address, the one that clients shall talk to. */
  address: Ipv4
  subnet: Subnet
  /** Every IPv4 address it has. */
  addresses: readonly Ipv4[]
  /** The same with their subnets. */
  attachments: readonly Readonly<{ address: Ipv4; subnet: Subnet }>[]
}>

/** The interface with the first of its addresses that is inside one of these subnets as the one to talk to; as it is when none is. */
export function within(on: NetworkInterface, subnets: readonly Subnet[]): NetworkInterface {
  const fitting = on.attachments.find(({ address }) => subnets.some((subnet) => contains(subnet, address)))
  return fitting ? { ...on, ...fitting } : on
}

/** The Ethernet interfaces that are up and have an IPv4 address, as they are now. */
export function listInterfaces(): NetworkInterface[] {
  const found: NetworkInterface[] = []
  for (const [name, entries] of Object.entries(networkInterfaces())) {
    const ipv4Entries = (entries ?? []).filter((entry) => entry.family === 'IPv4')
    const attachments = ipv4Entries.flatMap((entry) => {
      const address = parseIpv4(entry.address)
      const subnet = entry.cidr ? parseSubnet(entry.cidr) : undefined
      return address !== undefined && subnet ? [{ address, subnet }] : []
    })
    const [first] = attachments
    const mac = ipv4Entries[0] && parseMac(ipv4Entries[0].mac)
    const index = indexOf(name)
    if (mac === undefined || !first || index === undefined) continue
    const addresses = attachments.map(({ address }) => address)
    found.push({ name, index, mac, ...first, addresses, attachments })
  }
  return found
}

/** One interface by name, or a `Refusal` that says what is wrong with it. */
export function findInterface(name: string): NetworkInterface {
  const interfaces = listInterfaces()
  const found = interfaces.find((each) => each.name === name)
  if (found) return found
  const others = interfaces.map((each) => `${each.name} (${formatIpv4(each.address)})`).join(', ') || 'none'
  if (indexOf(name) === undefined)
    throw new Refusal('not-available', `There is no interface ${name}.`, { next: `Usable interfaces: ${others}.` })
  throw new Refusal(
    'not-available',
    `The interface ${name} is not an Ethernet interface that is up with an IPv4 address.`,
    {
      next: `Bring it up and give it an address (ip addr add ADDRESS/PREFIX dev ${name}; ip link set ${name} up). Usable interfaces: ${others}.`,
    },
  )
}

function indexOf(name: string): number | undefined {
  try {
    return Number(readFileSync(`/sys/class/net/${name}/ifindex`, 'utf8'))
  } catch {
    return undefined
  }
}

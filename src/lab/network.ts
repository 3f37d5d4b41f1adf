import { createHash } from 'node:crypto'
import { resolve } from 'node:path'
import type { Config } from '../config/schema.ts'
import { formatSubnet, type Ipv4, ipv4, parseSubnet, type Subnet } from '../kit/ip.ts'
import type { Network } from '../networks/network.ts'

/** How QEMU is to be started and connected for one machine. */
export type Attachment = Readonly<{
  /** The value of `-netdev`, id `net0`. */
  netdev: string
  /** Command that QEMU is started by, empty for none. */
  within: readonly string[]
}>

/** Wires lab machines. Two implementations: a private bridge (root), and QEMU's user networking (anybody). */
export interface LabNetwork {
  readonly mode: 'bridge' | 'user'
  /** The interface through which this server reaches the lab; `null` when there is none. */
  readonly interface: string | null
  /** Why it cannot work here and what to do about it; `undefined` when it can. */
  impossible(): Promise<string | undefined>
  isUp(): Promise<boolean>
  /** Builds what is missing. `running` are the processes of machines that run already. */
  up(running: readonly number[]): Promise<void>
  /** Takes everything away; all machines have ended before. */
  down(): Promise<void>
  attach(machine: string): Promise<Attachment>
  detach(machine: string): Promise<void>
}

const INTERFACE = 'rvlab'

/** Names made from the data directory, so that several labs on one computer do not meet. Interface names have at most 15 characters. */
export function labNames(dataDir: string): { namespace: string; interface: string } {
  const digest = createHash('sha256').update(resolve(dataDir)).digest('hex')
  return { namespace: `reveille-lab-${digest.slice(0, 8)}`, interface: `${INTERFACE}${digest.slice(0, 8)}` }
}

/** The server's address in the lab: the first of its subnet. */
export function labAddress(subnet: Subnet): Ipv4 {
  return ipv4(subnet.base + 1)
}

/**
 * What the DHCP server needs to serve the lab bridge, like any other interface. It names itself as DNS server: installers stop and ask
 * when they are told none, and a refused question costs them nothing.
 */
export function labNetworkSettings(config: Pick<Config, 'dataDir' | 'lab'>): { interface: string; network: Network } {
  const { subnet } = config.lab
  const half = 2 ** (31 - subnet.prefix)
  const name = labNames(config.dataDir).interface
  return {
    interface: name,
    network: {
      name: 'lab',
      subnet,
      interface: name,
      ranges: [{ first: ipv4(subnet.base + half), last: ipv4(subnet.base + 2 * half - 2) }],
      router: null,
      dns: [labAddress(subnet)],
      ntp: [],
      domain: null,
      leaseSeconds: 3600,
      relay: null,
    },
  }
}

/** Why this subnet cannot be the lab's; `undefined` when it can: there must be room for the server and some machines. */
export function refuseSubnet(subnet: Subnet): string | undefined {
  if (subnet.prefix <= 28) return undefined
  return `lab.subnet ${formatSubnet(subnet)} is too small; take one of at least 16 addresses, such as 10.77.0.0/24`
}

/** An address with its prefix (`10.0.0.1/24`) and the interface that has it. */
export type OwnAddress = Readonly<{ interface: string; cidr: string }>

/**
 * Why the lab cannot have this subnet beside what else this computer is connected to: of two interfaces with one subnet only the first
 * gets answers, and machines of the other would get an address and then nothing. `own`: the lab's interface, left from before.
 */
export function refuseTaken(subnet: Subnet, own: string, addresses: readonly OwnAddress[]): string | undefined {
  const clash = addresses.find(({ interface: name, cidr }) => {
    const other = parseSubnet(cidr)
    return name !== own && other !== undefined && overlap(subnet, other)
  })
  if (!clash) return undefined
  const whose = clash.interface.startsWith(INTERFACE) ? ', the lab of another data directory,' : ''
  const text = formatSubnet(subnet)
  return `lab.subnet ${text} is in use: ${clash.interface}${whose} has ${clash.cidr}. Set lab.subnet to another, such as 10.91.0.0/24`
}

function overlap(one: Subnet, other: Subnet): boolean {
  const [wide, narrow] = one.prefix <= other.prefix ? [one, other] : [other, one]
  return narrow.base - wide.base >= 0 && narrow.base - wide.base < 2 ** (32 - wide.prefix)
}

import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { networkInterfaces } from 'node:os'
import { formatIpv4, type Subnet } from '../kit/ip.ts'
import { run, runOrFail } from '../processes/run.ts'
import {
  type Attachment,
  type LabNetwork,
  labAddress,
  labNames,
  type OwnAddress,
  refuseSubnet,
  refuseTaken,
} from './network.ts'

/** The end of the cable that is inside the lab. */
const UPLINK = 'uplink'

/**
 * A private bridge in a network namespace of its own, with a tap for each machine, and a virtual cable whose one end is an
 * interface where this server runs: to the server the lab looks like any wire. Needs root, or root in a user namespace.
 */
export class BridgeNetwork implements LabNetwork {
  readonly mode = 'bridge'
  readonly interface: string
  readonly #namespace: string
  readonly #subnet: Subnet

  constructor(dataDir: string, subnet: Subnet) {
    const names = labNames(dataDir)
    this.interface = names.interface
    this.#namespace = names.namespace
    this.#subnet = subnet
  }

  async impossible(): Promise<string | undefined> {
    const subnet = refuseSubnet(this.#subnet)
    if (subnet !== undefined) return subnet
    const taken = refuseTaken(this.#subnet, this.interface, ownAddresses())
    if (taken !== undefined) return taken
    if ((await run('ip', ['-V'])).code !== 0) return 'the command ip is missing: apt-get install iproute2'
    if (process.geteuid?.() !== 0) return 'a bridge needs root: start the server as root'
    try {
      await (await open('/dev/net/tun', 'r+')).close()
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code
      return `/dev/net/tun cannot be opened (${code}): load the kernel module tun, or give this container the device`
    }
    return undefined
  }

  async isUp(): Promise<boolean> {
    return (await this.#works()) && (await this.#interfaceIsThere())
  }

  async up(running: readonly number[]): Promise<void> {
    if (!(await this.#works())) await this.#makeNamespace(running)
    const inside = (...args: string[]) => runOrFail('ip', ['-n', this.#namespace, ...args])
    if ((await run('ip', ['-n', this.#namespace, 'link', 'show', 'br0'])).code !== 0) {
      await inside(
        'link',
        'add',
        'br0',
        'type',
        'bridge',
        'forward_delay',
        '0',
        'stp_state',
        '0',
        'mcast_snooping',
        '0',
      )
    }
    await inside('link', 'set', 'lo', 'up')
    await inside('link', 'set', 'br0', 'up')
    if (!(await this.#interfaceIsThere())) {
      // The other end of an old cable may lie in a namespace that a server before us ran in.
      await run('ip', ['-n', this.#namespace, 'link', 'del', UPLINK])
      const peer = ['type', 'veth', 'peer', 'name', UPLINK, 'netns', this.#namespace]
      await runOrFail('ip', ['link', 'add', this.interface, ...peer])
    }
    await inside('link', 'set', UPLINK, 'master', 'br0', 'up')
    const address = `${formatIpv4(labAddress(this.#subnet))}/${this.#subnet.prefix}`
    await this.#forgetAddressesBut(address)
    await runOrFail('ip', ['addr', 'replace', address, 'dev', this.interface])
    await runOrFail('ip', ['link', 'set', this.interface, 'up'])
  }

  async down(): Promise<void> {
    await run('ip', ['link', 'del', this.interface])
    await run('ip', ['netns', 'del', this.#namespace])
  }

  async attach(machine: string): Promise<Attachment> {
    const tap = tapName(machine)
    if ((await run('ip', ['-n', this.#namespace, 'link', 'show', tap])).code !== 0)
      await runOrFail('ip', ['-n', this.#namespace, 'tuntap', 'add', 'dev', tap, 'mode', 'tap'])
    await runOrFail('ip', ['-n', this.#namespace, 'link', 'set', tap, 'master', 'br0', 'up'])
    return {
      netdev: `tap,id=net0,ifname=${tap},script=no,downscript=no`,
      within: ['nsenter', `--net=/run/netns/${this.#namespace}`, '--'],
    }
  }

  async detach(machine: string): Promise<void> {
    await run('ip', ['-n', this.#namespace, 'link', 'del', tapName(machine)])
  }

  async #works(): Promise<boolean> {
    return (await run('ip', ['-n', this.#namespace, 'link', 'show', 'lo'])).code === 0
  }

  async #interfaceIsThere(): Promise<boolean> {
    return (await run('ip', ['link', 'show', this.interface])).code === 0
  }

  /** A server before us may have had another `lab.subnet`. */
  async #forgetAddressesBut(address: string): Promise<void> {
    const shown = await runOrFail('ip', ['-o', '-4', 'addr', 'show', 'dev', this.interface])
    for (const [, old] of shown.matchAll(/ inet (\S+)/g))
      if (old !== undefined && old !== address) await runOrFail('ip', ['addr', 'del', old, 'dev', this.interface])
  }

  /**
   * The name of a namespace is a mount: a server started inside `ip netns exec` makes it where the next one does not see it, and leaves
   * an empty file. Machines that still run hold the namespace itself; it gets its name back from one of them.
   */
  async #makeNamespace(running: readonly number[]): Promise<void> {
    await run('ip', ['netns', 'del', this.#namespace])
    const [pid] = running
    if (pid === undefined) await runOrFail('ip', ['netns', 'add', this.#namespace])
    else await runOrFail('ip', ['netns', 'attach', this.#namespace, String(pid)])
  }
}

/** Interface names have at most 15 characters, machine names up to 32. */
function tapName(machine: string): string {
  return `tap${createHash('sha256').update(machine).digest('hex').slice(0, 10)}`
}

function ownAddresses(): OwnAddress[] {
  return Object.entries(networkInterfaces()).flatMap(([name, addresses = []]) =>
    addresses.flatMap(({ family, cidr }) => (family === 'IPv4' && cidr !== null ? [{ interface: name, cidr }] : [])),
  )
}

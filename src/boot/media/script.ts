import { formatIpv4, type Ipv4 } from '../../kit/ip.ts'
import type { Mac } from '../../kit/mac.ts'
import { BOOT_PATHS } from '../paths.ts'

/** How the machine reaches us from its disc. */
export type DiscNetwork = Readonly<{ ip: Ipv4; netmask: Ipv4; gateway: Ipv4 | null; dns: Ipv4 | null }>

/** What is on one disc. Without `network` the machine asks DHCP. */
export type DiscContent = Readonly<{
  macs: readonly Mac[]
  network: DiscNetwork | null
  /** `http://ADDRESS:PORT` of this server. */
  base: string
}>

const BASE = /^https?:\/\/[A-Za-z0-9.:[\]-]{1,200}$/
const MAC = /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/

/**
 * The script on the disc: finds the machine's card, gives it its address, and goes on with the script that all machines start
 * with. Commands are those of iPXE of 2019 and later. Everything in it is checked: nothing can become another command.
 */
export function discScript({ macs, network, base }: DiscContent): string {
  if (!BASE.test(base)) throw new RangeError('no base address')
  const found = macs.filter((mac) => MAC.test(mac)).map((mac) => `iseq \${net\${n}/mac} ${mac} && goto card ||`)
  const start = `${base}${BOOT_PATHS.start}`
  const lines = [
    '#!ipxe',
    `echo Reveille: booting from a disc, from ${base}`,
    ':begin',
    'set n:int32 0',
    ':each',
    `isset \${net\${n}/mac} || goto other`,
    ...found,
    'inc n',
    'goto each',
    // None of the cards is known: a fixed address would be one of another machine's.
    ':other',
    `dhcp && chain --autofree ${start} ||`,
    'goto again',
    ':card',
    ...(network ? settings(network) : []),
    `${network ? 'ifopen' : 'dhcp'} net\${n} || goto again`,
    `chain --autofree ${start} || goto again`,
    ':again',
    'echo Reveille: the server was not reached; trying again in 10 seconds',
    'sleep 10',
    'goto begin',
  ]
  return `${lines.join('\n')}\n`
}

function settings({ ip, netmask, gateway, dns }: DiscNetwork): string[] {
  return [
    `set net\${n}/ip ${formatIpv4(ip)}`,
    `set net\${n}/netmask ${formatIpv4(netmask)}`,
    ...(gateway === null ? [] : [`set net\${n}/gateway ${formatIpv4(gateway)}`]),
    ...(dns === null ? [] : [`set net\${n}/dns ${formatIpv4(dns)}`]),
  ]
}

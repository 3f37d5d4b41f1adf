import { formatIpv4, type Ipv4, maskOf } from '../kit/ip.ts'
import type { Machine } from '../machines/machine.ts'
import type { Network } from '../networks/network.ts'
import { staticNetwork } from './static-network.ts'

/** What a template knows of the boot that asks: URLs by which this machine reaches us. */
export type BootFacts = Readonly<{
  /** Base of the server as this machine reaches it. */
  server: string
  /** Where the profile's files are, and its first config; good for this boot. */
  files: string
  config: string
  /** Asked with POST, or GET: the machine is what it was to become. */
  home: string
  /** How to log in to the disks of this boot, where its profile has some. */
  iscsi?: IscsiFacts | null
}>

/** `user` and `secret` are empty where the target asks for none. */
export type IscsiFacts = Readonly<
  Record<'initiator' | 'target' | 'host' | 'user' | 'secret', string> & Record<'port' | 'lun', number>
>

const SAMPLE_LOGIN = {
  initiator: 'iqn.2026-01.example:machine',
  target: 'iqn.2026-01.example:disk',
  port: 3260,
  lun: 0,
  user: 'machine',
  secret: 'sample-secret',
}

/** For previews: what such URLs and logins look like. */
export function previewFacts(server: string, disks = true): BootFacts {
  const at = `${server}/boot/file/CAPABILITY`
  const home = `${server}/boot/home/CAPABILITY`
  const iscsi = disks ? { ...SAMPLE_LOGIN, host: new URL(server).hostname } : null
  return { server, files: at, config: `${at}/config`, home, iscsi }
}

/**
 * Everything a template can name of a machine. What is not known is null, so that a template can ask with `if`; `hostname` is
 * always there. `address`: where it is or will be; `null` when nobody knows.
 */
export function factsOf(machine: Machine, network: Network | undefined, address: string | null, boot: BootFacts) {
  const { id, name, macs, uuid, serial, manufacturer, product, firmware, architecture, tags } = machine
  const mask = network && maskOf(network.subnet.prefix)
  const { host } = new URL(boot.server)
  const place = {
    mac: macs[0] ?? null,
    address: machine.ip ?? address,
    fixed: machine.ip !== null,
    prefix: network?.subnet.prefix ?? null,
    router: orNull(network?.router),
    dns: network?.dns.map(formatIpv4) ?? [],
    domain: network?.domain ?? null,
  }
  return {
    machine: {
      ...{ id, name, hostname: machine.hostname ?? name, macs: [...macs], mac: macs[0] ?? null, uuid, serial },
      ...{
        manufacturer,
        product,
        firmware,
        architecture,
        tags: [...tags],
        ip: machine.ip ?? address,
        fixed: machine.ip !== null,
      },
    },
    network: {
      name: network?.name ?? null,
      address: network ? formatIpv4(network.subnet.base) : null,
      prefix: network?.subnet.prefix ?? null,
      netmask: mask === undefined ? null : formatIpv4(mask),
      router: place.router,
      dns: place.dns,
      ntp: network?.ntp.map(formatIpv4) ?? [],
      domain: place.domain,
      ...staticNetwork(place),
    },
    server: { url: boot.server, host, address: host.replace(/:\d+$/, '') },
    boot: {
      ...{ files: boot.files, config: boot.config, home: boot.home },
      // A name that does not exist is an error where a template needs it, and null would not be.
      ...(boot.iscsi ? { iscsi: boot.iscsi } : {}),
    },
  }
}

export const RESERVED = ['machine', 'network', 'server', 'boot'] as const

/** A machine that stands for any, for checks without one. */
export const SAMPLE_MACHINE: Machine = {
  id: 'm_sample',
  name: 'sample',
  state: 'ready',
  macs: ['52:54:00:00:00:01' as Machine['macs'][number]],
  uuid: '00000000-0000-4000-8000-000000000001',
  serial: 'SAMPLE1',
  manufacturer: 'Sample',
  product: 'Sample',
  architecture: 'x86_64',
  firmware: 'uefi',
  bootLoader: 'auto',
  tags: ['sample'],
  notes: '',
  ip: '192.0.2.10',
  hostname: 'sample',
  profile: null,
  nextBoot: null,
  createdAt: 0,
  updatedAt: 0,
  lastSeenAt: null,
  lastAddress: null,
}

/** RFC 5737's first documentation network, with everything a network can have. */
export const SAMPLE_NETWORK: Network = {
  name: 'sample',
  subnet: { base: 0xc0_00_02_00 as Ipv4, prefix: 24 },
  interface: null,
  ranges: [],
  router: 0xc0_00_02_01 as Ipv4,
  dns: [0xc0_00_02_35 as Ipv4],
  ntp: [0xc0_00_02_7b as Ipv4],
  domain: 'example.org',
  leaseSeconds: 3600,
  relay: null,
}

function orNull(address: Ipv4 | null | undefined): string | null {
  return address === null || address === undefined ? null : formatIpv4(address)
}

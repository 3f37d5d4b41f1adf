import type { Finding } from '../api/contract/server.ts'
import { BOOT_PROGRAMS, SIGNED_PACKAGES, SIGNED_PROGRAMS } from '../boot/programs.ts'
import type { Config } from '../config/schema.ts'
import { ANY_ADDRESS, formatIpv4, type Ipv4, parseIpv4 } from '../kit/ip.ts'
import { iscsiIsOn } from './disks.ts'
import type { DirectoryFact, HeardOffer, HeldPort, InterfaceFact } from './probes.ts'

/** The judgement over what the probes saw: each rule is pure and ends in what to do. */

function ok(check: string, found: string): Finding {
  return { check, status: 'ok', found, next: null }
}

function warning(check: string, found: string, next: string): Finding {
  return { check, status: 'warning', found, next }
}

function failed(check: string, found: string, next: string): Finding {
  return { check, status: 'failed', found, next }
}

export type WantedPort = Readonly<{
  protocol: 'tcp' | 'udp'
  address: Ipv4
  port: number
  setting: string
  shared: boolean
}>

export function tftpIsOn({ tftp, dhcp }: Config): boolean {
  return tftp.enabled ?? dhcp.mode !== 'off'
}

/** The ports a server with this configuration listens on. `shared`: bound to interfaces, so that others may have it too. */
export function wantedPorts(config: Config): WantedPort[] {
  const { http, tftp, dhcp } = config
  const listener = (protocol: 'tcp' | 'udp', listen: { host: string; port: number }, setting: string): WantedPort => ({
    protocol,
    address: parseIpv4(listen.host) ?? ANY_ADDRESS,
    port: listen.port,
    setting,
    shared: false,
  })
  const dhcpPort = (port: number): WantedPort => ({
    protocol: 'udp',
    address: ANY_ADDRESS,
    port,
    setting: 'dhcp.mode',
    shared: true,
  })
  return [
    listener('tcp', http.listen, 'http.listen'),
    ...(http.adminListen ? [listener('tcp', http.adminListen, 'http.adminListen')] : []),
    ...(iscsiIsOn(config) ? [listener('tcp', config.iscsi.listen, 'iscsi.listen')] : []),
    ...(tftpIsOn(config) ? [listener('udp', tftp.listen, 'tftp.listen')] : []),
    ...(dhcp.mode === 'off' ? [] : [dhcpPort(67), dhcpPort(4011)]),
  ].filter(({ port }) => port !== 0)
}

export function judgePort(wanted: WantedPort, held: readonly HeldPort[], pid: number): Finding {
  const check = `port ${wanted.protocol} ${formatIpv4(wanted.address)}:${wanted.port}`
  const clashing = held.filter(
    ({ protocol, port, address }) =>
      protocol === wanted.protocol &&
      port === wanted.port &&
      (address === ANY_ADDRESS || wanted.address === ANY_ADDRESS || address === wanted.address),
  )
  const others = clashing.filter(({ holder }) => holder?.pid !== pid)
  if (others.length === 0) return ok(check, clashing.length > 0 ? 'held by this server' : 'free')
  const { holder } = others[0]!
  const who = holder ? `${holder.name} (process ${holder.pid})` : 'a process that is not ours to see'
  const find = `ss -${wanted.protocol === 'tcp' ? 't' : 'u'}lpn 'sport = :${wanted.port}'`
  if (wanted.shared)
    return warning(
      check,
      `${who} has it too`,
      'Harmless when it serves other interfaces only; else stop it or set dhcp.mode to off.',
    )
  return failed(check, `held by ${who}`, `Stop it (find it with: ${find}), or change ${wanted.setting}.`)
}

export function judgePrivileges(config: Config, has: ReadonlySet<string>, firstFreePort: number): Finding[] {
  const low = wantedPorts(config).filter(({ port }) => port < firstFreePort)
  const bridge = config.lab.enabled && config.lab.mode === 'bridge'
  const needs = [
    { name: 'CAP_NET_BIND_SERVICE', why: `ports ${low.map(({ port }) => port).join(', ')}`, needed: low.length > 0 },
    { name: 'CAP_NET_RAW', why: 'DHCP replies to machines without an address', needed: config.dhcp.mode !== 'off' },
    { name: 'CAP_NET_ADMIN', why: 'the bridge of the lab', needed: bridge },
  ].filter(({ needed }) => needed)
  if (needs.length === 0) return [ok('privileges', 'none are needed')]
  return needs.map(({ name, why }) =>
    has.has(name)
      ? ok(`privilege ${name}`, `held; needed for ${why}`)
      : failed(
          `privilege ${name}`,
          `missing; needed for ${why}`,
          `Run as root, or with systemd: AmbientCapabilities=${name}`,
        ),
  )
}

export function judgeInterfaces(config: Config, all: readonly InterfaceFact[]): Finding[] {
  if (config.dhcp.mode === 'off') return [ok('interfaces', 'DHCP is off (dhcp.mode), so none is answered on')]
  return config.dhcp.interfaces.map((name) => {
    const check = `interface ${name}`
    const found = all.find((candidate) => candidate.name === name)
    const names = all.map((candidate) => candidate.name).join(', ')
    if (!found) return failed(check, 'does not exist', `Name one that does in dhcp.interfaces: ${names}`)
    if (!found.up) return failed(check, 'is down', `Bring it up: ip link set ${name} up`)
    if (found.addresses.length === 0)
      return failed(check, 'has no IPv4 address', `Give it one: ip addr add ADDRESS/PREFIX dev ${name}`)
    return ok(check, `up, ${found.addresses.join(', ')}`)
  })
}

/** `own` are this computer's addresses: an offer from one of them is ours, or from a program beside us. */
export function judgeOffers(
  mode: Config['dhcp']['mode'],
  name: string,
  offers: readonly HeardOffer[],
  own: readonly string[],
): Finding {
  const check = `other DHCP servers on ${name}`
  const servers = [...new Set(offers.map(({ server }) => formatIpv4(server)))].filter((server) => !own.includes(server))
  const list = servers.join(', ')
  if (mode === 'proxy')
    return servers.length > 0
      ? ok(check, `${list} gives addresses, Reveille adds what booting needs`)
      : warning(
          check,
          'nobody offered an address within 5 seconds',
          'Proxy mode needs a DHCP server beside it: start one, or set dhcp.mode to server.',
        )
  return servers.length === 0
    ? ok(check, 'none answered within 5 seconds')
    : warning(
        check,
        `${list} answers too`,
        'Machines take whichever offer comes first: stop the other server, or set dhcp.mode to proxy.',
      )
}

export function judgeBootFiles(config: Config, readable: ReadonlySet<string>): Finding[] {
  const missing = BOOT_PROGRAMS.filter(({ path }) => !readable.has(path))
  if (missing.length === 0) return [ok('boot files', `${BOOT_PROGRAMS.map(({ name }) => name).join(', ')} are there`)]
  const packages = [...new Set(missing.map((program) => program.package))].join(' ')
  const judge = tftpIsOn(config) ? failed : warning
  return [
    judge(
      'boot files',
      `missing: ${missing.map(({ path }) => path).join(', ')}`,
      `Install them: apt-get install --no-install-recommends ${packages}`,
    ),
  ]
}

/** Nothing is wrong without them: only machines with Secure Boot, and 64-bit ARM, need them. */
export function judgeSignedPrograms(readable: ReadonlySet<string>): Finding {
  const there = SIGNED_PROGRAMS.filter(({ path }) => readable.has(path)).map(({ name }) => name)
  return ok(
    'boot files for Secure Boot',
    there.length > 0
      ? `${there.join(', ')} are there`
      : `not installed; machines with Secure Boot need them: apt-get install --no-install-recommends ${SIGNED_PACKAGES}`,
  )
}

const GIB = 1024 ** 3

export function judgeDirectory(path: string, fact: DirectoryFact): Finding[] {
  const check = 'data directory'
  const change = 'Choose another with dataDir, or change its owner'
  if (fact.state === 'not-a-directory') return [failed(check, `${path} is not a directory`, `${change}.`)]
  if (fact.state === 'not-writable') return [failed(check, `${path} is not writable`, `${change}: chown USER ${path}`)]
  if (fact.state === 'missing' && !fact.creatable)
    return [failed(check, `${path} does not exist and ${fact.nearest} is not writable`, `Make it: mkdir -p ${path}`)]
  const free = `${(fact.freeBytes / GIB).toFixed(1)} GiB free`
  const next = `Free some space on the file system of ${fact.nearest}.`
  const space =
    fact.freeBytes < GIB / 8
      ? failed('disk space', free, next)
      : fact.freeBytes < 2 * GIB
        ? warning('disk space', free, next)
        : ok('disk space', free)
  return [ok(check, fact.state === 'missing' ? `${path} will be made` : `${path} is writable`), space]
}

/** When this was written: a clock that shows less is wrong, and TLS, tokens and leases would be too. */
const EARLIEST = Date.UTC(2026, 10, 1)

export function judgeClock(now: number, synchronised: boolean | undefined): Finding {
  const shown = new Date(now).toISOString()
  const next = 'Set it and keep it right: apt-get install systemd-timesyncd && timedatectl set-ntp true'
  if (now < EARLIEST) return failed('clock', `it shows ${shown}, which cannot be`, next)
  if (synchronised === false) return warning('clock', `it shows ${shown}; nothing keeps it right (no NTP)`, next)
  return ok('clock', synchronised ? `${shown}, kept right by NTP` : `${shown}; whether NTP keeps it is not known`)
}

export type LabFacts = Readonly<{
  qemu: boolean
  uefi: boolean
  ip: boolean
  /** `useless`: /dev/kvm opens, but the processor lacks what KVM is made of. */
  kvm: 'works' | 'useless' | 'closed'
  tun: boolean
  admin: boolean
}>

function judgeKvm(kvm: LabFacts['kvm']): Finding {
  switch (kvm) {
    case 'works':
      return ok('lab: KVM', '/dev/kvm can be used')
    case 'useless':
      return warning(
        'lab: KVM',
        '/dev/kvm opens, but the processor shows no virtualisation (vmx or svm), so machines are emulated and slow',
        'Switch virtualisation on in the firmware; where this computer is virtual itself, allow nested virtualisation on its host.',
      )
    case 'closed':
      return warning(
        'lab: KVM',
        '/dev/kvm cannot be used, so machines are emulated and slow',
        'Switch virtualisation on in the firmware, or join the group kvm.',
      )
  }
}

export function judgeLab({ lab }: Config, facts: LabFacts): Finding[] {
  if (!lab.enabled) return []
  const findings = [
    facts.qemu
      ? ok('lab: QEMU', 'qemu-system-x86_64 is there')
      : failed(
          'lab: QEMU',
          'qemu-system-x86_64 is missing',
          'Install it: apt-get install --no-install-recommends qemu-system-x86 ipxe-qemu',
        ),
    judgeKvm(facts.kvm),
    facts.uefi
      ? ok('lab: UEFI', 'OVMF is there')
      : warning(
          'lab: UEFI',
          'OVMF is missing, so only BIOS machines start',
          'Install it: apt-get install --no-install-recommends ovmf',
        ),
  ]
  if (lab.mode === 'user') return findings
  const missing = [
    ...(facts.admin ? [] : ['root (CAP_NET_ADMIN)']),
    ...(facts.tun ? [] : ['/dev/net/tun']),
    ...(facts.ip ? [] : ['the program ip (package iproute2)']),
  ]
  if (missing.length === 0) return [...findings, ok('lab: bridge', 'a private bridge can be made')]
  const judge = lab.mode === 'bridge' ? failed : warning
  return [
    ...findings,
    judge(
      'lab: bridge',
      `a bridge cannot be made without ${missing.join(', ')}`,
      'Run as root, or set lab.mode to user (QEMU user networking).',
    ),
  ]
}

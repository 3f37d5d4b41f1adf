import { contains, formatIpv4, formatSubnet, ipv4, maskOf, parseIpv4, parseSubnet } from '../../kit/ip.ts'
import { type Mac, parseMac } from '../../kit/mac.ts'

/** Of a file that is read; what is after that is told, not read. */
const MOST_LINES = 200_000
const MOST_LINE = 8192
const MOST_NETWORKS = 256

export type DnsmasqHost = Readonly<{ line: number; name: string | null; macs: readonly Mac[]; ip: string | null }>
export type DnsmasqNetwork = Readonly<{
  line: number
  /** `null` where no line says how large it is. */
  subnet: string | null
  ranges: readonly Readonly<{ first: string; last: string }>[]
  router: string | null
  dns: readonly string[]
  ntp: readonly string[]
  domain: string | null
  leaseSeconds: number | null
}>
export type DnsmasqConf = Readonly<{
  hosts: readonly DnsmasqHost[]
  networks: readonly DnsmasqNetwork[]
  /** Every part that is in none of those, with the line (from 1) and why. */
  notes: readonly Readonly<{ line: number; message: string }>[]
}>

type Draft = { -readonly [Key in keyof DnsmasqNetwork]: DnsmasqNetwork[Key] } & {
  tags: string[]
  ranges: { first: string; last: string }[]
}
type Option = Readonly<{ line: number; tags: readonly string[]; name: string; values: readonly string[] }>
type Reading = {
  hosts: DnsmasqHost[]
  networks: Draft[]
  options: Option[]
  domain: string | null
  notes: { line: number; message: string }[]
}

/** Options of DHCP that are understood, by the names and numbers that dnsmasq gives them (RFC 2132). */
const OPTIONS: Readonly<Record<string, 'router' | 'dns' | 'ntp' | 'domain'>> = {
  '3': 'router',
  router: 'router',
  '6': 'dns',
  'dns-server': 'dns',
  '15': 'domain',
  'domain-name': 'domain',
  '42': 'ntp',
  'ntp-server': 'ntp',
}
/** What Reveille does by itself. */
const OURS =
  /^(dhcp-boot|enable-tftp|tftp-.*|pxe-service|pxe-prompt|dhcp-match|dhcp-vendorclass|dhcp-userclass|dhcp-authoritative|dhcp-leasefile|dhcp-lease-max|log-dhcp|log-queries)$/

/** The DHCP part of a dnsmasq.conf, as dnsmasq(8) describes its lines: hosts, ranges, and options of networks. Never throws. */
export function readDnsmasq(text: string): DnsmasqConf {
  const reading: Reading = { hosts: [], networks: [], options: [], domain: null, notes: [] }
  const lines = text.split('\n')
  for (const [index, raw] of lines.slice(0, MOST_LINES).entries()) readLine(raw, index + 1, reading)
  if (lines.length > MOST_LINES)
    reading.notes.push({ line: MOST_LINES + 1, message: `only ${MOST_LINES} lines are read` })
  for (const option of reading.options) applyOption(option, reading)
  for (const network of reading.networks) network.domain ??= reading.domain
  if (reading.networks.length === 0 && reading.domain !== null)
    reading.notes.push({ line: 1, message: `the domain ${reading.domain} belongs to no range` })
  return {
    hosts: reading.hosts,
    networks: reading.networks.map(({ tags: _, ...network }) => network),
    notes: reading.notes.sort((a, b) => a.line - b.line),
  }
}

function readLine(raw: string, line: number, reading: Reading): void {
  const note = (message: string) => reading.notes.push({ line, message })
  if (raw.length > MOST_LINE) {
    note(`the line is longer than ${MOST_LINE} characters`)
    return
  }
  const text = withoutComment(raw).trim()
  if (text === '') return
  const [, key = '', value = ''] = /^([^=\s]+)\s*(?:=\s*(.*))?$/s.exec(text) ?? []
  const fields = value.split(',').map((field) => field.trim().replace(/^"(.*)"$/, '$1'))
  if (key === 'dhcp-host') readHost(fields, line, reading)
  else if (key === 'dhcp-range') readRange(fields, line, reading)
  else if (key === 'dhcp-option' || key === 'dhcp-option-force') readOption(fields, line, reading)
  else if (key === 'domain' && fields.length === 1 && fields[0] !== '' && reading.domain === null)
    reading.domain = fields[0] ?? null
  else if (
    /^(conf-file|conf-dir|servers-file|dhcp-hostsfile|dhcp-hostsdir|dhcp-optsfile|dhcp-optsdir|read-ethers)$/.test(key)
  )
    note(`${text}: other files are not read; import them, too`)
  else if (OURS.test(key)) note(`${text}: left out, for Reveille does this its own way`)
  else note(`${text}: not understood, and left out`)
}

/** A `#` starts a comment at the beginning of a line and after a space, but not between quotes. */
function withoutComment(raw: string): string {
  let quoted = false
  for (let at = 0; at < raw.length; at++) {
    if (raw[at] === '"') quoted = !quoted
    else if (raw[at] === '#' && !quoted && (at === 0 || /\s/.test(raw[at - 1]!))) return raw.slice(0, at)
  }
  return raw
}

function readHost(fields: readonly string[], line: number, { hosts, notes }: Reading): void {
  const macs: Mac[] = []
  const names: string[] = []
  let ip: string | null = null
  const rest: string[] = []
  for (const field of fields) {
    const mac = parseMac(field.replace(/^01-(?=[0-9a-f]{2}([:-]|$))/i, ''))
    const address = parseIpv4(field)
    if (mac && /[:-]/.test(field)) macs.push(mac)
    else if (address !== undefined && ip === null) ip = formatIpv4(address)
    else if (isName(field) && leaseOf(field) === undefined && field !== 'ignore') names.push(field)
    else rest.push(field)
  }
  const [name, ...more] = names
  const said = fields.join(',')
  if (rest.includes('ignore')) {
    notes.push({ line, message: `dhcp-host=${said}: a machine that is to be ignored is left out` })
    return
  }
  if (macs.length === 0) {
    notes.push({ line, message: `dhcp-host=${said}: without a whole MAC address it is no machine, and left out` })
    return
  }
  for (const field of [...rest, ...more]) {
    const message =
      leaseOf(field) === undefined
        ? 'not understood, and left out'
        : 'lease times are of networks, and this one is left out'
    notes.push({ line, message: `dhcp-host ${name ?? macs[0]}: ${field}: ${message}` })
  }
  hosts.push({ line, name: name ?? null, macs: [...new Set(macs)], ip })
}

function readRange(fields: readonly string[], line: number, { networks, notes }: Reading): void {
  const tags = fields.filter((field) => /^(set|tag|interface):/.test(field))
  const [start = '', ...rest] = fields.slice(tags.length)
  const strange = { line, message: `dhcp-range=${fields.join(',')}: not understood, and left out` }
  const first = parseIpv4(start)
  if (first === undefined) {
    notes.push(strange)
    return
  }
  const addresses: number[] = []
  let leaseSeconds: number | null = null
  let isStatic = false
  for (const field of rest) {
    const address = parseIpv4(field)
    const lease = leaseOf(field)
    if (address !== undefined) addresses.push(address)
    else if (lease !== undefined) leaseSeconds = lease
    else if (field === 'static') isStatic = true
    else notes.push({ line, message: `dhcp-range ${start}: ${field}: not understood, and left out` })
  }
  const last = isStatic ? undefined : addresses.shift()
  const [mask] = addresses
  const prefix = mask === undefined ? undefined : prefixOf(mask)
  const isWrong = (mask !== undefined && prefix === undefined) || (last === undefined ? !isStatic : last < first)
  if (isWrong || networks.length >= MOST_NETWORKS) {
    notes.push(strange)
    return
  }
  const subnet = prefix === undefined ? null : formatSubnet({ base: ipv4((first & maskOf(prefix)) >>> 0), prefix })
  if (subnet === null)
    notes.push({ line, message: `dhcp-range ${start}: without a netmask; the network has to be completed by hand` })
  const range = last === undefined ? [] : [{ first: formatIpv4(first), last: formatIpv4(ipv4(last)) }]
  const known = subnet === null ? undefined : networks.find((each) => each.subnet === subnet)
  if (known) {
    known.ranges.push(...range)
    for (const tag of namesOf(tags)) if (!known.tags.includes(tag)) known.tags.push(tag)
    known.leaseSeconds ??= leaseSeconds
    return
  }
  networks.push({
    line,
    subnet,
    ranges: range,
    router: null,
    dns: [],
    ntp: [],
    domain: null,
    leaseSeconds,
    tags: namesOf(tags),
  })
}

function readOption(fields: readonly string[], line: number, { options, notes }: Reading): void {
  const tags = fields.filter((field) => field.startsWith('tag:'))
  const [name = '', ...values] = fields.slice(tags.length)
  const known = OPTIONS[name.replace(/^option:/, '')]
  const strange = /^(encap|vi-encap|vendor|option6):/.test(fields.find((field) => !field.startsWith('tag:')) ?? '')
  if (known === undefined || strange || values.length === 0 || !Object.hasOwn(OPTIONS, name.replace(/^option:/, '')))
    notes.push({ line, message: `dhcp-option=${fields.join(',')}: not understood, and left out` })
  else options.push({ line, tags: namesOf(tags), name: known, values })
}

function applyOption({ line, tags, name, values }: Option, { networks, notes }: Reading): void {
  const meant = networks.filter((network) => tags.every((tag) => network.tags.includes(tag)))
  const note = (message: string) => void notes.push({ line, message: `option ${name} ${values.join(',')}: ${message}` })
  if (meant.length === 0) note('it belongs to no range, and is left out')
  if (name === 'domain') {
    for (const network of meant) network.domain = values[0] ?? null
    if (values.length > 1) note('of several domains the first is taken')
    return
  }
  const addresses = values.flatMap((value) => {
    const address = parseIpv4(value)
    if (address === undefined || address === 0) note(`${value} is no address that could be taken over; left out`)
    return address === undefined || address === 0 ? [] : [formatIpv4(address)]
  })
  const [router, ...others] = addresses
  if (name !== 'router') for (const network of meant) network[name as 'dns' | 'ntp'] = addresses
  else if (router !== undefined) {
    if (others.length > 0) note('of several routers the first is taken')
    const inside = meant.filter(({ subnet }) => {
      const parsed = subnet === null ? undefined : parseSubnet(subnet)
      return parsed === undefined || contains(parsed, parseIpv4(router) ?? ipv4(0))
    })
    if (inside.length === 0) note('the router is in none of the networks, and left out')
    for (const network of inside) network.router = router
  }
}

const namesOf = (tags: readonly string[]) => tags.map((tag) => tag.replace(/^\w+:/, ''))
const isName = (field: string) => /^[A-Za-z0-9_]([A-Za-z0-9._-]{0,251}[A-Za-z0-9_])?$/.test(field)

/** Seconds: `45m`, `12h`, `1d`, `2w`, `infinite`; bare numbers are seconds. */
function leaseOf(field: string): number | undefined {
  if (field === 'infinite') return 4_294_967_295
  const [, digits, unit = ''] = /^(\d{1,9})([mhdw]?)$/.exec(field) ?? []
  const seconds = { '': 1, m: 60, h: 3600, d: 86_400, w: 604_800 }[unit] ?? 1
  return digits === undefined ? undefined : Math.min(Number(digits) * seconds, 4_294_967_295)
}

function prefixOf(mask: number): number | undefined {
  for (let prefix = 0; prefix <= 32; prefix++) if (maskOf(prefix) === mask) return prefix
  return undefined
}

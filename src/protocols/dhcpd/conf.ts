import { formatIpv4, formatSubnet, ipv4, maskOf, parseIpv4 } from '../../kit/ip.ts'
import { type Mac, parseMac } from '../../kit/mac.ts'
import { type Note, readStatements, type Statement } from './tokens.ts'

export type DhcpdHost = Readonly<{
  line: number
  name: string
  hostname: string | null
  macs: readonly Mac[]
  ip: string | null
}>
export type DhcpdNetwork = Readonly<{
  line: number
  subnet: string
  ranges: readonly Readonly<{ first: string; last: string }>[]
  router: string | null
  dns: readonly string[]
  ntp: readonly string[]
  domain: string | null
  leaseSeconds: number | null
}>
export type DhcpdConf = Readonly<{
  hosts: readonly DhcpdHost[]
  networks: readonly DhcpdNetwork[]
  /** Every part that is in none of those, with the line (from 1) and why. */
  notes: readonly Note[]
}>

/** What holds in a block: statements of blocks around it hold too, unless said again. */
type Scope = Readonly<{
  router: string | null
  dns: readonly string[]
  ntp: readonly string[]
  domain: string | null
  hostname: string | null
  leaseSeconds: number | null
}>
type Reading = { hosts: DhcpdHost[]; networks: DhcpdNetwork[]; notes: { line: number; message: string }[] }

const NOTHING: Scope = { router: null, dns: [], ntp: [], domain: null, hostname: null, leaseSeconds: null }
/** What Reveille does by itself. */
const OURS =
  /^(filename|next-server|server-name|authoritative|allow|deny|ignore|ddns-update-style|ddns-updates|log-facility|option arch|option client-arch)\b/

/** The hosts, subnets and their options of an ISC dhcpd.conf, with what groups around them say. Never throws. */
export function readDhcpd(text: string): DhcpdConf {
  const { statements, notes } = readStatements(text)
  const reading: Reading = { hosts: [], networks: [], notes: [...notes] }
  readBlock(statements, NOTHING, reading)
  return { ...reading, notes: reading.notes.sort((a, b) => a.line - b.line) }
}

function readBlock(statements: readonly Statement[], around: Scope, reading: Reading): void {
  const scope = scopeOf(statements, around, reading)
  for (const statement of statements) {
    const { line, words, block } = statement
    const [first = '', ...rest] = words.map(({ text }) => text)
    const leave = (why: string) => void reading.notes.push({ line, message: `${said(statement)}: ${why}` })
    if (block === null) {
      if (!isOption(statement))
        leave(
          OURS.test(said(statement)) ? 'left out, for Reveille does this its own way' : 'not understood, and left out',
        )
    } else if (first === 'group') readBlock(block, scope, reading)
    else if (first === 'shared-network') {
      leave('networks on one wire are told apart by their interfaces and relays; they are taken over one by one')
      readBlock(block, scope, reading)
    } else if (first === 'host') readHost(statement, rest[0] ?? '', block, scope, reading)
    else if (first === 'subnet') readSubnet(statement, rest, block, scope, reading)
    else leave('blocks of this kind are not understood; left out with all that is in it')
  }
}

function scopeOf(statements: readonly Statement[], around: Scope, reading: Reading): Scope {
  let scope = around
  for (const statement of statements) {
    const option = isOption(statement)
    if (!option) continue
    const note = (message: string) =>
      void reading.notes.push({ line: statement.line, message: `${said(statement)}: ${message}` })
    const values = statement.words
      .slice(option === 'leaseSeconds' ? 1 : 2)
      .filter(({ text, quoted }) => quoted || text !== ',')
    const [value] = values.map(({ text }) => text)
    if (option === 'leaseSeconds') {
      const seconds = Number(value)
      if (Number.isInteger(seconds) && seconds > 0 && seconds <= 4_294_967_295)
        scope = { ...scope, leaseSeconds: seconds }
      else note('it is no time in seconds, and left out')
    } else if (option === 'domain' || option === 'hostname') scope = { ...scope, [option]: value ?? null }
    else {
      const addresses = values.flatMap(({ text }) => {
        const address = parseIpv4(text)
        if (address === undefined) note(`${text} is no address, and left out`)
        return address === undefined ? [] : [formatIpv4(address)]
      })
      if (option === 'router' && addresses.length > 1) note('of several routers the first is taken')
      scope = option === 'router' ? { ...scope, router: addresses[0] ?? null } : { ...scope, [option]: addresses }
    }
  }
  return scope
}

function isOption({ words, block }: Statement): keyof Scope | undefined {
  const [first = '', second = ''] = words.map(({ text }) => text)
  if (block !== null) return undefined
  if (first === 'default-lease-time') return 'leaseSeconds'
  if (first !== 'option') return undefined
  const names: Readonly<Record<string, keyof Scope>> = {
    routers: 'router',
    'domain-name-servers': 'dns',
    'ntp-servers': 'ntp',
    'domain-name': 'domain',
    'host-name': 'hostname',
  }
  return Object.hasOwn(names, second) ? names[second] : undefined
}

function readHost(
  statement: Statement,
  name: string,
  block: readonly Statement[],
  around: Scope,
  reading: Reading,
): void {
  const scope = scopeOf(block, { ...around, router: null, dns: [], ntp: [], domain: null, leaseSeconds: null }, reading)
  const macs: Mac[] = []
  let ip: string | null = null
  for (const each of block) {
    const [first = '', second = '', third = '', ...more] = each.words.map(({ text }) => text)
    const mac = first === 'hardware' && second === 'ethernet' ? parseMac(third) : undefined
    const address = first === 'fixed-address' ? parseIpv4(second) : undefined
    if (mac) macs.push(mac)
    else if (address !== undefined && ip === null) {
      ip = formatIpv4(address)
      if (third !== '' || more.length > 0)
        reading.notes.push({ line: each.line, message: `${said(each)}: of several addresses the first is taken` })
    } else if (isOption(each) !== 'hostname') {
      const why = OURS.test(said(each))
        ? 'left out, for Reveille does this its own way'
        : 'not understood for one machine, and left out'
      reading.notes.push({ line: each.line, message: `host ${name}: ${said(each)}: ${why}` })
    }
  }
  if (macs.length === 0)
    reading.notes.push({
      line: statement.line,
      message: `host ${name}: without an Ethernet address it is no machine, and left out`,
    })
  else reading.hosts.push({ line: statement.line, name, hostname: scope.hostname, macs: [...new Set(macs)], ip })
}

function readSubnet(
  statement: Statement,
  words: readonly string[],
  block: readonly Statement[],
  around: Scope,
  reading: Reading,
): void {
  const [base, mask] = [parseIpv4(words[0] ?? ''), parseIpv4(words[2] ?? '')]
  const prefix = Array.from({ length: 33 }, (_, i) => i).find((each) => maskOf(each) === mask)
  if (base === undefined || prefix === undefined || words[1] !== 'netmask') {
    reading.notes.push({
      line: statement.line,
      message: `${said(statement)}: not understood; left out with all that is in it`,
    })
    return
  }
  const scope = scopeOf(block, around, reading)
  const ranges: { first: string; last: string }[] = []
  const inside: Statement[] = []
  for (const each of block) {
    const [first = ''] = each.words.map(({ text }) => text)
    if (first === 'pool' && each.block) {
      for (const part of each.block)
        if (!readRange(part, ranges))
          reading.notes.push({ line: part.line, message: `pool: ${said(part)}: not understood, and left out` })
    } else if (!readRange(each, ranges)) inside.push(each)
  }
  const { router, dns, ntp, domain, leaseSeconds } = scope
  const subnet = formatSubnet({ base: ipv4((base & maskOf(prefix)) >>> 0), prefix })
  reading.networks.push({ line: statement.line, subnet, ranges, router, dns, ntp, domain, leaseSeconds })
  readBlock(
    inside.filter((each) => !isOption(each)),
    scope,
    reading,
  )
}

/** `range [dynamic-bootp] FIRST [LAST];` */
function readRange({ words, block }: Statement, ranges: { first: string; last: string }[]): boolean {
  const texts = words.map(({ text }) => text).filter((text) => text !== 'dynamic-bootp')
  const [key, first = '', last = first, ...more] = texts
  const [from, to] = [parseIpv4(first), parseIpv4(last)]
  if (key !== 'range' || block !== null || from === undefined || to === undefined || to < from || more.length > 0)
    return false
  ranges.push({ first: formatIpv4(from), last: formatIpv4(to) })
  return true
}

function said({ words }: Statement): string {
  const text = words.map((word) => (word.quoted ? JSON.stringify(word.text) : word.text)).join(' ')
  return text.length > 200 ? `${text.slice(0, 200)}…` : text
}

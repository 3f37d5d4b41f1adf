import { parseIpv4 } from '../../../kit/ip.ts'
import { readDhcpd } from '../../../protocols/dhcpd/conf.ts'
import { readDnsmasq } from '../../../protocols/dnsmasq/conf.ts'
import { type MatchboxSite, readMatchbox } from '../../../protocols/matchbox/site.ts'
import { readMachines } from './csv.ts'
import type { SiteFiles } from './files.ts'
import { yamlOf } from './yaml.ts'

/** A manifest as YAML and as it is, and everything that is not in it or is called otherwise now, with its place. */
export type Imported = Readonly<{
  sections: Readonly<Partial<Record<'machines' | 'profiles' | 'configs' | 'values', readonly object[]>>>
  /** For reveille.yaml. */
  networks: readonly object[]
  notes: readonly string[]
}>

type Host = Readonly<{
  line: number
  name: string | null
  hostname?: string | null
  macs: readonly string[]
  ip: string | null
}>
type Network = Readonly<{
  line: number
  subnet: string | null
  ranges: readonly Readonly<{ first: string; last: string }>[]
  router: string | null
  dns: readonly string[]
  ntp: readonly string[]
  domain: string | null
  leaseSeconds: number | null
}>
type Lines = Readonly<{
  hosts: readonly Host[]
  networks: readonly Network[]
  notes: readonly Readonly<{ line: number; message: string }>[]
}>

export const importDnsmasq = (text: string, file: string): Imported => fromLines(readDnsmasq(text), file)
export const importDhcpd = (text: string, file: string): Imported => fromLines(readDhcpd(text), file)

export function importCsv(text: string, file: string): Imported {
  const { machines, problems } = readMachines(text)
  return {
    sections: { machines },
    networks: [],
    notes: problems.map(({ line, message }) => `${file}:${line}: ${message}`),
  }
}

function fromLines({ hosts, networks, notes }: Lines, file: string): Imported {
  const told = notes.map(({ line, message }) => ({ line, message }))
  const names = new Names()
  const seen = new Map<string, string>()
  const machines: object[] = []
  for (const host of hosts) {
    const note = (message: string) => void told.push({ line: host.line, message })
    const macs = host.macs.filter((mac) => {
      const other = seen.get(mac)
      if (other !== undefined) note(`${mac} is that of ${other} already, and left out here`)
      return other === undefined
    })
    if (macs.length === 0) continue
    const wanted = host.name ?? `host-${macs[0]?.replaceAll(':', '')}`
    const name = names.take(wanted, note)
    for (const mac of macs) seen.set(mac, name)
    if (macs.length > 16) note(`${name}: a machine has at most 16 MAC addresses; the rest is left out`)
    const said = (host.hostname ?? host.name)?.toLowerCase() ?? null
    const hostname = said !== null && /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(said) ? said : null
    if (said !== null && hostname === null)
      note(`${name}: ${said} is no host name without a domain, and left out as such`)
    const address = host.ip !== null && isStation(host.ip) && !seen.has(host.ip) ? host.ip : null
    if (host.ip !== null && address === null)
      note(`${name}: ${host.ip} is ${seen.get(host.ip) ?? 'nobody'}'s, and left out here`)
    if (address !== null) seen.set(address, name)
    machines.push({
      name,
      macs: macs.slice(0, 16),
      ...(address ? { ip: address } : {}),
      ...(hostname ? { hostname } : {}),
    })
  }
  const lines = told.sort((a, b) => a.line - b.line).map(({ line, message }) => `${file}:${line}: ${message}`)
  return { sections: { machines }, networks: networks.map(networkSettings), notes: lines }
}

function networkSettings(
  { line: _, subnet, ranges, router, dns, ntp, domain, leaseSeconds }: Network,
  index: number,
): object {
  return {
    name: `net${index + 1}`,
    subnet: subnet ?? 'FILL-IN',
    ranges: ranges.map(({ first, last }) => `${first}-${last}`),
    ...(router === null ? {} : { router }),
    ...(dns.length === 0 ? {} : { dns }),
    ...(ntp.length === 0 ? {} : { ntp }),
    ...(domain === null ? {} : { domain }),
    ...(leaseSeconds === null ? {} : { leaseSeconds: Math.min(Math.max(leaseSeconds, 120), 31_536_000) }),
  }
}

/** The folders that matchbox reads, without those within them; its `assets` are kernels and such. */
const MATCHBOX_FOLDERS = ['groups', 'profiles', 'ignition', 'cloud', 'generic']
const MOST_FILES = 10_000

/** The directory of matchbox. Files that cannot be read are told, each by itself. Rejects (`Error`) where the directory is another one. */
export async function importMatchboxFolder(files: SiteFiles, folder: string): Promise<Imported> {
  const isHidden = (path: string) => path.split('/').some((step) => step.startsWith('.'))
  const listed = (await files.list(folder)).filter(({ path, kind }) => kind !== 'other' && !isHidden(path))
  const found = listed.filter(({ path }) => MATCHBOX_FOLDERS.includes(path.split('/')[0] ?? '') && path.includes('/'))
  if (found.length === 0)
    throw new Error(`${folder} is no directory of matchbox: it holds neither groups/ nor profiles/ nor ignition/`)
  if (found.length > MOST_FILES) throw new Error(`${folder} has more than ${MOST_FILES} files`)
  const texts = new Map<string, string>()
  const notes: string[] = []
  for (const { path } of found.sort((a, b) => (a.path < b.path ? -1 : 1))) {
    const place = `${folder}/${path}`
    if (path.split('/').length > 2) notes.push(`${place}: matchbox reads no folders within folders; left out`)
    else
      try {
        texts.set(path, await files.read(place))
      } catch (error) {
        const why = error instanceof Error ? error.message.replace(`${place} `, 'it ') : String(error)
        notes.push(`${place}: cannot be read, and is left out: ${why}`)
      }
  }
  const imported = importMatchbox(texts, folder)
  return { ...imported, notes: [...notes, ...imported.notes] }
}

/** `files`: texts by path below the directory of matchbox. */
export function importMatchbox(files: ReadonlyMap<string, string>, folder: string): Imported {
  const site = readMatchbox(files)
  const notes = site.notes.map(
    ({ file, line, message }) => `${folder}/${file}${line === null ? '' : `:${line}`}: ${message}`,
  )
  const names = { configs: new Names(), profiles: new Names(), machines: new Names() }
  const at = (file: string) => (message: string) => void notes.push(`${folder}/${file}: ${message}`)
  const configNames = new Map(
    site.configs.map((each) => [
      each.name,
      names.configs.take(each.name.replace(/\.(ign|json|ya?ml|bu|tmpl)$/g, ''), at(each.file), false),
    ]),
  )
  const profileNames = new Map(site.profiles.map((each) => [each.id, names.profiles.take(each.id, at(each.file))]))
  const configs = site.configs.map(({ name, kind, text, variables }) => ({
    ...{ name: configNames.get(name), kind },
    ...(variables.length === 0 ? {} : { variables: variables.map((each) => ({ name: each })) }),
    parts: [{ name: kind === 'cloud-init' ? 'user-data' : 'main', content: text }],
  }))
  const profiles = site.profiles.map((profile) => matchboxProfile(profile, profileNames, configNames, at(profile.file)))
  const seen = new Map<string, string>()
  const machines: object[] = []
  const values: object[] = []
  for (const machine of site.machines) {
    const note = at(machine.file)
    const [mac = ''] = machine.macs
    const other = seen.get(mac)
    if (other !== undefined) {
      note(`${mac} is that of ${other} already; the group is left out`)
      continue
    }
    const name = names.machines.take(machine.name, note)
    seen.set(mac, name)
    const profile = machine.profile === null ? undefined : profileNames.get(machine.profile)
    if (machine.profile !== null && profile === undefined) note(`there is no profile ${machine.profile}`)
    const uuid =
      machine.uuid !== null && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(machine.uuid) ? machine.uuid : null
    if (machine.uuid !== null && uuid === null) note(`${machine.uuid} is no UUID, and left out`)
    machines.push({
      name,
      macs: machine.macs,
      ...(profile ? { profile } : {}),
      ...(uuid ? { uuid } : {}),
      ...(machine.serial ? { serial: machine.serial } : {}),
    })
    for (const [variable, value] of Object.entries(machine.values))
      values.push({ scope: `machine:${name}`, name: variable, value })
  }
  return { sections: { configs, profiles, machines, values }, networks: [], notes }
}

function matchboxProfile(
  { id, name, kernel, initrd, cmdline, config }: MatchboxSite['profiles'][number],
  profiles: ReadonlyMap<string, string>,
  configs: ReadonlyMap<string, string>,
  note: (message: string) => void,
): object {
  const own = profiles.get(id) ?? id
  note(
    `kernel ${kernel} and initrd ${initrd.join(', ') || '(none)'} have to be pushed as the image ${own} first: reveille image push`,
  )
  const named = config === null ? undefined : configs.get(config)
  if (config !== null && named === undefined) note(`there is no config ${config}`)
  const isLine = cmdline.length <= 2048 && /^[\x20-\x7e]*$/.test(cmdline)
  if (!isLine) note('its command line is too long or has other than printable ASCII characters, and is left out')
  const description = name.slice(0, 500)
  return {
    name: own,
    kind: 'live',
    ...(description ? { description } : {}),
    image: own,
    ...(isLine ? { cmdline } : {}),
    ...(named ? { config: named } : {}),
  }
}

/** The manifest, with what is to be known and done above it. */
export function importedText({ sections, networks, notes }: Imported, from: string): string {
  const head = [`From ${isWhole(from) ? from.split('/').at(-1) : from}.`]
  if (notes.length > 0) head.push('', 'To be looked at:', ...notes.map((note) => `  ${note}`))
  if (networks.length > 0)
    head.push('', 'For reveille.yaml, with the interface of each:', '', ...yamlOf({ networks }).trimEnd().split('\n'))
  // Whatever a line of the file had in it, it stays a comment.
  const comments = head.flatMap((line) => line.split(/[\r\n\u0085\u2028\u2029]+/)).map((line) => `# ${line}`.trimEnd())
  const said = Object.fromEntries(Object.entries(sections).filter(([, things]) => things.length > 0))
  const body = Object.keys(said).length === 0 ? '' : yamlOf(said)
  return `${comments.join('\n')}\n${body}`
}

/** Names as the server takes them, each once. */
class Names {
  readonly #taken = new Set<string>()
  /** Where counting goes on, so that very many of one name do not take for ever. */
  readonly #next = new Map<string, number>()

  take(wanted: string, note: (message: string) => void, tell = true): string {
    const plain = wanted
      .toLowerCase()
      .replace(/[^a-z0-9._-]+/g, '-')
      .slice(0, 56)
      .replace(/^[^a-z0-9]+|[^a-z0-9]+$/g, '')
    const base = plain === '' ? 'unnamed' : plain
    let name = base
    let next = this.#next.get(base) ?? 2
    for (; this.#taken.has(name); next++) name = `${base}-${next}`
    this.#next.set(base, next)
    this.#taken.add(name)
    if (name !== wanted && (tell || name !== plain)) note(`${wanted} is called ${name} now`)
    return name
  }
}

const isStation = (ip: string) => {
  const address = parseIpv4(ip)
  return address !== undefined && address !== 0 && address >>> 28 < 14
}

const isWhole = (path: string) => path.startsWith('/')

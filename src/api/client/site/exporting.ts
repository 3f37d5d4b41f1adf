import type { Machine } from '../../contract/machines.ts'
import { type ApiClient, all } from '../client.ts'
import { plainPath } from './files.ts'
import { yamlOf } from './yaml.ts'

/** A file below the directory, and what is in it. */
export type ExportedFile = Readonly<{ path: string; content: string }>
/** What a manifest cannot say, each with what to do after it was applied to another server. */
type Notes = string[]

/**
 * The whole of a server as manifests and the files that they name: applied to the same server they change nothing. No secret is told
 * by the API, so none is here; comments name what has to be set again. `inline`: texts of configs stand in the manifests.
 */
export async function exportSite(client: ApiClient, { inline = false } = {}): Promise<ExportedFile[]> {
  const machines = (await all(client.listMachines)).filter(({ state }) => state !== 'discovered')
  const names = new Set(machines.map(({ name }) => name))
  const configs = await exportConfigs(client, inline)
  const profileNotes: Notes = []
  const profiles = (await all(client.listProfiles)).map(({ createdAt: _c, updatedAt: _u, usedBy: _n, ...spec }) => {
    if (JSON.stringify(spec).includes(KEPT))
      profileNotes.push(
        `profile ${spec.name}: ${KEPT} stands for what is not shown; a new server needs it written here`,
      )
    const [config, pinned] = ('config' in spec ? (spec.config ?? '') : '').split('@')
    if (pinned !== undefined)
      profileNotes.push(
        `profile ${spec.name}: it goes by version ${pinned} of the config ${config}, and here is the newest text only, which has number 1 on a new server`,
      )
    return bare(spec, DEFAULTS.profile)
  })
  const images = [...new Set(profiles.flatMap(imagesOf))].sort()
  if (images.length > 0) profileNotes.unshift(`images, to be pushed before: ${images.join(', ')}`)
  const machineNotes: Notes = []
  const described = []
  for (const machine of machines) described.push(await exportMachine(client, machine, machineNotes))
  return [
    file('machines.yaml', 'machines', described, machineNotes),
    file('profiles.yaml', 'profiles', profiles, profileNotes),
    ...configs,
    await exportValues(client, names),
    await exportVolumes(client),
    await exportBmcs(client, names),
    file('bmc-rules.yaml', 'bmcRules', await exportRules(client), []),
  ].filter(({ content }) => content !== '')
}

/** What the API tells in place of a password. */
const KEPT = '$kept$unchanged'
/** What may be left out. */
const DEFAULTS = { profile: { description: '' } }

/** Names of images, with the versions that are meant. */
function imagesOf(profile: object): string[] {
  const { image, wim, targets, disks } = profile as Record<string, unknown>
  const listed = [targets, disks].flatMap((each) => (Array.isArray(each) ? each.map(({ image: name }) => name) : []))
  return [image, wim, ...listed].filter((name) => typeof name === 'string')
}

/** What is known of a machine by its owner's word, besides its name and MACs. */
const OF_MACHINES = [
  'tags',
  'notes',
  'ip',
  'hostname',
  'profile',
  'uuid',
  'serial',
  'architecture',
  'firmware',
  'bootLoader',
] as const

async function exportMachine(client: ApiClient, machine: Machine, notes: Notes) {
  const { name, macs, state } = machine
  if (state === 'maintenance' || state === 'retired') notes.push(`reveille machine set ${name} --state ${state}`)
  const { items } = await client.listPowerDrivers({ params: { machine: machine.id } })
  const power = items
    .filter(({ builtIn }) => !builtIn)
    .map(({ name: driver, settings, secrets }) => {
      for (const secret of secrets) notes.push(`reveille driver set ${name} ${driver}: the secret ${secret}`)
      return { name: driver, settings }
    })
  const fields = { ...Object.fromEntries(OF_MACHINES.map((field) => [field, machine[field]])), power }
  return { name, macs, ...bare(fields, { tags: [], notes: '', bootLoader: 'auto', power: [] }) }
}

async function exportConfigs(client: ApiClient, inline: boolean): Promise<ExportedFile[]> {
  const files: ExportedFile[] = []
  const described = []
  for (const { name, kind, description } of await all(client.listConfigs)) {
    const { parts, variables } = await client.getConfigVersion({ params: { config: name, version: 'latest' } })
    const written = parts.map(({ name: part, content, executable }) => {
      const mode = executable ? { executable } : {}
      const path = `configs/${name}/${part}`
      const taken = files.some(
        (each) => each.path === path || each.path.startsWith(`${path}/`) || path.startsWith(`${each.path}/`),
      )
      // Not every name of a part is one that a file system keeps apart from others.
      if (inline || plainPath(path) !== path || taken) return { name: part, content, ...mode }
      files.push({ path, content })
      return { name: part, file: path, ...mode }
    })
    const asked = variables.map((each) => bare(each, { type: 'string', default: null, description: '' }))
    described.push({
      name,
      kind,
      ...bare({ description, variables: asked }, { description: '', variables: [] }),
      parts: written,
    })
  }
  return [file('configs.yaml', 'configs', described, []), ...files]
}

async function exportValues(client: ApiClient, machines: ReadonlySet<string>): Promise<ExportedFile> {
  const notes: Notes = []
  const values = []
  for (const { scope, name, value, secret } of await all(client.listConfigValues)) {
    const machine = /^machine:(.+)$/.exec(scope)?.[1]
    const [kind, of] = scope.split(/:(.*)/s)
    const where = of === undefined ? '' : ` --${kind} ${of}`
    if (machine !== undefined && !machines.has(machine))
      notes.push(`${name} of ${scope}: the machine is not approved, so it is left out`)
    else if (secret) notes.push(`reveille config set ${name} --secret${where}`)
    else values.push({ scope, name, value })
  }
  return file('values.yaml', 'values', values, notes)
}

async function exportVolumes(client: ApiClient): Promise<ExportedFile> {
  const notes: Notes = []
  const volumes = []
  for (const each of await all(client.listVolumes, { query: { use: 'own' } })) {
    const { name, base, bytes, limitBytes, labels, notes: remarks, scsi } = each
    if (each.active !== null || each.snapshots.length > 0) notes.push(`${name}: its snapshots are not here`)
    const image = base && `${base.image}@${base.version}`
    if (image) notes.push(`${name}: the image ${image}, to be pushed before`)
    // Those of machines come with their boots.
    for (const { for: whom } of each.exports)
      if (/^an export\b/.test(whom)) notes.push(`reveille volume export ${name}: ${whom}`)
    const fields = bare({ limitBytes, labels, notes: remarks }, { labels: {}, notes: '' })
    volumes.push({ name, ...(image ? { image } : {}), bytes, ...fields, scsi })
  }
  if (volumes.length > 0) notes.unshift('what is in volumes is not here: it is in a backup, or published as an image')
  return file('volumes.yaml', 'volumes', volumes, notes)
}

async function exportBmcs(client: ApiClient, machines: ReadonlySet<string>): Promise<ExportedFile> {
  const notes: Notes = []
  const bmcs = []
  for (const bmc of await all(client.listBmcs)) {
    const { machineName: machine, enabled, address, port, cipherSuites, clients, routes, users } = bmc
    if (!machines.has(machine)) continue
    const accounts = users.map(({ name, privilege, enabled: on }) => ({ name, privilege, enabled: on }))
    for (const { name } of accounts) notes.push(`reveille bmc user ${machine} ${name} --new-password`)
    const place = { ...(address === null ? {} : { address }), port }
    bmcs.push({
      machine,
      ...bare({ enabled }, { enabled: true }),
      ...place,
      cipherSuites,
      clients,
      routes,
      users: accounts,
    })
  }
  return file('bmcs.yaml', 'bmcs', bmcs, notes)
}

async function exportRules(client: ApiClient) {
  return (await all(client.listBmcRules)).map(({ name, tag, routes, user }) => ({ name, tag, routes, user }))
}

/** Without what is empty, `null` or as it would be anyway. */
function bare<T extends object>(fields: T, defaults: Readonly<Record<string, unknown>>): Partial<T> {
  const said = Object.entries(fields).filter(
    ([field, value]) =>
      value !== null && !(field in defaults && JSON.stringify(defaults[field]) === JSON.stringify(value)),
  )
  return Object.fromEntries(said) as Partial<T>
}

/** Without things and notes, nothing. */
function file(path: string, kind: string, things: readonly unknown[], notes: Notes): ExportedFile {
  if (things.length === 0 && notes.length === 0) return { path, content: '' }
  const comments =
    notes.length === 0
      ? ''
      : `# Not here, and to be set again on another server:\n${notes.map((note) => `#   ${note}\n`).join('')}`
  const body = things.length === 0 ? '' : yamlOf({ [kind]: things })
  return { path, content: `${comments}${body}` }
}

/** The same as one text, of a document for each file. */
export async function exportSiteText(client: ApiClient): Promise<string> {
  const files = await exportSite(client, { inline: true })
  return files.map(({ path, content }) => `# ${path}\n${content}`).join('---\n')
}

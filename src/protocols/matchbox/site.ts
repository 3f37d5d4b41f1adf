import { type Mac, parseMac } from '../../kit/mac.ts'

/** Where something stands: a file below the directory and a line of it, from 1; `null` for the file as a whole. */
export type MatchboxNote = Readonly<{ file: string; line: number | null; message: string }>
export type MatchboxMachine = Readonly<{
  file: string
  name: string
  profile: string | null
  macs: readonly Mac[]
  uuid: string | null
  serial: string | null
  /** Metadata that is plain: texts, numbers, yes and no, lists of texts. Names are as variables of configs have to be. */
  values: Readonly<Record<string, string | number | boolean | readonly string[]>>
}>
export type MatchboxProfile = Readonly<{
  file: string
  id: string
  name: string
  kernel: string
  initrd: readonly string[]
  /** With `{{config}}` where the address of the Ignition config was. */
  cmdline: string
  /** The config that it gives to machines. */
  config: string | null
}>
/** `text` with Go's `{{.name}}` as `{{ name }}`; `variables`: those names. */
export type MatchboxConfig = Readonly<{
  file: string
  name: string
  kind: 'ignition' | 'butane' | 'cloud-init' | 'text'
  text: string
  variables: readonly string[]
}>
export type MatchboxSite = Readonly<{
  machines: readonly MatchboxMachine[]
  profiles: readonly MatchboxProfile[]
  configs: readonly MatchboxConfig[]
  notes: readonly MatchboxNote[]
}>

type Key =
  | 'id'
  | 'name'
  | 'profile'
  | 'selector'
  | 'metadata'
  | 'mac'
  | 'uuid'
  | 'serial'
  | 'boot'
  | 'kernel'
  | 'initrd'
  | 'args'
type Fields = Readonly<Partial<Record<Key | 'ignition_id' | 'cloud_id' | 'generic_id', unknown>>>
type Note = (message: string, line?: number | null) => void

/**
 * The data of matchbox (groups/*.json, profiles/*.json, and the texts of ignition/, cloud/ and generic/), by path below its directory.
 * Never throws.
 */
export function readMatchbox(files: ReadonlyMap<string, string>): MatchboxSite {
  const notes: MatchboxNote[] = []
  const machines: MatchboxMachine[] = []
  const profiles: MatchboxProfile[] = []
  const configs: MatchboxConfig[] = []
  for (const [file, text] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const note: Note = (message, line = null) => void notes.push({ file, line, message })
    const [folder = '', name = ''] = file.split('/')
    if (folder === 'groups' && name.endsWith('.json')) {
      const machine = readGroup(file, read(text, note), note)
      if (machine) machines.push(machine)
    } else if (folder === 'profiles' && name.endsWith('.json')) {
      const profile = readProfile(file, read(text, note), note)
      if (profile) profiles.push(profile)
    } else if (['ignition', 'cloud', 'generic'].includes(folder))
      configs.push(readConfig(file, folder, name, text, note))
    else note('not understood, and left out')
  }
  return { machines, profiles, configs, notes }
}

function read(text: string, note: Note): Fields | undefined {
  try {
    const value: unknown = JSON.parse(text)
    if (isFields(value)) return value
    note('this is no JSON object, and left out')
  } catch (error) {
    note(`this is not JSON, and left out: ${error instanceof Error ? error.message : ''}`)
  }
  return undefined
}

function readGroup(file: string, group: Fields | undefined, note: Note): MatchboxMachine | undefined {
  if (!group) return undefined
  others(group, ['id', 'name', 'profile', 'selector', 'metadata'], note)
  const id = textOf(group.id) ?? file.replace(/^.*\/|\.json$/g, '')
  const selector = isFields(group.selector) ? group.selector : {}
  others(selector, ['mac', 'uuid', 'serial'], (message) => note(`selector ${message}`))
  const mac = parseMac(textOf(selector.mac) ?? '')
  if (!mac) {
    note(
      `group ${id}: it names no machine by its MAC address, and is left out; its profile is ${textOf(group.profile) ?? 'none'}`,
    )
    return undefined
  }
  const values: Record<string, string | number | boolean | readonly string[]> = Object.create(null)
  for (const [key, value] of Object.entries(isFields(group.metadata) ? group.metadata : {})) {
    const name = variableName(key)
    if (name === undefined || Object.hasOwn(values, name) || !isPlain(value))
      note(`metadata ${key}: not a plain value, and left out`)
    else {
      values[name] = value
      if (name !== key) note(`metadata ${key} is called ${name} now`)
    }
  }
  const [uuid, serial] = [textOf(selector.uuid), textOf(selector.serial)]
  return { file, name: id, profile: textOf(group.profile), macs: [mac], uuid, serial, values: { ...values } }
}

function readProfile(file: string, profile: Fields | undefined, note: Note): MatchboxProfile | undefined {
  if (!profile) return undefined
  others(profile, ['id', 'name', 'boot', 'ignition_id', 'cloud_id', 'generic_id'], note)
  const id = textOf(profile.id) ?? file.replace(/^.*\/|\.json$/g, '')
  const boot = isFields(profile.boot) ? profile.boot : {}
  others(boot, ['kernel', 'initrd', 'args'], (message) => note(`boot ${message}`))
  const kernel = textOf(boot.kernel)
  if (kernel === null) {
    note(`profile ${id}: it boots no kernel, and is left out`)
    return undefined
  }
  const words: string[] = []
  for (const arg of textsOf(boot.args)) {
    const config = /^((?:coreos|flatcar|ignition)\.config\.url)=.*\/ignition\?/.exec(arg)?.[1]
    if (config !== undefined) words.push(`${config}={{config}}`)
    else if (/^(?:ds|cloud-config-url)=.*\/cloud\b/.test(arg)) words.push('ds=nocloud;s={{nocloud}}')
    // iPXE would put something in its place, which GRUB and others do not know.
    else if (arg.includes('${')) note(`boot args ${arg}: variables of iPXE are not known here; left out`)
    else words.push(arg)
  }
  const ids = [profile.ignition_id, profile.cloud_id, profile.generic_id].flatMap((value) => textOf(value) ?? [])
  for (const other of ids.slice(1)) note(`a profile has one config; ${other} is not named`)
  return {
    ...{ file, id, name: textOf(profile.name) ?? '', kernel },
    ...{ initrd: textsOf(boot.initrd), cmdline: words.join(' '), config: ids[0] ?? null },
  }
}

function readConfig(file: string, folder: string, name: string, text: string, note: Note): MatchboxConfig {
  const kind =
    folder === 'cloud'
      ? 'cloud-init'
      : folder === 'generic'
        ? 'text'
        : /\.(ign|json)$/.test(name)
          ? 'ignition'
          : 'butane'
  const variables = new Set<string>()
  const lines = text.split('\n').map((line, index) =>
    line.replace(/\{\{([^{}]{0,500})\}\}/g, (whole, inside: string) => {
      const variable = variableName(/^\.([A-Za-z_][A-Za-z0-9_]*)$/.exec(inside.replace(/^-|-$/g, '').trim())?.[1] ?? '')
      if (variable === undefined) {
        note(`${whole}: this template of Go has to be written anew by hand`, index + 1)
        return whole
      }
      variables.add(variable)
      return `{{ ${variable} }}`
    }),
  )
  if (kind === 'butane' && !/^variant:/m.test(text))
    note('a Container Linux Config names no variant; check it as Butane')
  return { file, name, kind, text: lines.join('\n'), variables: [...variables] }
}

function others(fields: Fields, known: readonly string[], note: Note): void {
  for (const key of Object.keys(fields)) if (!known.includes(key)) note(`${key}: not understood, and left out`)
}

function variableName(key: string): string | undefined {
  const name = key
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replaceAll('-', '_')
    .toLowerCase()
  return /^[a-z][a-z0-9_]{0,62}$/.test(name) ? name : undefined
}

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const textOf = (value: unknown) => (typeof value === 'string' && value !== '' ? value : null)
const textsOf = (value: unknown) => (Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [])

function isPlain(value: unknown): value is string | number | boolean | readonly string[] {
  return (
    ['string', 'number', 'boolean'].includes(typeof value) ||
    (Array.isArray(value) && textsOf(value).length === value.length)
  )
}

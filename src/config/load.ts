import { parse } from 'yaml'
import type { z } from 'zod'
import { Refusal } from '../kit/errors.ts'
import { asWritten, NETWORK_SETTINGS, SETTING_NAMES, SETTINGS, type SettingDescription } from './describe.ts'
import { findSettingsFile, readSettingsFile, type SettingsFile } from './file.ts'
import { type Config, SECRET_SETTINGS, Settings } from './schema.ts'
import { suggest } from './suggest.ts'
import { findImpossible } from './validate.ts'
import { pathName, shown, wanted } from './wording.ts'

export type SettingSource = 'default' | 'file' | 'environment' | 'flag'

/** One setting as it is in force. `value` and `default` are as people write them. */
export type LoadedSetting = Readonly<{
  name: string
  value: unknown
  source: SettingSource
  description: string
  default: unknown
}>

export type LoadedConfig = Readonly<{
  /** Validated, whole and deeply frozen. */
  config: Config
  settings: readonly LoadedSetting[]
  /** The settings file that was read. */
  file: string | null
}>

/** Flags by setting name (`dhcp.mode`), and `config` for the file. */
export type Flags = Readonly<Record<string, string | undefined>>
export type Environment = Readonly<Record<string, string | undefined>>

/** Variables with our prefix that are no settings. */
const OTHER_VARIABLES: readonly string[] = ['REVEILLE_CONFIG', 'REVEILLE_URL', 'REVEILLE_TOKEN']

type Path = readonly (string | number)[]

/** Where each given setting came from, and how that place is called in a message. */
type Origins = Map<string, { source: SettingSource; where: (path: Path) => string }>

/**
 * Settings from file, environment and flags, each overriding the one before. Anything wrong or impossible is a `Refusal` whose
 * one line names the setting, where it was given, its value and what would be right.
 */
export function load(flags: Flags, environment: Environment, cwd: string): LoadedConfig {
  const origins: Origins = new Map()
  const path = findSettingsFile(flags.config ?? (environment.REVEILLE_CONFIG || undefined), cwd)
  const file = path === undefined ? undefined : readSettingsFile(path, cwd)
  const given = file ? fromFile(file, origins) : {}
  fromEnvironment(environment, given, origins)
  fromFlags(flags, given, origins)

  const where = (place: Path) => originOf(place, origins, file)
  const result = Settings.safeParse(given, { reportInput: true })
  if (!result.success) throw new Refusal('validation-failed', explain(result.error.issues[0]!, where))
  const written = asWritten(result.data)
  const [impossible] = findImpossible(result.data)
  if (impossible) {
    const { path: at, wrong } = impossible
    const name = SETTINGS.find((setting) => setting.path.every((key, i) => key === at[i]))?.name ?? ''
    const place = origins.has(name) ? `${where(at)}: ` : ''
    const value = `${shown(valueAt(written, at))}${origins.has(name) ? '' : ' (its default)'}`
    throw new Refusal('validation-failed', `${place}${pathName(at)} is ${value}: ${wrong}`)
  }
  return freeze({
    config: result.data,
    settings: SETTINGS.map(({ name, path: at, description, default: fallback }) => ({
      name,
      value: valueAt(written, at) ?? null,
      source: origins.get(name)?.source ?? 'default',
      description,
      default: fallback ?? null,
    })),
    file: path ?? null,
  })
}

/** Where the server's control socket is looked for. Other settings may be wrong: a client must not care. */
export function dataDirOf(environment: Environment, cwd: string): string {
  const fallback = String(SETTINGS.find(({ name }) => name === 'dataDir')?.default)
  if (environment.REVEILLE_DATA_DIR) return environment.REVEILLE_DATA_DIR
  try {
    const path = findSettingsFile(environment.REVEILLE_CONFIG || undefined, cwd)
    const value = path === undefined ? undefined : readSettingsFile(path, cwd).values.dataDir
    return typeof value === 'string' ? value : fallback
  } catch (error) {
    if (error instanceof Refusal) return fallback
    throw error
  }
}

type Tree = Record<string, unknown>

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A key without a value (`dhcp:`) counts as left out. */
function withoutNulls(tree: Tree): Tree {
  return Object.fromEntries(
    Object.entries(tree)
      .filter(([, value]) => value !== null)
      .map(([key, value]) => [key, isTree(value) ? withoutNulls(value) : value]),
  )
}

function fromFile(file: SettingsFile, origins: Origins): Tree {
  const values = withoutNulls(file.values)
  for (const { name, path } of SETTINGS)
    if (valueAt(values, path) !== undefined) origins.set(name, { source: 'file', where: file.where })
  return values
}

function fromEnvironment(environment: Environment, given: Tree, origins: Origins): void {
  const known = new Map(SETTINGS.map((setting) => [setting.variable, setting]))
  for (const [variable, text] of Object.entries(environment)) {
    if (!variable.startsWith('REVEILLE_') || text === undefined || OTHER_VARIABLES.includes(variable)) continue
    const setting = known.get(variable)
    if (!setting) throw unknown(`environment variable ${variable}`, variable, [...known.keys(), ...OTHER_VARIABLES])
    // An empty variable is how shells and container files leave one unset.
    if (text !== '') put(given, setting, text, { source: 'environment', where: () => variable }, origins)
  }
}

function fromFlags(flags: Flags, given: Tree, origins: Origins): void {
  for (const [name, text] of Object.entries(flags)) {
    if (name === 'config' || text === undefined) continue
    const setting = SETTINGS.find((candidate) => candidate.name === name)
    if (!setting) throw unknown(`flag for ${name}`, name, SETTING_NAMES)
    put(given, setting, text, { source: 'flag', where: () => setting.flag }, origins)
  }
}

function put(
  given: Tree,
  setting: SettingDescription,
  text: string,
  origin: { source: SettingSource; where: (path: Path) => string },
  origins: Origins,
): void {
  let section = given
  for (const key of setting.path.slice(0, -1)) {
    const inner = section[key]
    const next = isTree(inner) ? inner : {}
    section[key] = next
    section = next
  }
  section[setting.path.at(-1)!] = readText(setting, text)
  origins.set(setting.name, origin)
}

/** Text becomes what the schema expects where that is possible; what is not is left for the schema to refuse. */
function readText({ form }: SettingDescription, text: string): unknown {
  switch (form) {
    case 'number':
      return text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text
    case 'boolean':
      if (/^(true|yes|on|1)$/i.test(text)) return true
      return /^(false|no|off|0)$/i.test(text) ? false : text
    case 'list':
      return text
        .split(',')
        .map((item) => item.trim())
        .filter((item) => item !== '')
    case 'yaml':
      try {
        return parse(text)
      } catch {
        return text
      }
    default:
      return text
  }
}

function unknown(what: string, name: string, known: readonly string[]): Refusal {
  const near = suggest(name, known)
  const hint = near ? `did you mean ${near}?` : 'docs/configuration.md lists all settings'
  return new Refusal('validation-failed', `${what}: there is no such setting; ${hint}`)
}

function originOf(path: Path, origins: Origins, file: SettingsFile | undefined): string {
  for (let length = path.length; length > 0; length--) {
    const origin = origins.get(path.slice(0, length).join('.'))
    if (origin) return origin.where(path)
  }
  return file ? file.where(path) : 'default'
}

function valueAt(tree: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (inner, key) => (typeof inner === 'object' && inner !== null ? Reflect.get(inner, key) : undefined),
    tree,
  )
}

/** Names that were possible at a place, for "did you mean". */
function namesAt(path: Path): string[] {
  if (path[0] === 'networks')
    return path.length > 2 ? ['circuitId', 'remoteId'] : NETWORK_SETTINGS.map(({ path: [first] }) => first!)
  return [
    ...new Set(
      SETTINGS.filter((setting) => path.every((key, i) => setting.path[i] === key)).map(
        (setting) => setting.path[path.length]!,
      ),
    ),
  ]
}

function explain(issue: z.core.$ZodIssue, where: (path: Path) => string): string {
  const path = issue.path.map((key) => (typeof key === 'number' ? key : String(key)))
  if (issue.code === 'unrecognized_keys') {
    const key = issue.keys[0]!
    const near =
      suggest(key, namesAt(path)) ??
      SETTING_NAMES.find((name) => name.endsWith(`.${key}`)) ??
      suggest(key, SETTING_NAMES)
    const prefix = path.length > 0 ? `${pathName(path)}.` : ''
    const hint = near
      ? `did you mean ${near.includes('.') ? near : prefix + near}?`
      : `known here: ${namesAt(path).join(', ')}`
    return `${where([...path, key])}: ${prefix}${key} is ${shown(valueAt(issue.input, [key]))}: there is no such setting; ${hint}`
  }
  const name = pathName(path)
  if (issue.input === undefined) return `${where(path)}: ${name} is missing: it must be ${wanted(issue)}`
  const near = issue.code === 'invalid_value' ? suggest(String(issue.input), issue.values.map(String)) : undefined
  const value = SECRET_SETTINGS.has(name) ? 'not right (it is not shown)' : shown(issue.input)
  return `${where(path)}: ${name} is ${value}: it must be ${wanted(issue)}${near ? `; did you mean ${near}?` : ''}`
}

function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const inner of Object.values(value)) freeze(inner)
  }
  return value
}

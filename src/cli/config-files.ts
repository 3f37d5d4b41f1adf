import { readdir, readFile } from 'node:fs/promises'
import { basename, join, relative } from 'node:path'
import { InvalidArgumentError } from 'commander'
import type { InputOf } from '../api/client/client.ts'
import { WrongUse } from './failure.ts'

/** As `CONFIG_KINDS` of the contract, which would bring all schemas along; a test compares them. */
export const CONFIG_KINDS = [
  'butane',
  'ignition',
  'cloud-init',
  'autoinstall',
  'preseed',
  'kickstart',
  'autoyast',
  'unattend',
  'shell',
  'text',
  'snippet',
] as const
export type ConfigKind = (typeof CONFIG_KINDS)[number]
/** As `VARIABLE_TYPES` of the contract. */
export const VARIABLE_TYPES = ['string', 'number', 'boolean', 'list', 'secret'] as const

type Version = NonNullable<InputOf<'addConfigVersion'>['body']>
type Part = Version['parts'][number]
export type Variable = NonNullable<Version['variables']>[number]

const MOST_FILES = 63

/** What a file is, by its name and by what it begins with. */
export function kindOf(path: string, content: string): ConfigKind {
  const name = basename(path).toLowerCase()
  if (/\.(bu|butane)$/.test(name)) return 'butane'
  if (/\.ign$/.test(name)) return 'ignition'
  if (/^(user-data|.*\.cloud-config)/.test(name) || /^#cloud-config\b/.test(content))
    return /^\s*autoinstall:/m.test(content) ? 'autoinstall' : 'cloud-init'
  if (/\.(ya?ml)$/.test(name) && /^variant:/m.test(content)) return 'butane'
  if (/\.(ks)$|^ks\.cfg$/.test(name)) return 'kickstart'
  if (/preseed/.test(name) || /^d-i\s/m.test(content)) return 'preseed'
  if (/unattend.*\.xml$/.test(name)) return 'unattend'
  if (/\.xml$/.test(name) && /<profile[\s>]/.test(content)) return 'autoyast'
  if (/\.sh$/.test(name) || /^#!/.test(content)) return 'shell'
  return 'text'
}

/** The part that is meant when a file is given without one. */
const mainPart = (kind: ConfigKind) => (kind === 'cloud-init' || kind === 'autoinstall' ? 'user-data' : 'main')

export type FileOptions = { kind?: ConfigKind; part?: string[]; filesDir?: string; variable?: Variable[] }

/** A config as it is on disk: the file, further parts (`NAME=FILE`), and the files that Butane includes. */
export async function readConfig(
  file: string,
  options: FileOptions,
): Promise<{ kind: ConfigKind; parts: Part[]; variables: Variable[] | undefined }> {
  const content = await readFile(file, 'utf8')
  const kind = options.kind ?? kindOf(file, content)
  const parts: Part[] = [{ name: mainPart(kind), content }]
  for (const text of options.part ?? []) {
    const [, name, path] = /^([^=]+)=(.+)$/.exec(text) ?? []
    if (name === undefined || path === undefined) throw new WrongUse('--part is NAME=FILE, as in meta-data=meta.yaml')
    parts.push({ name, content: await readFile(path, 'utf8') })
  }
  if (options.filesDir !== undefined) parts.push(...(await included(options.filesDir, content)))
  return { kind, parts, variables: options.variable }
}

/** Of the files in a folder those that the text names: a folder may hold much else. */
async function included(folder: string, content: string): Promise<Part[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
  const wanted = paths.filter((path) => content.includes(path) || content.includes(`${path.split('/')[0]}/`))
  if (wanted.length > MOST_FILES)
    throw new WrongUse(`${folder} has more than ${MOST_FILES} files that the config could include`)
  return Promise.all(wanted.sort().map(async (name) => ({ name, content: await readFile(join(folder, name), 'utf8') })))
}

/** `NAME`, `NAME:TYPE`, `NAME=DEFAULT`, `NAME:TYPE=DEFAULT`. */
export function variable(text: string, before: Variable[] | undefined): Variable[] {
  const [, name, type = 'string', given] = /^([a-z][a-z0-9_]*)(?::([a-z]+))?(?:=([\s\S]*))?$/.exec(text) ?? []
  const known = VARIABLE_TYPES.find((each) => each === type)
  if (name === undefined || !known)
    throw new InvalidArgumentError(
      `It must be NAME[:TYPE][=DEFAULT] with one of ${VARIABLE_TYPES.join(', ')}, as in port:number=80.`,
    )
  return [...(before ?? []), { name, type: known, default: given === undefined ? null : typedValue(known, given) }]
}

/** A value as it is typed: numbers, true and false, lists with commas. */
export function typedValue(type: Variable['type'], text: string): string | number | boolean | string[] {
  switch (type) {
    case 'number': {
      const value = Number(text)
      if (text.trim() === '' || Number.isNaN(value)) throw new InvalidArgumentError(`${text} is no number.`)
      return value
    }
    case 'boolean':
      if (text !== 'true' && text !== 'false') throw new InvalidArgumentError(`${text} is neither true nor false.`)
      return text === 'true'
    case 'list':
      return text === '' ? [] : text.split(',')
    default:
      return text
  }
}

import { isUtf8 } from 'node:buffer'
import type { Dirent } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
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

/** Of the files in a folder those that the text names, themselves or by a folder that they are in: it may hold much else. */
async function included(folder: string, content: string): Promise<Part[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const found = entries.map((entry) => ({ entry, path: relative(folder, join(entry.parentPath, entry.name)) }))
  const named = memoized((path) => names(content, path))
  const wanted = found.filter(({ entry, path }) => !entry.isDirectory() && withFolders(path).some(named))
  if (wanted.length > MOST_FILES)
    throw new WrongUse(`${folder} has more than ${MOST_FILES} files that the config could include`)
  const sorted = wanted.sort((a, b) => (a.path < b.path ? -1 : 1))
  return Promise.all(sorted.map(({ entry, path }) => partOf(folder, path, entry)))
}

async function partOf(folder: string, name: string, entry: Dirent): Promise<Part> {
  const path = join(folder, name)
  if (entry.isSymbolicLink())
    throw new WrongUse(`${path} is a link, and a config holds texts: write it under storage.links`)
  if (!entry.isFile()) throw new WrongUse(`${path} is no file: take it out of ${folder}`)
  const [bytes, { mode }] = await Promise.all([readFile(path), stat(path)])
  if (!isUtf8(bytes))
    throw new WrongUse(`${path} is no text (UTF-8), and a config holds texts: have it fetched by a source instead`)
  return { name, content: bytes.toString('utf8'), ...((mode & 0o111) !== 0 ? { executable: true } : {}) }
}

/** `a/b/c`, `a/b`, `a`. */
function withFolders(path: string): string[] {
  const steps = path.split('/')
  return steps.map((_, index) => steps.slice(0, steps.length - index).join('/'))
}

/** Whether a path stands in a text as a word of its own, or begins one that goes on with a value (`files/{{ machine.name }}`). */
function names(content: string, path: string): boolean {
  const word = path.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  return new RegExp(`(?:^|[\\s"'[,{:])(?:\\./)?${word}(?:/?(?=[\\s"',\\]}]|$)|/[^\\s"',\\]}]*\\{\\{)`).test(content)
}

function memoized(ask: (path: string) => boolean): (path: string) => boolean {
  const known = new Map<string, boolean>()
  return (path) => {
    const answer = known.get(path) ?? ask(path)
    known.set(path, answer)
    return answer
  }
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

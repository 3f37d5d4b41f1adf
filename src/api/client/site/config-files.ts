import type { InputOf } from '../client.ts'
import { nameOf, type SiteEntry, type SiteFiles } from './files.ts'

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

type Part = NonNullable<InputOf<'addConfigVersion'>['body']>['parts'][number]

const MOST_FILES = 63

/** What a file is, by its name and by what it begins with. */
export function kindOf(path: string, content: string): ConfigKind {
  const name = nameOf(path).toLowerCase()
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
export const mainPart = (kind: ConfigKind) => (kind === 'cloud-init' || kind === 'autoinstall' ? 'user-data' : 'main')

/**
 * A config as it is in files: its text, further parts (`NAME=FILE`), and of the folder `filesDir` what Butane includes. Rejects with what is
 * wrong with one of them.
 */
export async function readConfigFiles(
  file: string,
  options: Readonly<{
    kind?: ConfigKind | undefined
    part?: readonly string[] | undefined
    filesDir?: string | undefined
  }>,
  files: SiteFiles,
): Promise<{ kind: ConfigKind; parts: Part[] }> {
  const content = await files.read(file)
  const kind = options.kind ?? kindOf(file, content)
  const parts: Part[] = [{ name: mainPart(kind), content }]
  for (const text of options.part ?? []) {
    const [, name, path] = /^([^=]+)=(.+)$/.exec(text) ?? []
    if (name === undefined || path === undefined) throw new Error('--part is NAME=FILE, as in meta-data=meta.yaml')
    parts.push({ name, content: await files.read(path) })
  }
  if (options.filesDir !== undefined) parts.push(...(await included(options.filesDir, content, files)))
  return { kind, parts }
}

/** Of the files in a folder those that the text names, themselves or by a folder that they are in: it may hold much else. */
async function included(folder: string, content: string, files: SiteFiles): Promise<Part[]> {
  const named = memoized((path) => names(content, path))
  const wanted = (await files.list(folder)).filter(({ path }) => withFolders(path).some(named))
  if (wanted.length > MOST_FILES)
    throw new Error(`${folder} has more than ${MOST_FILES} files that the config could include`)
  return Promise.all(wanted.toSorted((a, b) => (a.path < b.path ? -1 : 1)).map((entry) => partOf(folder, entry, files)))
}

async function partOf(folder: string, { path: name, kind, executable }: SiteEntry, files: SiteFiles): Promise<Part> {
  const path = `${folder}/${name}`
  if (kind === 'link') throw new Error(`${path} is a link, and a config holds texts: write it under storage.links`)
  if (kind === 'other') throw new Error(`${path} is no file: take it out of ${folder}`)
  return { name, content: await files.read(path), ...(executable ? { executable } : {}) }
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

import { readdir, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { type Document, isMap, isNode, LineCounter, parseAllDocuments } from 'yaml'
import type { z } from 'zod'
import { Manifest } from '../api/contract/server.ts'
import { inlineFiles, type ManifestProblem, namedBy, readText } from './manifest-files.ts'

export type ReadManifest = Readonly<{
  manifest: Manifest
  files: readonly string[]
  problems: readonly ManifestProblem[]
}>

/** Directories below the one that is read, and YAML files in all of them. */
const DEEPEST = 16
const MOST_FILES = 10_000

type Kind = keyof Manifest
/** What a thing is called, and what it is known by. */
const KINDS: { readonly [K in Kind]: readonly [word: string, key: (thing: Manifest[K][number]) => string] } = {
  machines: ['machine', ({ name }) => name],
  profiles: ['profile', ({ name }) => name],
  volumes: ['volume', ({ name }) => name],
  configs: ['config', ({ name }) => name],
  values: ['value', ({ scope, name }) => `${scope} ${name}`],
  bmcs: ['BMC of', ({ machine }) => machine],
  bmcRules: ['BMC rule', ({ name }) => name],
}
const KEYS = 'machines, profiles, configs, values, volumes, bmcs and bmcRules'

/**
 * Everything that `apply` sends, from a YAML file (of several documents) or a directory of them (`*.yaml`, `*.yml`, in all
 * directories below it, but for hidden ones). Texts of configs and of profile files may be named (`file:`, `filesDir:`, `path:`),
 * relative to the YAML file; what is named so is no manifest, whatever it is called. All problems are found, each with
 * `FILE:LINE:COLUMN`.
 */
export async function readManifest(path: string): Promise<ReadManifest> {
  const problems: ManifestProblem[] = []
  const files = (await stat(path)).isDirectory() ? await yamlFiles(path, problems) : [path]
  if (files.length === 0) problems.push({ where: path, message: 'the directory holds no .yaml or .yml file' })
  const read: ReadFile[] = []
  for (const file of files) read.push(parsed(await readText(file), file))
  return joined(read, problems)
}

/** As `readManifest`, of a text; `file` is what it is called. */
export function readManifestText(text: string, file: string): Promise<ReadManifest> {
  return joined([parsed(text, file)], [])
}

type ReadFile = Readonly<{ file: string; documents: readonly Document[]; lines: LineCounter }>

function parsed(text: string, file: string): ReadFile {
  const lines = new LineCounter()
  const documents = parseAllDocuments(text, { lineCounter: lines })
  return { file, documents: Array.isArray(documents) ? documents : [], lines }
}

async function joined(read: readonly ReadFile[], problems: ManifestProblem[]): Promise<ReadManifest> {
  const files = read.map(({ file }) => file)
  const named = new Set(read.flatMap(({ file, documents }) => documents.flatMap((each) => namedBy(each, file))))
  const isNamed = (file: string) => parentsOf(resolve(file)).some((each) => named.has(each))
  const manifest = Manifest.parse({})
  const seen = new Map<string, string>()
  for (const { file, documents, lines } of read) {
    if (files.length > 1 && isNamed(file)) continue
    for (const document of documents) {
      const at = (offset: number) => {
        const { line, col } = lines.linePos(offset)
        return `${file}:${line}:${col}`
      }
      const part = await readDocument(document, file, at, problems)
      if (!part) continue
      for (const kind of Object.keys(KINDS) as Kind[]) {
        const [word, keyOf] = KINDS[kind] as readonly [string, (thing: unknown) => string]
        for (const [i, thing] of part[kind].entries()) {
          const name = `${word} ${keyOf(thing)}`
          const where = at(offsetAt(document, [kind, i]))
          const before = seen.get(name)
          if (before === undefined) seen.set(name, where)
          else problems.push({ where, message: `${name} is at ${before} already` })
        }
        // One at a time: as arguments of one call, very many are too many.
        for (const thing of part[kind]) (manifest[kind] as unknown[]).push(thing)
      }
    }
  }
  return { manifest, files, problems }
}

async function yamlFiles(folder: string, problems: ManifestProblem[], depth = 0): Promise<string[]> {
  if (depth > DEEPEST) {
    problems.push({ where: folder, message: `directories are more than ${DEEPEST} deep` })
    return []
  }
  const entries = (await readdir(folder, { withFileTypes: true })).filter(({ name }) => !name.startsWith('.'))
  const found: string[] = []
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) found.push(...(await yamlFiles(path, problems, depth + 1)))
    else if (/\.ya?ml$/.test(entry.name)) found.push(path)
  }
  if (depth === 0 && found.length > MOST_FILES)
    problems.push({ where: folder, message: `it has more than ${MOST_FILES} YAML files` })
  return found.slice(0, MOST_FILES)
}

/** A file and all directories that hold it. */
function parentsOf(file: string): string[] {
  const parent = dirname(file)
  return parent === file ? [file] : [file, ...parentsOf(parent)]
}

async function readDocument(
  document: Document,
  file: string,
  at: (offset: number) => string,
  problems: ManifestProblem[],
): Promise<Manifest | undefined> {
  if (document.errors.length > 0) {
    for (const error of document.errors)
      problems.push({
        where: at(error.pos[0]),
        message: `this is not YAML: ${error.message.split(/ at line \d+|\n/)[0]}`,
      })
    return undefined
  }
  if (document.contents === null) return undefined
  if (!isMap(document.contents)) {
    problems.push({
      where: at(document.contents.range?.[0] ?? 0),
      message: `a manifest has the keys ${KEYS}`,
    })
    return undefined
  }
  await inlineFiles(document.contents, file, at, problems)
  if (document.contents.has('networks')) {
    problems.push({
      where: at(offsetAt(document, ['networks'])),
      message:
        'networks are no part of a manifest: write them into reveille.yaml, below `networks`, and restart the server',
    })
    document.contents.delete('networks')
  }
  const result = Manifest.safeParse(document.toJS({ maxAliasCount: 100 }), { reportInput: false })
  if (result.success) return result.data
  for (const issue of result.error.issues) {
    const keys = issue.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : []
    const path = [...issue.path, ...keys].map((key) => (typeof key === 'number' ? key : String(key)))
    problems.push({ where: at(offsetAt(document, path)), message: `${pathText(path)}${describe(issue)}` })
  }
  return undefined
}

function describe(issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys') return 'there is no such field'
  return issue.message.replace(/^Invalid (input|option): /, '')
}

function pathText(path: readonly (string | number)[]): string {
  const field = path
    .filter((key) => typeof key === 'string')
    .slice(1)
    .join('.')
  return field === '' ? '' : `${field}: `
}

/** Where a value stands; of a missing one, where what should hold it stands. */
function offsetAt(document: Document, path: readonly (string | number)[]): number {
  for (let length = path.length; length > 0; length--) {
    const part = path.slice(0, length)
    const node = document.getIn(part, true)
    if (isNode(node) && node.range) return node.range[0]
  }
  return isNode(document.contents) ? (document.contents.range?.[0] ?? 0) : 0
}

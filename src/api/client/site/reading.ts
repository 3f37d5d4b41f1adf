import { type Document, isMap, isNode, LineCounter, parseAllDocuments } from 'yaml'
import { Manifest } from '../../contract/server.ts'
import { wording } from '../../contract/wording.ts'
import { folderOf, plainPath, type SiteFiles } from './files.ts'
import { inlineFiles, type ManifestProblem, namedBy } from './manifest-files.ts'

export type ReadManifest = Readonly<{
  manifest: Manifest
  files: readonly string[]
  problems: readonly ManifestProblem[]
}>

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
 * Everything that `apply` sends, from YAML files (each of one document or several). Texts of configs and of profile files may be named
 * (`file:`, `filesDir:`, `path:`), relative to the YAML file; what is named so is no manifest, whatever it is called. All problems are
 * found, each with `FILE:LINE:COLUMN`.
 */
export async function readSite(
  paths: readonly string[],
  files: SiteFiles,
  problems: ManifestProblem[] = [],
): Promise<ReadManifest> {
  const read: ReadFile[] = []
  for (const path of paths) read.push(parsed(await files.read(path), plainPath(path)))
  return joined(read, problems, files)
}

/** The same of a text; `file` is what it is called. */
export function readSiteText(text: string, file: string, files: SiteFiles): Promise<ReadManifest> {
  return joined([parsed(text, file)], [], files)
}

type ReadFile = Readonly<{ file: string; documents: readonly Document[]; lines: LineCounter }>

function parsed(text: string, file: string): ReadFile {
  const lines = new LineCounter()
  const documents = parseAllDocuments(text, { lineCounter: lines })
  return { file, documents: Array.isArray(documents) ? documents : [], lines }
}

async function joined(read: readonly ReadFile[], problems: ManifestProblem[], files: SiteFiles): Promise<ReadManifest> {
  const paths = read.map(({ file }) => file)
  const named = new Set(read.flatMap(({ file, documents }) => documents.flatMap((each) => namedBy(each, file))))
  const isNamed = (file: string) => parentsOf(plainPath(file)).some((each) => named.has(each))
  const manifest = Manifest.parse({})
  const seen = new Map<string, string>()
  for (const { file, documents, lines } of read) {
    if (paths.length > 1 && isNamed(file)) continue
    for (const document of documents) {
      const at = (offset: number) => {
        const { line, col } = lines.linePos(offset)
        return `${file}:${line}:${col}`
      }
      const part = await readDocument(document, file, { at, problems, files })
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
  return { manifest, files: paths, problems }
}

/** A file and all directories that hold it. */
function parentsOf(file: string): string[] {
  const parent = folderOf(file)
  return parent === file ? [file] : [file, ...parentsOf(parent)]
}

async function readDocument(
  document: Document,
  file: string,
  { at, problems, files }: Readonly<{ at: (offset: number) => string; problems: ManifestProblem[]; files: SiteFiles }>,
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
  await inlineFiles(document.contents, file, at, problems, files)
  if (document.contents.has('networks')) {
    problems.push({
      where: at(offsetAt(document, ['networks'])),
      message:
        'networks are no part of a manifest: write them into reveille.yaml, below `networks`, and restart the server',
    })
    document.contents.delete('networks')
  }
  const result = Manifest.safeParse(document.toJS({ maxAliasCount: 100 }), { reportInput: false, error: wording })
  if (result.success) return result.data
  for (const issue of result.error.issues) {
    const keys = issue.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : []
    const path = [...issue.path, ...keys].map((key) => (typeof key === 'number' ? key : String(key)))
    problems.push({ where: at(offsetAt(document, path)), message: `${pathText(path)}${issue.message}` })
  }
  return undefined
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

import { readdir, readFile, stat } from 'node:fs/promises'
import { dirname, isAbsolute, join } from 'node:path'
import { type Document, isMap, isNode, isScalar, isSeq, LineCounter, parseAllDocuments, type YAMLMap } from 'yaml'
import type { z } from 'zod'
import { Manifest } from '../api/contract/server.ts'

export type ManifestProblem = Readonly<{ where: string; message: string }>
export type ReadManifest = Readonly<{
  manifest: Manifest
  files: readonly string[]
  problems: readonly ManifestProblem[]
}>

/** The largest YAML or profile file that is read; the server refuses more as well. */
const LARGEST = 8 * 1024 * 1024

const KINDS = { machines: 'machine', profiles: 'profile', volumes: 'volume' } as const
type Kind = keyof typeof KINDS

/**
 * Everything that `apply` sends, from a YAML file (of several documents) or a directory of them (`*.yaml`, `*.yml`, not its
 * subdirectories). A profile's file may be given by `path:`, relative to the YAML file. All problems are found, each with
 * `FILE:LINE:COLUMN`.
 */
export async function readManifest(path: string): Promise<ReadManifest> {
  const files = (await stat(path)).isDirectory() ? await yamlFiles(path) : [path]
  const problems: ManifestProblem[] = []
  if (files.length === 0) problems.push({ where: path, message: 'the directory holds no .yaml or .yml file' })
  const manifest = Manifest.parse({})
  const seen = new Map<string, string>()
  for (const file of files) {
    const lines = new LineCounter()
    const documents = parseAllDocuments(await readText(file), { lineCounter: lines })
    if (!Array.isArray(documents)) continue
    for (const document of documents) {
      const at = (offset: number) => {
        const { line, col } = lines.linePos(offset)
        return `${file}:${line}:${col}`
      }
      const part = await readDocument(document, file, at, problems)
      if (!part) continue
      for (const kind of Object.keys(KINDS) as Kind[])
        for (const [i, { name }] of part[kind].entries()) {
          const where = at(offsetAt(document, [kind, i]))
          const before = seen.get(`${kind} ${name}`)
          if (before === undefined) seen.set(`${kind} ${name}`, where)
          else problems.push({ where, message: `${KINDS[kind]} ${name} is at ${before} already` })
        }
      manifest.machines.push(...part.machines)
      manifest.profiles.push(...part.profiles)
      manifest.volumes.push(...part.volumes)
    }
  }
  return { manifest, files, problems }
}

async function yamlFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true })
  return entries
    .filter((entry) => !entry.isDirectory() && /\.ya?ml$/.test(entry.name) && !entry.name.startsWith('.'))
    .map((entry) => join(folder, entry.name))
    .sort()
}

async function readText(path: string): Promise<string> {
  const { size } = await stat(path)
  if (size > LARGEST) throw new Error(`${path} has more than ${LARGEST / 1024 / 1024} MiB`)
  return readFile(path, 'utf8')
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
      message: 'a manifest has the keys machines, profiles and volumes',
    })
    return undefined
  }
  await inlineFiles(document.contents, file, at, problems)
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

/** Replaces `path: FILE` of profile files by `content`, in place. */
async function inlineFiles(
  manifest: YAMLMap,
  file: string,
  at: (offset: number) => string,
  problems: ManifestProblem[],
): Promise<void> {
  const profiles = manifest.get('profiles')
  for (const profile of isSeq(profiles) ? profiles.items : []) {
    const files = isMap(profile) ? profile.get('files') : undefined
    for (const entry of isSeq(files) ? files.items : []) {
      const node = isMap(entry) ? entry.get('path', true) : undefined
      if (!isMap(entry) || !isScalar(node)) continue
      const path = String(node.value)
      const where = at(node.range?.[0] ?? 0)
      if (entry.has('content')) problems.push({ where, message: 'give either path or content' })
      try {
        entry.set('content', await readText(isAbsolute(path) ? path : join(dirname(file), path)))
      } catch (error) {
        problems.push({
          where,
          message: `${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
        })
        entry.set('content', '')
      }
      if (!entry.has('name')) entry.set('name', path.split('/').at(-1) ?? path)
      entry.delete('path')
    }
  }
}

import { type Document, isMap, isScalar, isSeq, type YAMLMap } from 'yaml'
import { CONFIG_KINDS, type ConfigKind, readConfigFiles } from './config-files.ts'
import { besides, nameOf, type SiteFiles } from './files.ts'

export type ManifestProblem = Readonly<{ where: string; message: string }>
type At = (offset: number) => string

/** Files and directories that a document names, as whole paths. */
export function namedBy(document: Document, file: string): string[] {
  if (!isMap(document.contents)) return []
  const texts = [
    ...mapsOf(document.contents, 'profiles').flatMap((profile) =>
      mapsOf(profile, 'files').map((entry) => entry.get('path')),
    ),
    ...mapsOf(document.contents, 'configs').flatMap((config) => [
      config.get('file'),
      config.get('filesDir'),
      ...mapsOf(config, 'parts').map((part) => part.get('file')),
    ]),
  ]
  return texts.flatMap((text) => (typeof text === 'string' ? [besides(file, text)] : []))
}

/** Replaces names of files (`path:` of profile files, `file:` and `filesDir:` of configs) by what is in them, in place. */
export async function inlineFiles(
  manifest: YAMLMap,
  file: string,
  at: At,
  problems: ManifestProblem[],
  files: SiteFiles,
): Promise<void> {
  const place = (text: string) => besides(file, text)
  for (const profile of mapsOf(manifest, 'profiles'))
    for (const entry of mapsOf(profile, 'files')) {
      const name = await inlined(entry, 'path', place, at, problems, files)
      if (name !== undefined && !entry.has('name')) entry.set('name', nameOf(name))
    }
  for (const config of mapsOf(manifest, 'configs')) {
    for (const part of mapsOf(config, 'parts')) await inlined(part, 'file', place, at, problems, files)
    await inlineConfig(config, place, at, problems, files)
  }
}

/** Puts what is in the file that `key` names into `content`. Answers the name. */
async function inlined(
  entry: YAMLMap,
  key: string,
  place: (text: string) => string,
  at: At,
  problems: ManifestProblem[],
  files: SiteFiles,
): Promise<string | undefined> {
  const node = entry.get(key, true)
  if (!isScalar(node)) return undefined
  const path = String(node.value)
  const where = at(node.range?.[0] ?? 0)
  if (entry.has('content')) problems.push({ where, message: `give either ${key} or content` })
  try {
    entry.set('content', await files.read(place(path)))
  } catch (error) {
    problems.push({ where, message: `${path} cannot be read: ${messageOf(error)}` })
    entry.set('content', '')
  }
  entry.delete(key)
  return path
}

/** `file`, `filesDir` and `content` of a config, as its parts; its kind, where that is left out, by its file. */
async function inlineConfig(
  config: YAMLMap,
  place: (text: string) => string,
  at: At,
  problems: ManifestProblem[],
  files: SiteFiles,
): Promise<void> {
  const file = config.get('file', true)
  const filesDir = config.get('filesDir', true)
  const content = config.get('content', true)
  if (!isScalar(file)) {
    if (isScalar(filesDir))
      problems.push({ where: at(filesDir.range?.[0] ?? 0), message: 'filesDir is of use with file alone' })
    config.delete('filesDir')
    if (!isScalar(content)) return
    const main = ['cloud-init', 'autoinstall'].includes(String(config.get('kind'))) ? 'user-data' : 'main'
    addParts(config, [{ name: main, content: String(content.value ?? '') }])
    config.delete('content')
    return
  }
  const path = String(file.value)
  const where = at(file.range?.[0] ?? 0)
  if (isScalar(content)) problems.push({ where, message: 'give either file or content' })
  const given = config.get('kind')
  const kind = CONFIG_KINDS.find((each): each is ConfigKind => each === given)
  try {
    const folder = isScalar(filesDir) ? { filesDir: place(String(filesDir.value)) } : {}
    const read = await readConfigFiles(place(path), { ...(kind ? { kind } : {}), ...folder }, files)
    if (given === undefined) config.set('kind', read.kind)
    addParts(config, read.parts)
  } catch (error) {
    problems.push({ where, message: `${path} cannot be read: ${messageOf(error)}` })
    addParts(config, [{ name: 'main', content: '' }])
  }
  for (const key of ['file', 'filesDir', 'content']) config.delete(key)
}

function addParts(config: YAMLMap, parts: readonly { name: string; content: string }[]): void {
  const others = mapsOf(config, 'parts').map((part) => part.toJSON() as unknown)
  config.set('parts', [...parts, ...others])
}

function mapsOf(map: YAMLMap, key: string): YAMLMap[] {
  const list = map.get(key)
  return isSeq(list) ? list.items.filter((item): item is YAMLMap => isMap(item)) : []
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { ManifestProblem } from '../api/client/site/manifest-files.ts'
import { type ReadManifest, readSite, readSiteText } from '../api/client/site/reading.ts'
import { DISK_FILES } from './disk-files.ts'

/** Directories below the one that is read, and YAML files in all of them. */
const DEEPEST = 16
const MOST_FILES = 10_000

/**
 * Everything that `apply` sends, from a YAML file (of several documents) or a directory of them (`*.yaml`, `*.yml`, in all directories
 * below it, but for hidden ones).
 */
export async function readManifest(path: string): Promise<ReadManifest> {
  const problems: ManifestProblem[] = []
  const paths = (await stat(path)).isDirectory() ? await yamlFiles(path, problems) : [path]
  if (paths.length === 0) problems.push({ where: path, message: 'the directory holds no .yaml or .yml file' })
  return readSite(paths, DISK_FILES, problems)
}

/** As `readManifest`, of a text; `file` is what it is called. */
export const readManifestText = (text: string, file: string) => readSiteText(text, file, DISK_FILES)

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

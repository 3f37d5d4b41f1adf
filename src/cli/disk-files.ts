import { isUtf8 } from 'node:buffer'
import type { Dirent } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { LARGEST_FILE, type SiteEntry, type SiteFiles } from '../api/client/site/files.ts'

/** The files of this computer. */
export const DISK_FILES: SiteFiles = {
  async read(path) {
    const { size } = await stat(path)
    if (size > LARGEST_FILE) throw new Error(`${path} has more than ${LARGEST_FILE / 1024 / 1024} MiB`)
    const bytes = await readFile(path)
    if (!isUtf8(bytes))
      throw new Error(`${path} is no text (UTF-8), and a config holds texts: have it fetched by a source instead`)
    return bytes.toString('utf8')
  },
  async list(folder) {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true })
    return Promise.all(entries.filter((entry) => !entry.isDirectory()).map((entry) => entryOf(folder, entry)))
  },
}

async function entryOf(folder: string, entry: Dirent): Promise<SiteEntry> {
  const full = join(entry.parentPath, entry.name)
  const path = relative(folder, full)
  if (!entry.isFile()) return { path, kind: entry.isSymbolicLink() ? 'link' : 'other', executable: false }
  return { path, kind: 'file', executable: ((await stat(full)).mode & 0o111) !== 0 }
}

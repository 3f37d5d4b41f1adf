/** One thing in a folder, by its path from there. */
export type SiteEntry = Readonly<{ path: string; kind: 'file' | 'link' | 'other'; executable: boolean }>

/** Where the files of a site are: on a disk, or given to a browser. */
export interface SiteFiles {
  /** The text of a file. Rejects with why there is none: it is missing, too large, or no UTF-8. */
  read(path: string): Promise<string>
  /** What is in a folder and all below it. Rejects where there is no such folder. */
  list(folder: string): Promise<readonly SiteEntry[]>
}

/** The largest file of a site that is read, in bytes; the server refuses more as well. */
export const LARGEST_FILE = 8 * 1024 * 1024

/** A path without `.`, `..` where it can be, and double slashes; `.` where nothing is left. */
export function plainPath(path: string): string {
  const steps: string[] = []
  for (const step of path.split('/')) {
    if (step === '' || step === '.') continue
    if (step === '..' && steps.length > 0 && steps.at(-1) !== '..') steps.pop()
    else if (step !== '..' || !path.startsWith('/')) steps.push(step)
  }
  return `${path.startsWith('/') ? '/' : ''}${steps.join('/')}` || '.'
}

/** What a file means by a path that it names. */
export const besides = (file: string, path: string) =>
  plainPath(path.startsWith('/') ? path : `${folderOf(file)}/${path}`)

export function folderOf(path: string): string {
  const end = path.lastIndexOf('/')
  return end < 0 ? '.' : end === 0 ? '/' : path.slice(0, end)
}

export const nameOf = (path: string) => path.slice(path.lastIndexOf('/') + 1)

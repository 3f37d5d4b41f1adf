import type { SiteFiles } from '../../api/client/site/files.ts'

/** A file that was given to the browser; `bytes` are read when they are wanted. */
export type Upload = Readonly<{ path: string; size: number; bytes: () => Promise<Uint8Array> }>

const LARGEST = 8 * 1024 * 1024

/** The folder that was chosen; `.` where it were files. */
export function folderNameOf(files: readonly Pick<File, 'webkitRelativePath'>[]): string {
  return files[0]?.webkitRelativePath.split('/')[0] || '.'
}

/** Without the folder that was chosen, which browsers put before each path; below `folder` instead. */
export function uploadsOf(
  files: readonly Pick<File, 'name' | 'webkitRelativePath' | 'size' | 'arrayBuffer'>[],
  folder = '',
): Upload[] {
  const from = folder === '' ? '' : `${folder}/`
  return files.map((file) => ({
    path: `${from}${file.webkitRelativePath === '' ? file.name : file.webkitRelativePath.split('/').slice(1).join('/')}`,
    size: file.size,
    bytes: async () => new Uint8Array(await file.arrayBuffer()),
  }))
}

/** Those that hold manifests, as `reveille apply` finds them: no hidden ones. */
export function yamlPaths(uploads: readonly Upload[]): string[] {
  const paths = uploads.map(({ path }) => path)
  return paths.filter((path) => /\.ya?ml$/.test(path) && !path.split('/').some((step) => step.startsWith('.'))).sort()
}

/** Browsers do not tell which files are programs. */
export function filesOf(uploads: readonly Upload[]): SiteFiles {
  return {
    async read(path) {
      const found = uploads.find((each) => each.path === path)
      if (!found) throw new Error('it is not among the files that were chosen')
      if (found.size > LARGEST) throw new Error(`it has more than ${LARGEST / 1024 / 1024} MiB`)
      try {
        return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(await found.bytes())
      } catch {
        throw new Error('it is no text (UTF-8)')
      }
    },
    async list(folder) {
      const within = uploads.filter(({ path }) => path.startsWith(`${folder}/`))
      if (within.length === 0) throw new Error(`no file below ${folder} was chosen`)
      return within.map(({ path }) => ({ path: path.slice(folder.length + 1), kind: 'file', executable: false }))
    },
  }
}

import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type CliCommand, type Common, leaf, show } from '../command.ts'
import type { Context } from '../context.ts'
import { Unsuccessful } from '../failure.ts'

/** Names the files of the last export, so that the next one may replace them. */
const LIST = '.reveille-export'

export function exportCommand(program: CliCommand, context: Context): void {
  leaf(program, 'export <directory>', 'write the server as YAML files that apply takes; secrets are only named', [
    'reveille export site/',
  ])
    .addHelpText(
      'after',
      '\nThe directory must be new, empty, or of an earlier export, whose files are replaced. Applying it to the same server changes nothing.',
    )
    .action(async (directory: string, options: Common) => {
      const { exportSite } = await import('../../api/client/site/exporting.ts')
      const before = await earlier(directory)
      const files = await exportSite(await context.client())
      for (const { path, content } of files) {
        await mkdir(dirname(join(directory, path)), { recursive: true })
        await writeFile(join(directory, path), content)
      }
      await mkdir(directory, { recursive: true })
      await writeFile(join(directory, LIST), files.map(({ path }) => `${path}\n`).join(''))
      const written = new Set(files.map(({ path }) => path))
      for (const path of before) if (!written.has(path)) await rm(join(directory, path), { force: true })
      const paths = files.map(({ path }) => path)
      show(
        context,
        options,
        { files: paths },
        () => `${paths.length} files are in ${directory}; try them: reveille apply -f ${directory} --dry-run\n`,
      )
    })
}

/** Files of the export before. Refused where others are that an export could overwrite. */
async function earlier(directory: string): Promise<string[]> {
  const entries = await readdir(directory).catch((error: NodeJS.ErrnoException): string[] => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  if (entries.filter((name) => name !== '.git').length === 0) return []
  if (!entries.includes(LIST))
    throw new Unsuccessful(`${directory} is not empty and holds no earlier export: choose another directory`)
  const lines = (await readFile(join(directory, LIST), 'utf8')).split('\n')
  return lines.filter((path) => path !== '' && !path.startsWith('/') && !path.split('/').includes('..'))
}

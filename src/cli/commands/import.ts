import { readFile, stat, writeFile } from 'node:fs/promises'
import type { Imported } from '../../api/client/site/importing.ts'
import { type CliCommand, type Common, group, leaf } from '../command.ts'
import type { Context } from '../context.ts'
import { DISK_FILES } from '../disk-files.ts'
import { Unsuccessful, WrongUse } from '../failure.ts'
import { applyRead } from './apply.ts'

type ImportOptions = Common & { out?: string; force?: boolean; apply?: boolean; dryRun?: boolean; name?: string }
type Read = (path: string) => Promise<Imported>

const LARGEST = 16 * 1024 * 1024

export function importCommands(program: CliCommand, context: Context): void {
  const from = group(program, 'import', 'turn what another server is configured by into a manifest')
  const command = (usage: string, summary: string, example: string, read: Read) => {
    leaf(from, usage, summary, [
      `reveille import ${example} --out site.yaml`,
      `reveille import ${example} --apply --dry-run`,
    ])
      .option('--out <file>', 'write the manifest there instead of printing it')
      .option('--force', 'with --out: replace the file that is there')
      .option('--apply', 'apply it at once')
      .option('--dry-run', 'with --apply: say what would change, and change nothing')
      .option('--name <name>', 'with --apply: remember by this name what it has, for apply --prune')
      .addHelpText(
        'after',
        '\nWhat is not understood is told with its line, and written above the manifest. Networks belong into reveille.yaml.',
      )
      .action((path: string, options: ImportOptions) => run(context, path, options, read))
  }
  command('dnsmasq <file>', 'hosts, ranges and options of a dnsmasq.conf', 'dnsmasq /etc/dnsmasq.conf', async (path) =>
    (await import('../../api/client/site/importing.ts')).importDnsmasq(await readText(path), path),
  )
  command('dhcpd <file>', 'hosts and subnets of an ISC dhcpd.conf', 'dhcpd /etc/dhcp/dhcpd.conf', async (path) =>
    (await import('../../api/client/site/importing.ts')).importDhcpd(await readText(path), path),
  )
  command(
    'matchbox <directory>',
    'groups, profiles and configs of matchbox',
    'matchbox /var/lib/matchbox',
    async (path) => {
      const { importMatchboxFolder } = await import('../../api/client/site/importing.ts')
      if (!(await stat(path)).isDirectory()) throw new Unsuccessful(`${path} is no directory`)
      return importMatchboxFolder(DISK_FILES, path.replace(/(?<=.)\/+$/, ''))
    },
  )
  command('csv <file>', 'machines of a CSV file, as machine import reads it', 'csv rack-a3.csv', async (path) =>
    (await import('../../api/client/site/importing.ts')).importCsv(await readText(path), path),
  )
}

async function run(context: Context, path: string, options: ImportOptions, read: Read): Promise<void> {
  if (options.apply && options.out !== undefined) throw new WrongUse('give either --out or --apply')
  if ((options.dryRun || options.name !== undefined) && !options.apply)
    throw new WrongUse('--dry-run and --name belong to --apply')
  if (options.force && options.out === undefined) throw new WrongUse('--force belongs to --out')
  const { terminal } = context
  const imported = await read(path)
  const { importedText } = await import('../../api/client/site/importing.ts')
  const text = importedText(imported, path)
  for (const note of imported.notes) terminal.err(`${note}\n`)
  if (options.apply) {
    const { readManifestText } = await import('../manifest.ts')
    await applyRead(context, options, path, await readManifestText(text, path))
    return
  }
  const counts = Object.entries(imported.sections).map(
    ([kind, things]) => `${things.length} ${things.length === 1 ? kind.replace(/s$/, '') : kind}`,
  )
  const looked = imported.notes.length === 0 ? '' : '; what was not taken is told above them in it'
  if (options.json) terminal.out(`${JSON.stringify(imported)}\n`)
  else if (options.out === undefined) terminal.out(text)
  if (options.out !== undefined) {
    await writeNew(options.out, text, options.force ?? false)
    if (!options.json)
      terminal.out(
        `${options.out} has ${counts.join(', ')}${looked}; try it: reveille apply -f ${options.out} --dry-run\n`,
      )
  }
}

/** A manifest may have been written by hand: it is not replaced by accident. */
async function writeNew(path: string, text: string, force: boolean): Promise<void> {
  try {
    await writeFile(path, text, { flag: force ? 'w' : 'wx' })
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    throw new Unsuccessful(`${path} is there already; name another file, or replace it: --force`)
  }
}

async function readText(path: string): Promise<string> {
  const { size } = await stat(path)
  if (size > LARGEST) throw new Unsuccessful(`${path} has more than ${LARGEST / 1024 / 1024} MiB`)
  return readFile(path, 'utf8')
}

import type { Applied } from '../../api/contract/server.ts'
import { type CliCommand, type Common, leaf, show } from '../command.ts'
import type { Context } from '../context.ts'
import { Unsuccessful } from '../failure.ts'

const WORDS = { create: 'create', update: 'change', none: 'same  ' } as const

export function changesText({ dryRun, changes }: Applied): string {
  const lines = changes
    .filter(({ change }) => change !== 'none')
    .map(
      ({ thing, change, fields }) =>
        `${WORDS[change]}  ${thing}${change === 'update' && fields.length > 0 ? `  (${fields.join(', ')})` : ''}\n`,
    )
  const count = (change: Applied['changes'][number]['change']) =>
    changes.filter((each) => each.change === change).length
  const verdict = `${count('create')} to create, ${count('update')} to change, ${count('none')} the same`
  return `${lines.join('')}${dryRun ? `${verdict}; nothing was changed (--dry-run)` : `Done: ${verdict.replaceAll('to create', 'created').replaceAll('to change', 'changed')}`}\n`
}

export function applyCommand(program: CliCommand, context: Context): void {
  leaf(program, 'apply', 'make the server match a YAML file of machines, profiles and volumes, all or nothing', [
    'reveille apply -f rack.yaml --dry-run',
    'reveille apply -f machines.d/',
  ])
    .requiredOption('-f, --file <path>', 'a YAML file, or a directory of them')
    .option('--dry-run', 'say what would change, and change nothing')
    .addHelpText(
      'after',
      '\nA file has the keys machines, profiles and volumes, as the API takes them; a profile file may name a file beside it.\nContent of volumes is never changed by it: what they lie over and their size must be as they are.\n\n  profiles:\n    - name: debian\n      kind: live\n      image: debian-installer\n      files:\n        - path: preseed.cfg',
    )
    .action(async (options: Common & { file: string; dryRun?: boolean }) => {
      // YAML and the schemas are only loaded for this one command.
      const { readManifest } = await import('../manifest.ts')
      const { manifest, problems } = await readManifest(options.file)
      if (problems.length > 0) {
        for (const { where, message } of problems) context.terminal.err(`${where}: ${message}\n`)
        throw new Unsuccessful(
          `nothing was changed: ${problems.length} problem${problems.length === 1 ? '' : 's'} in ${options.file}`,
        )
      }
      const applied = await (await context.client()).apply({
        query: { dryRun: options.dryRun ? 'true' : 'false' },
        body: manifest,
      })
      show(context, options, applied, () => changesText(applied))
    })
}

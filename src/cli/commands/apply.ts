import type { Applied } from '../../api/contract/server.ts'
import { type CliCommand, type Common, leaf, show } from '../command.ts'
import type { Context } from '../context.ts'
import { Unsuccessful } from '../failure.ts'

const WORDS = { create: 'create', update: 'change', none: 'same  ', remove: 'remove' } as const

type Change = Applied['changes'][number]

export function changesText({ dryRun, changes, kept, warnings }: Applied): string {
  const lines = changes
    .filter(({ change }) => change !== 'none')
    .map(
      ({ thing, change, fields, differences }) =>
        `${WORDS[change]}  ${thing}${change === 'update' && fields.length > 0 ? `  (${fields.join(', ')})` : ''}\n${dryRun ? differences.map(differenceText).join('') : ''}`,
    )
  const count = (change: Change['change']) => changes.filter((each) => each.change === change).length
  const removed = count('remove') === 0 ? '' : `, ${count('remove')} to remove`
  const verdict = `${count('create')} to create, ${count('update')} to change, ${count('none')} the same${removed}`
  const done = verdict
    .replaceAll('to create', 'created')
    .replaceAll('to change', 'changed')
    .replaceAll('to remove', 'removed')
  const stays = kept.map(({ thing, reason }) => `keep    ${thing}: ${reason}\n`)
  const loud = warnings.map((text) => `warning: ${text}\n`)
  return `${lines.join('')}${stays.join('')}${loud.join('')}${dryRun ? `${verdict}; nothing was changed (--dry-run)` : `Done: ${done}`}\n`
}

function differenceText({ field, before, after, unified }: Change['differences'][number]): string {
  if (unified === null) return `        ${field}: ${before ?? '(nothing)'} → ${after ?? '(nothing)'}\n`
  return `        ${field}:\n${unified.replace(/^(?=.)/gm, '          ')}`
}

type ApplyOptions = { dryRun?: boolean; name?: string; prune?: boolean; force?: boolean }

/** Sends what was read, or says every problem and changes nothing. */
export async function applyRead(
  context: Context,
  options: Common & ApplyOptions,
  from: string,
  { manifest, problems }: Awaited<ReturnType<typeof import('../manifest.ts').readManifest>>,
): Promise<void> {
  if (problems.length > 0) {
    for (const { where, message } of problems) context.terminal.err(`${where}: ${message}\n`)
    throw new Unsuccessful(
      `nothing was changed: ${problems.length} problem${problems.length === 1 ? '' : 's'} in ${from}`,
    )
  }
  const yes = (flag: boolean | undefined) => (flag ? 'true' : 'false')
  const { dryRun, name, prune, force } = options
  const applied = await (await context.client()).apply({
    query: { dryRun: yes(dryRun), name, ...(prune ? { prune: 'true' } : {}), ...(force ? { force: 'true' } : {}) },
    body: manifest,
  })
  show(context, options, applied, () => changesText(applied))
}

export function applyCommand(program: CliCommand, context: Context): void {
  leaf(program, 'apply', 'make the server match YAML files: machines, profiles, configs and more, all or nothing', [
    'reveille apply -f site/ --dry-run',
    'reveille apply -f site/ --name site --prune',
  ])
    .requiredOption('-f, --file <path>', 'a YAML file, or a directory of them and of further directories')
    .option('--dry-run', 'say what would change and how, and change nothing')
    .option('--name <name>', 'remember by this name what the manifest has, for --prune')
    .option('--prune', 'remove what earlier manifests of this name had and this one has not; never what is in use')
    .option('--force', 'prune even more than half of it')
    .addHelpText(
      'after',
      '\nA file has the keys machines, profiles, configs, values, volumes, bmcs and bmcRules, as the API takes them. The text of a config, and a file of a profile, may be named in place of being written there, relative to the YAML file:\n\n  configs:\n    - name: worker\n      file: worker.bu\n      filesDir: files/\n  profiles:\n    - name: debian\n      kind: live\n      image: debian-installer\n      files:\n        - path: preseed.cfg\n\nContent of volumes is never changed or removed by it. Secrets are set by hand: reveille config set. Networks are in reveille.yaml.',
    )
    .action(async (options: Common & ApplyOptions & { file: string }) => {
      // YAML and the schemas are only loaded for this one command.
      const { readManifest } = await import('../manifest.ts')
      await applyRead(context, options, options.file, await readManifest(options.file))
    })
}

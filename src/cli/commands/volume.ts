import { all } from '../../api/client/client.ts'
import type { Volume } from '../../api/contract/volumes.ts'
import { type CliCommand, type Common, choice, group, leaf, show } from '../command.ts'
import type { Context } from '../context.ts'
import { sizeInBytes } from '../size-option.ts'
import { table } from '../table.ts'
import { bytes } from '../units.ts'
import { snapshotsText, volumesText, volumeText } from '../volume-text.ts'
import { volumeExportCommands } from './volume-export.ts'
import { volumeJobCommands } from './volume-jobs.ts'
import { readVolumeReference } from './volume-reference.ts'
import { volumeSetCommands } from './volume-set.ts'

const USES = ['own', 'overlay', 'maintenance'] as const satisfies readonly Volume['use'][]
const CONDITIONS = [
  'ready',
  'modified',
  'mounted',
  'offline',
  'damaged',
] as const satisfies readonly Volume['condition'][]

type ListOptions = Common & {
  use?: Volume['use']
  condition?: Volume['condition']
  machine?: string
  label?: string
  search?: string
}

const KICK = 'end the sessions of whoever is logged in to it, instead of refusing'

export function volumeCommands(program: CliCommand, context: Context): void {
  const { terminal, clock } = context
  const volume = group(program, 'volume', 'disks that are served over iSCSI')
  volumeSetCommands(volume, context)

  leaf(volume, 'list', 'list volumes', [
    'reveille volume list --use overlay --machine pc01',
    'reveille volume list --label rotation=tests --condition modified',
  ])
    .addOption(choice('--use <use>', "only people's own, overlays of machines, or masters in maintenance", USES))
    .addOption(choice('--condition <condition>', 'only those in this condition', CONDITIONS))
    .option('--machine <machine>', 'only overlays of this machine')
    .option('--label <name>', 'only those with this label, as NAME or NAME=VALUE')
    .option('--search <text>', 'part of a name or note')
    .action(async (options: ListOptions) => {
      const { use, condition, machine, label, search } = options
      const volumes = await all((await context.client()).listVolumes, {
        query: { use, condition, machine, label, q: search },
      })
      show(context, options, volumes, () => volumesText(volumes, clock.now(), terminal.columns))
    })

  leaf(volume, 'show <volume>', 'show a volume with its snapshots and exports', ['reveille volume show work']).action(
    async (name: string, options: Common) => {
      const found = await (await context.client()).getVolume({ params: { volume: name } })
      show(context, options, found, () => volumeText(found, clock.now(), terminal.columns))
    },
  )

  leaf(volume, 'rm <volume...>', 'delete volumes (NAME) or single snapshots (NAME@SNAPSHOT)', [
    'reveille volume rm work1 work2',
    'reveille volume rm work@before-upgrade',
  ]).action(async (references: string[], options: Common) => {
    const client = await context.client()
    for (const reference of references) {
      const { volume: name, snapshot } = readVolumeReference(reference)
      if (snapshot === null) await client.deleteVolume({ params: { volume: name } })
      else await client.deleteSnapshot({ params: { volume: name, snapshot } })
      show(context, options, { removed: reference }, () => `${reference} is deleted\n`)
    }
  })

  leaf(volume, 'snapshot <volume> <snapshot>', 'freeze what a volume holds under a name, also while it is in use', [
    'reveille volume snapshot work before-upgrade --note "all is well"',
  ])
    .option('--note <text>', 'what is special about it')
    .action(async (name: string, snapshot: string, options: Common & { note?: string }) => {
      const body = { name: snapshot, note: options.note }
      const after = await (await context.client()).createSnapshot({ params: { volume: name }, body })
      show(
        context,
        options,
        after,
        () => `${name}@${snapshot} is there; back to it: reveille volume revert ${name} ${snapshot}\n`,
      )
    })

  leaf(volume, 'snapshots <volume>', 'list the snapshots of a volume, the oldest first', [
    'reveille volume snapshots work',
  ]).action(async (name: string, options: Common) => {
    const { snapshots, active } = await (await context.client()).getVolume({ params: { volume: name } })
    show(context, options, snapshots, () =>
      snapshots.length === 0
        ? `${name} has no snapshot. Make one: reveille volume snapshot ${name} SNAPSHOT\n`
        : snapshotsText({ snapshots, active }, clock.now(), terminal.columns),
    )
  })

  leaf(
    volume,
    'revert <volume> [snapshot]',
    'back to a snapshot, or to what it was at first; what came later is lost',
    ['reveille volume revert work before-upgrade', 'reveille volume revert work --kick'],
  )
    .option('--kick', KICK)
    .action(async (name: string, snapshot: string | undefined, options: Common & { kick?: boolean }) => {
      const body = { snapshot, kick: options.kick }
      const after = await (await context.client()).revertVolume({ params: { volume: name }, body })
      const to = snapshot === undefined ? (after.base ? 'its base' : 'empty') : `snapshot ${snapshot}`
      show(context, options, after, () => `${name} is back to ${to} and ${after.condition}\n`)
    })

  leaf(volume, 'recreate <volume>', 'drop what a volume holds and all its snapshots, and begin anew', [
    'reveille volume recreate work',
  ])
    .option('--kick', KICK)
    .action(async (name: string, options: Common & { kick?: boolean }) => {
      const after = await (await context.client()).recreateVolume({
        params: { volume: name },
        body: { kick: options.kick },
      })
      show(context, options, after, () => `${name} is as new and ${after.condition}\n`)
    })

  const resize = leaf(volume, 'resize', 'change the size of a volume while nobody is logged in', [
    'reveille volume resize work 40G',
  ])
  resize
    .argument('<volume>')
    .argument('<size>', 'as in 40G', sizeInBytes)
    .option('--shrink', 'cut off the end, which is lost')
    .action(async (name: string, size: number, options: Common & { shrink?: boolean }) => {
      const body = { bytes: size, shrink: options.shrink }
      const after = await (await context.client()).resizeVolume({ params: { volume: name }, body })
      show(context, options, after, () => `${name} has ${bytes(after.bytes)}\n`)
    })

  volumeJobCommands(volume, context)
  volumeExportCommands(volume, context)

  leaf(volume, 'pools', 'where volumes are kept, and how full it is', ['reveille volume pools']).action(
    async (options: Common) => {
      const pools = await all((await context.client()).listPools)
      show(context, options, pools, () => {
        const rows = pools.map((each) => [
          each.name,
          each.kind,
          each.state,
          bytes(each.usedBytes),
          bytes(each.freeBytes),
          bytes(each.totalBytes),
          each.detail,
        ])
        return table(['pool', 'kind', 'state', 'used', 'free', 'size', 'detail'], rows, terminal.columns)
      })
    },
  )
}

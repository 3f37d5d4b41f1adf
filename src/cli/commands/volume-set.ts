import type { InputOf } from '../../api/client/client.ts'
import type { Volume } from '../../api/contract/volumes.ts'
import { type CliCommand, type Common, choice, collect, leaf, show, wholeNumber } from '../command.ts'
import type { Context } from '../context.ts'
import { WrongUse } from '../failure.ts'
import { sizeInBytes } from '../size-option.ts'
import { bytes } from '../units.ts'
import { volumeText } from '../volume-text.ts'
import { addLabels, readLabels } from './image-access.ts'
import { readVolumeReference } from './volume-reference.ts'

const SETTABLE = ['ready', 'modified', 'offline'] as const satisfies readonly Volume['condition'][]

/** What `create` and `set` share; `--no-...` is `false`. */
type Fields = {
  label?: string[]
  notes?: string
  limit?: number | false
  boots?: number | false
  vendor?: string
  product?: string
  revision?: string
}

function fieldOptions(command: CliCommand): CliCommand {
  return addLabels(command)
    .option('--notes <text>', 'anything worth knowing')
    .option('--limit <size>', 'most bytes that it may take itself, as in 5G', sizeInBytes)
    .option('--boots <count>', 'boots before it is set aside as modified', wholeNumber(1))
    .option('--vendor <text>', 'vendor that the disk tells, at most 8 characters')
    .option('--product <text>', 'product that the disk tells, at most 16 characters')
    .option('--revision <text>', 'revision that the disk tells, at most 4 characters') as CliCommand
}

function scsiOf({ vendor, product, revision }: Fields) {
  const scsi = { vendor, product, revision }
  return Object.values(scsi).some((each) => each !== undefined) ? { scsi } : {}
}

type CreateOptions = Common & Fields & { image?: string; size?: number; clone?: string }
type CreateBody = NonNullable<InputOf<'createVolume'>['body']>

function cloneOf(text: string): CreateBody['clone'] {
  return readVolumeReference(text)
}

type SetOptions = Common & Fields & { name?: string; unlabel?: string[]; condition?: (typeof SETTABLE)[number] }

export function volumeSetCommands(volume: CliCommand, context: Context): void {
  const { terminal, clock } = context
  fieldOptions(
    leaf(volume, 'create <name>', 'create a volume over an image version, empty, or as a clone of another', [
      'reveille volume create work --image debian@3 --size 40G --limit 5G',
      'reveille volume create data --size 100G --label purpose=games',
      'reveille volume create copy --clone work@before-upgrade',
    ])
      .option('--image <image>', 'what it holds at first, NAME (the newest version) or NAME@N')
      .option('--size <size>', 'as in 10G; that of the image or of the original if not given', sizeInBytes)
      .option('--clone <volume>', 'volume that it begins as a copy of, NAME or NAME@SNAPSHOT'),
  ).action(async (name: string, options: CreateOptions) => {
    const { image, size, clone } = options
    if (image !== undefined && clone !== undefined) throw new WrongUse('give --image or --clone, not both')
    if (image === undefined && clone === undefined && size === undefined)
      throw new WrongUse('volume create needs --image, --size or --clone')
    const body: CreateBody = {
      name,
      image,
      bytes: size,
      clone: clone === undefined ? undefined : cloneOf(clone),
      notes: options.notes,
      labels: options.label && readLabels(options.label),
      limitBytes: options.limit || undefined,
      bootsLeft: options.boots || undefined,
      ...scsiOf(options),
    }
    const made = await (await context.client()).createVolume({ body })
    const over = made.base ? ` over ${made.base.image}@${made.base.version}` : ''
    show(context, options, made, () => `${made.name} is there: ${bytes(made.bytes)}${over}\n`)
  })

  fieldOptions(
    leaf(volume, 'set <volume>', 'change what is said of a volume, its limits, or take it in or out of service', [
      'reveille volume set work --limit 10G --label owner=ada',
      'reveille volume set test3 --condition offline',
    ]),
  )
    .option('--name <name>', 'a new name')
    .option('--unlabel <name>', 'remove a label; may be given several times', collect)
    .option('--no-limit', 'it may take as many bytes as there are')
    .option('--no-boots', 'it may be booted without end')
    .addOption(
      choice('--condition <condition>', 'ready: serve it; modified: set it aside; offline: out of service', SETTABLE),
    )
    .action(async (name: string, options: SetOptions) => {
      const client = await context.client()
      const params = { volume: name }
      const { label, unlabel, notes, limit, boots, condition } = options
      const labels =
        label || unlabel ? { ...(await client.getVolume({ params })).labels, ...readLabels(label ?? []) } : undefined
      for (const each of unlabel ?? []) delete labels?.[each]
      const body = {
        ...{ name: options.name, labels, notes, condition },
        limitBytes: limit === false ? null : limit,
        bootsLeft: boots === false ? null : boots,
        ...scsiOf(options),
      }
      if (Object.values(body).every((value) => value === undefined))
        throw new WrongUse('volume set needs something to change; see: reveille volume set --help')
      const changed = await client.updateVolume({ params, body })
      show(context, options, changed, () => volumeText(changed, clock.now(), terminal.columns))
    })
}

import { InvalidArgumentError } from 'commander'
import type { StorageState } from '../../api/contract/storage.ts'
import { type CliCommand, type Common, group, leaf, show } from '../command.ts'
import type { Context } from '../context.ts'
import { sizeInBytes } from '../size-option.ts'
import { table } from '../table.ts'
import { bytes } from '../units.ts'

/** `PATH=BYTES`, as the refusal prints it. */
function wiped(text: string): { path: string; bytes: number } {
  const found = /^(\/dev\/[^=]+)=(\d{1,15})$/.exec(text)
  if (!found) throw new InvalidArgumentError('It must be the path and the size in bytes, as in /dev/sdb=1000204886016.')
  return { path: found[1]!, bytes: Number(found[2]) }
}

/** `GROUP/NAME`, as LVM itself writes it. */
function place(text: string): { group: string; name: string } {
  const parts = text.split('/')
  if (parts.length !== 2 || parts.some((part) => part === ''))
    throw new InvalidArgumentError('It must be the volume group and the name, as in vg1/data.')
  return { group: parts[0]!, name: parts[1]! }
}

type Place = ReturnType<typeof place>

function stateText({ devices, volumeGroups, logicalVolumes, physicalVolumes }: StorageState, columns?: number): string {
  const parts = [
    table(
      ['device', 'size', 'bytes', 'state', 'what is on it', 'model'],
      devices.map((each) => [each.path, bytes(each.bytes), each.bytes, each.state, each.holds.join(', '), each.model]),
      columns,
    ),
    table(
      ['physical volume', 'group', 'size', 'used'],
      physicalVolumes.map((each) => [each.path, each.group, bytes(each.bytes), bytes(each.usedBytes)]),
      columns,
    ),
    table(
      ['volume group', 'size', 'free', 'missing', ''],
      volumeGroups.map((each) => [
        each.name,
        bytes(each.bytes),
        bytes(each.freeBytes),
        each.missing || '',
        each.ours ? "Reveille's" : '',
      ]),
      columns,
    ),
    table(
      ['logical volume', 'size', 'layout', 'open', ''],
      logicalVolumes.map((each) => [
        `${each.group}/${each.name}`,
        bytes(each.bytes),
        each.layout,
        each.open ? 'open' : '',
        each.ours ? "Reveille's" : '',
      ]),
      columns,
    ),
  ]
  const rows = [devices, physicalVolumes, volumeGroups, logicalVolumes].map(({ length }) => length)
  return parts.filter((_, index) => rows[index]! > 0).join('\n') || 'No device of this server can be managed.\n'
}

export function storageCommands(program: CliCommand, context: Context): void {
  const { terminal } = context
  const storage = group(program, 'storage', 'disks of the server and LVM on them; for admins')
  const tell = (options: Common, state: StorageState, text: string) => show(context, options, state, () => `${text}\n`)

  leaf(storage, 'list', 'list devices, physical volumes, volume groups and logical volumes', [
    'reveille storage list',
  ]).action(async (options: Common) => {
    const state = await (await context.client()).getStorage()
    show(context, options, state, () => stateText(state, terminal.columns))
  })

  const pv = group(storage, 'pv', 'devices that LVM may use')
  leaf(pv, 'add <device>', 'make a device a physical volume; refused if anything is on it', [
    'reveille storage pv add /dev/sdb',
    'reveille storage pv add /dev/sdb --wipe /dev/sdb=1000204886016',
  ])
    .option('--wipe <device=bytes>', 'all on it may be lost: its path again, and its size in bytes', wiped)
    .action(async (path: string, options: Common & { wipe?: ReturnType<typeof wiped> }) => {
      const body = { path, wipe: options.wipe }
      tell(options, await (await context.client()).createPhysicalVolume({ body }), `${path} is a physical volume`)
    })
  leaf(pv, 'rm <device>', 'make a physical volume of no group an empty device', [
    'reveille storage pv rm /dev/sdb',
  ]).action(async (path: string, options: Common) => {
    tell(options, await (await context.client()).deletePhysicalVolume({ query: { path } }), `${path} is empty`)
  })

  const vg = group(storage, 'vg', 'volume groups')
  leaf(vg, 'create <group> <device...>', 'make a volume group of physical volumes', [
    'reveille storage vg create vg1 /dev/sdb /dev/sdc',
  ]).action(async (name: string, devices: string[], options: Common) => {
    const state = await (await context.client()).createVolumeGroup({ body: { name, devices } })
    tell(options, state, `${name} has ${freeOf(state, name)} free`)
  })
  leaf(vg, 'extend <group> <device...>', 'add physical volumes to a volume group', [
    'reveille storage vg extend vg1 /dev/sdd',
  ]).action(async (name: string, devices: string[], options: Common) => {
    const state = await (await context.client()).extendVolumeGroup({ params: { group: name }, body: { devices } })
    tell(options, state, `${name} has ${freeOf(state, name)} free`)
  })
  leaf(vg, 'reduce <group> <device>', 'take a physical volume that nothing lies on out of a volume group', [
    'reveille storage vg reduce vg1 /dev/sdd',
  ]).action(async (name: string, path: string, options: Common) => {
    const state = await (await context.client()).reduceVolumeGroup({ params: { group: name }, query: { path } })
    tell(options, state, `${path} is not in ${name} any more`)
  })
  leaf(vg, 'rm <group>', 'remove a volume group without logical volumes', ['reveille storage vg rm vg1']).action(
    async (name: string, options: Common) => {
      tell(options, await (await context.client()).deleteVolumeGroup({ params: { group: name } }), `${name} is removed`)
    },
  )

  const lv = group(storage, 'lv', 'classic logical volumes; those of the pool are volumes: see reveille volume')
  leaf(lv, 'create', 'make a logical volume; its size is rounded up to extents of the group', [
    'reveille storage lv create vg1/data 100G',
  ])
    .argument('<group/name>', 'the volume group and the name', place)
    .argument('<size>', 'as in 40G', sizeInBytes)
    .action(async (at: Place, size: number, options: Common) => {
      const state = await (await context.client()).createLogicalVolume({ body: { ...at, bytes: size } })
      tell(options, state, `/dev/${at.group}/${at.name} has ${sizeOf(state, at)}`)
    })
  leaf(lv, 'resize', 'change the size of a logical volume, not of the filesystem in it', [
    'reveille storage lv resize vg1/data 200G',
  ])
    .argument('<group/name>', 'the volume group and the name', place)
    .argument('<size>', 'as in 40G', sizeInBytes)
    .option('--shrink', 'cut off the end, which is lost')
    .action(async (at: Place, size: number, options: Common & { shrink?: boolean }) => {
      const body = { bytes: size, shrink: options.shrink }
      const state = await (await context.client()).resizeLogicalVolume({ params: at, body })
      tell(options, state, `${at.group}/${at.name} has ${sizeOf(state, at)}`)
    })
  leaf(lv, 'rename', 'give a logical volume another name', ['reveille storage lv rename vg1/data games'])
    .argument('<group/name>', 'the volume group and the name', place)
    .argument('<new-name>')
    .action(async (at: Place, to: string, options: Common) => {
      const state = await (await context.client()).renameLogicalVolume({ params: at, body: { to } })
      tell(options, state, `${at.group}/${at.name} is ${at.group}/${to} now`)
    })
  leaf(lv, 'rm', 'remove a logical volume with all that is in it', ['reveille storage lv rm vg1/data'])
    .argument('<group/name>', 'the volume group and the name', place)
    .action(async (at: Place, options: Common) => {
      const state = await (await context.client()).deleteLogicalVolume({ params: at })
      tell(options, state, `${at.group}/${at.name} is removed`)
    })
}

function freeOf({ volumeGroups }: StorageState, name: string): string {
  return bytes(volumeGroups.find((each) => each.name === name)?.freeBytes ?? 0)
}

function sizeOf({ logicalVolumes }: StorageState, at: Place): string {
  return bytes(logicalVolumes.find((each) => each.group === at.group && each.name === at.name)?.bytes ?? 0)
}

import { writeFile } from 'node:fs/promises'
import { Argument } from 'commander'
import { all } from '../../api/client/client.ts'
import type { LabMachine, NewLabMachine } from '../../api/contract/lab.ts'
import { type CliCommand, type Common, choice, collect, group, leaf, show } from '../command.ts'
import { attachConsole } from '../console.ts'
import type { Context } from '../context.ts'
import { WrongUse } from '../failure.ts'
import { facts, table } from '../table.ts'
import { bytes, readSize } from '../units.ts'
import { POWER_ACTIONS } from './power.ts'

const FIRMWARES = ['bios', 'uefi'] as const satisfies readonly NewLabMachine['firmware'][]
const NICS = ['virtio-net-pci', 'e1000', 'e1000e'] as const satisfies readonly NewLabMachine['nic'][]
const ROMS = ['ipxe', 'pxe', 'http'] as const satisfies readonly NewLabMachine['rom'][]
const DISK_MODELS = ['virtio-blk-pci', 'nvme'] as const satisfies readonly NewLabMachine['diskModel'][]
const BOOT_ORDERS = ['network', 'disk'] as const satisfies readonly NewLabMachine['bootOrder'][]

function memorySize(text: string): number {
  const mib = readSize(text, 'M')
  if (mib === undefined || !Number.isInteger(mib) || mib < 1)
    throw new WrongUse(`${JSON.stringify(text)} is no size; write 512M or 1G`)
  return mib
}

/** A disk's size in GiB, down to whole MiB. */
function diskSize(text: string): number {
  const gib = readSize(text, 'G')
  if (gib === undefined || !Number.isInteger(gib * 1024) || gib <= 0)
    throw new WrongUse(`${JSON.stringify(text)} is no size; write 10G or 256M`)
  return gib
}

type AddOptions = Common &
  Partial<Pick<NewLabMachine, 'mac' | 'firmware' | 'nic' | 'diskModel' | 'rom' | 'secureBoot' | 'bootOrder'>> & {
    memory?: string
    disk?: string[]
    start: boolean
  }

function machineText(machine: LabMachine): string {
  const next =
    machine.power === 'off'
      ? `Switch it on: reveille lab power ${machine.name} on`
      : `See it boot: reveille why ${machine.mac} --follow`
  return `${machine.name} is ${machine.power}: ${machine.mac}, ${machine.firmware}, ${machine.memoryMiB} MiB\n${next}\n`
}

export function labCommands(program: CliCommand, context: Context): void {
  const { terminal } = context
  const lab = group(program, 'lab', 'virtual machines for trying everything out (needs lab.enabled)')

  for (const [name, summary] of [
    ['up', 'build the lab network, if it is not there'],
    ['status', 'say how the lab is'],
  ] as const)
    leaf(lab, name, summary, [`reveille lab ${name}`]).action(async (options: Common) => {
      const client = await context.client()
      const status = name === 'up' ? await client.labUp() : await client.labStatus()
      show(context, options, status, () =>
        facts([
          ['state', status.state],
          ['mode', status.mode],
          ['subnet', status.subnet],
          ['interface', status.interface],
          ['acceleration', status.acceleration],
          ['machines', status.machines],
          ['reason', status.reason],
        ]),
      )
    })

  leaf(lab, 'add <name>', 'make a virtual machine and switch it on', [
    'reveille lab add vm1',
    'reveille lab add vm2 --firmware uefi --memory 1G --disk 10G',
    'reveille lab add vm3 --mac 52:54:00:00:00:03 --no-start',
  ])
    .option('--mac <mac>', 'of its network card; made from the name if not given')
    .addOption(choice('--firmware <kind>', 'bios if not given', FIRMWARES))
    .option('--memory <size>', 'such as 1G (512M if not given)')
    .option('--disk <size>', 'such as 10G or 256M; may be given several times', collect)
    .addOption(choice('--disk-model <model>', 'virtio-blk-pci if not given', DISK_MODELS))
    .addOption(choice('--nic <model>', 'network card', NICS))
    .addOption(
      choice('--rom <kind>', 'what its firmware speaks: QEMU’s iPXE, or (uefi) its own PXE or HTTP boot', ROMS),
    )
    .option('--secure-boot', 'UEFI that starts only what Microsoft signed; it needs --rom pxe')
    .addOption(choice('--boot-order <first>', 'what it tries first', BOOT_ORDERS))
    .option('--no-start', 'leave it switched off')
    .action(async (name: string, options: AddOptions) => {
      const { mac, firmware, nic, diskModel, rom, secureBoot, bootOrder, start } = options
      const memoryMiB = options.memory === undefined ? undefined : memorySize(options.memory)
      const disksGiB = options.disk?.map(diskSize)
      const made = await (await context.client()).addLabMachine({
        body: { name, mac, firmware, nic, diskModel, rom, secureBoot, bootOrder, start, memoryMiB, disksGiB },
      })
      show(context, options, made, () => machineText(made))
    })

  leaf(lab, 'list', 'list lab machines', ['reveille lab list']).action(async (options: Common) => {
    const machines = await all((await context.client()).listLabMachines)
    show(context, options, machines, () => {
      if (machines.length === 0) return 'No lab machines. Make one: reveille lab add NAME\n'
      const rows = machines.map((each) => [
        each.name,
        each.power,
        each.mac,
        each.firmware,
        bytes(each.memoryMiB * 1024 * 1024),
        each.disksGiB.map((disk) => bytes(disk * 1024 ** 3)).join(', '),
        each.bootOrder,
        each.machine && `${each.machine.name} (${each.machine.state})`,
      ])
      return table(
        ['name', 'power', 'mac', 'firmware', 'memory', 'disks', 'boots from', 'machine'],
        rows,
        terminal.columns,
      )
    })
  })

  leaf(lab, 'set <lab-machine>', 'change the boot order from the next start, or attach a disk', [
    'reveille lab set vm1 --boot-order disk',
    'reveille lab set vm1 --disk 10G',
  ])
    .option('--secure-boot', 'UEFI that starts only what Microsoft signed; it needs --rom pxe')
    .addOption(choice('--boot-order <first>', 'what it tries first', BOOT_ORDERS))
    .option('--disk <size>', 'attach one more disk of this size')
    .action(async (name: string, options: Common & Partial<Pick<NewLabMachine, 'bootOrder'>> & { disk?: string }) => {
      if (options.bootOrder === undefined && options.disk === undefined)
        throw new WrongUse('lab set needs --boot-order or --disk')
      const attachDiskGiB = options.disk === undefined ? undefined : diskSize(options.disk)
      const changed = await (await context.client()).patchLabMachine({
        params: { name },
        body: { bootOrder: options.bootOrder, attachDiskGiB },
      })
      show(context, options, changed, () => machineText(changed))
    })

  leaf(lab, 'power <lab-machine>', 'switch it, also before it was ever seen on the network', [
    'reveille lab power vm1 on',
    'reveille lab power vm1 cycle',
  ])
    .addArgument(new Argument('<action>', 'what to do; soft asks the system to shut down').choices(POWER_ACTIONS))
    .action(async (name: string, action: (typeof POWER_ACTIONS)[number], options: Common) => {
      const client = await context.client()
      const switched = await client.patchLabMachine({ params: { name }, body: { power: action } })
      show(context, options, switched, () => machineText(switched))
    })

  leaf(lab, 'screen <lab-machine> [file]', 'save what its screen shows as PNG; - writes to standard output', [
    'reveille lab screen vm1 vm1.png',
  ]).action(async (name: string, file: string | undefined, options: Common) => {
    const { body } = await (await context.client()).labScreen({ params: { name } })
    const pieces: Uint8Array[] = []
    for await (const piece of body) pieces.push(piece)
    const picture = Buffer.concat(pieces)
    if (file === '-') {
      process.stdout.write(picture)
      return
    }
    const path = file ?? `${name}.png`
    await writeFile(path, picture)
    show(context, options, { path, bytes: picture.length }, () => `${path}: ${bytes(picture.length)}\n`)
  })

  leaf(lab, 'console <lab-machine>', 'connect to its serial console; Ctrl-] leaves it', [
    'reveille lab console vm1',
  ]).action(async (name: string) => {
    const machines = await all((await context.client()).listLabMachines)
    const found = machines.find((each) => each.name === name)
    if (!found)
      throw new WrongUse(
        `there is no lab machine ${name}; there are: ${machines.map((each) => each.name).join(', ') || 'none'}`,
      )
    if (!found.machine)
      throw new WrongUse(
        `${name} was not seen on the network yet; switch it on: reveille lab power ${name} on; or look at it: reveille lab screen ${name}`,
      )
    await attachConsole(context, found.machine.name, { write: (bytes) => void process.stdout.write(bytes) })
  })

  leaf(lab, 'rm <lab-machine...>', 'switch lab machines off and delete them with their disks', [
    'reveille lab rm vm1',
  ]).action(async (names: string[], options: Common) => {
    const client = await context.client()
    for (const name of names) {
      await client.removeLabMachine({ params: { name } })
      show(context, options, { removed: name }, () => `${name} is gone\n`)
    }
  })

  leaf(lab, 'destroy', 'delete all lab machines with their disks, and the lab network', [
    'reveille lab destroy',
  ]).action(async (options: Common) => {
    await (await context.client()).labDestroy()
    show(context, options, { destroyed: true }, () => 'The lab is gone.\n')
  })
}

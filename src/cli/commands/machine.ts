import { readFile } from 'node:fs/promises'
import { all } from '../../api/client/client.ts'
import { readMachines } from '../../api/client/site/csv.ts'
import type { Machine, MachinePatch, NewMachine } from '../../api/contract/machines.ts'
import type { Applied } from '../../api/contract/server.ts'
import { type CliCommand, type Common, choice, collect, group, leaf, seconds, show } from '../command.ts'
import type { Context } from '../context.ts'
import { Unsuccessful, WrongUse } from '../failure.ts'
import { type Cell, facts, table } from '../table.ts'
import { ago } from '../units.ts'
import { changesText } from './apply.ts'
import { inventoryCommand } from './inventory.ts'
import { machineDisklessCommands } from './machine-diskless.ts'
import { watchBoot } from './why.ts'

const STATES = [
  'discovered',
  'ready',
  'deploying',
  'active',
  'failed',
  'maintenance',
  'retired',
] as const satisfies readonly Machine['state'][]
const BOOT_STATES = ['running', 'stalled', 'launched', 'parked', 'failed', 'superseded'] as const
const POWER_STATES = ['on', 'off', 'unknown'] as const satisfies readonly Machine['power'][]
const SORTS = ['name', 'state', 'power', 'boot', 'profile', 'address', 'seen'] as const
const SETTABLE_STATES = ['ready', 'maintenance', 'retired'] as const satisfies readonly MachinePatch['state'][]
const FIRMWARES = ['bios', 'uefi'] as const satisfies readonly Machine['firmware'][]
const BOOT_LOADERS = ['auto', 'ipxe', 'grub'] as const satisfies readonly Machine['bootLoader'][]
const ARCHITECTURES = [
  'x86',
  'x86_64',
  'arm',
  'arm64',
  'riscv64',
  'loongarch64',
] as const satisfies readonly Machine['architecture'][]

type ListOptions = {
  state?: Machine['state']
  tag?: string
  profile?: string
  boot?: (typeof BOOT_STATES)[number]
  power?: (typeof POWER_STATES)[number]
  search?: string
  sort: (typeof SORTS)[number]
  descending?: boolean
}

export function machineFacts(machine: Machine, now: number): string {
  const pairs: [string, Cell][] = [
    ['name', machine.name],
    ['id', machine.id],
    ['state', machine.state],
    ['MACs', machine.macs.join(', ')],
    ['profile', machine.profile ?? '(none: it is parked)'],
    ['next boot', machine.nextBoot ? `${machine.nextBoot.profile}, once (by ${machine.nextBoot.orderedBy})` : ''],
    ['fixed address', machine.ip],
    ['host name', machine.hostname],
    ['last address', machine.lastAddress],
    ['last seen', ago(machine.lastSeenAt, now)],
    ['firmware', machine.firmware],
    ['boot loader', machine.bootLoader === 'auto' ? '' : machine.bootLoader],
    ['architecture', machine.architecture],
    ['manufacturer', machine.manufacturer],
    ['product', machine.product],
    ['serial', machine.serial],
    ['UUID', machine.uuid],
    ['tags', machine.tags.join(', ')],
    ['lab machine', machine.lab],
    ['notes', machine.notes],
    ['last boot', machine.boot ? `${machine.boot.state} at ${machine.boot.stage}: ${machine.boot.headline}` : ''],
  ]
  return facts(pairs)
}

type Fields = {
  mac?: string[]
  profile?: string
  ip?: string
  hostname?: string
  tag?: string[]
  notes?: string
  uuid?: string
  serial?: string
  firmware?: NewMachine['firmware']
  bootLoader?: NewMachine['bootLoader']
  architecture?: NewMachine['architecture']
}

/** The options that `add` and `set` share. */
function fieldOptions(command: CliCommand): CliCommand {
  return command
    .option('--mac <mac>', 'Ethernet address, in any usual spelling; may be given several times', collect)
    .option('--profile <profile>', 'what it boots by default')
    .option('--ip <address>', 'fixed address')
    .option('--hostname <name>', 'host name that DHCP tells it')
    .option('--tag <tag>', 'may be given several times', collect)
    .option('--notes <text>', 'anything worth knowing')
    .option('--uuid <uuid>', 'SMBIOS UUID')
    .option('--serial <serial>', 'serial number')
    .addOption(choice('--firmware <kind>', 'firmware', FIRMWARES))
    .addOption(choice('--boot-loader <loader>', 'what firmware loads first: grub for Secure Boot', BOOT_LOADERS))
    .addOption(choice('--architecture <name>', 'architecture', ARCHITECTURES))
}

/** An empty text takes a value away. */
function orNull<T extends string>(value: T | undefined): T | null | undefined {
  return value === '' ? null : value
}

function fieldsOf(options: Fields): Omit<MachinePatch, 'name' | 'state'> {
  return {
    ...(options.mac ? { macs: options.mac } : {}),
    profile: orNull(options.profile),
    ip: orNull(options.ip),
    hostname: orNull(options.hostname),
    tags: options.tag?.filter((tag) => tag !== ''),
    notes: options.notes,
    uuid: orNull(options.uuid),
    serial: orNull(options.serial),
    firmware: options.firmware,
    bootLoader: options.bootLoader,
    architecture: options.architecture,
  }
}

export function machineCommands(program: CliCommand, context: Context): void {
  const { terminal } = context
  const machine = group(program, 'machine', 'register, approve and steer machines')
  inventoryCommand(machine, context)
  machineDisklessCommands(machine, context)

  fieldOptions(
    leaf(machine, 'add <name>', 'register a machine', [
      'reveille machine add web1 --mac 52:54:00:12:34:56 --profile debian',
      'reveille machine add web2 --mac 5254.0012.3457 --ip 10.20.0.12 --tag rack=a3',
    ]),
  ).action(async (name: string, options: Common & Fields) => {
    if (!options.mac) throw new WrongUse('machine add needs --mac: a machine is known by its Ethernet address')
    const { macs: _, ...fields } = fieldsOf(options)
    const made = await (await context.client()).createMachine({ body: { name, macs: options.mac, ...fields } })
    show(
      context,
      options,
      made,
      () =>
        `${made.name} is registered and ${made.state}${made.profile ? `; it boots ${made.profile}` : '; without a profile it is parked'}\n`,
    )
  })

  leaf(machine, 'list', 'list machines', [
    'reveille machine list --state discovered',
    'reveille machine list --tag cafe-north --boot stalled --sort seen --descending',
  ])
    .addOption(choice('--state <state>', 'only those in this state', STATES))
    .option('--tag <tag>', 'only those with this tag')
    .option('--profile <profile>', 'only those that boot this profile')
    .addOption(choice('--boot <state>', 'only those whose newest boot is in this state', BOOT_STATES))
    .addOption(choice('--power <state>', 'only those whose power was read as this last', POWER_STATES))
    .option('--search <text>', 'part of a name, MAC, address, serial, tag or note')
    .addOption(choice('--sort <column>', 'what they are listed by', SORTS).default('name'))
    .option('--descending', 'the last first')
    .action(async (options: Common & ListOptions) => {
      const { state, tag, profile, boot, power, search, sort, descending } = options
      const order = descending ? 'desc' : 'asc'
      const machines = await all((await context.client()).listMachines, {
        query: { state, tag, profile, boot, power, q: search, sort, order },
      })
      show(context, options, machines, () => {
        if (machines.length === 0)
          return 'No machines. One is discovered when it boots from the network, or: reveille machine add NAME --mac MAC\n'
        const rows = machines.map((each) => [
          each.name,
          each.state,
          each.macs[0],
          each.ip ?? each.lastAddress,
          each.profile,
          each.nextBoot?.profile,
          ago(each.lastSeenAt, context.clock.now()),
          each.boot?.state,
          each.power,
        ])
        return table(
          ['name', 'state', 'mac', 'address', 'profile', 'next boot', 'seen', 'last boot', 'power'],
          rows,
          terminal.columns,
        )
      })
    })

  leaf(machine, 'show <machine>', 'show a machine, by name, id or MAC', ['reveille machine show web1']).action(
    async (name: string, options: Common) => {
      const found = await (await context.client()).getMachine({ params: { machine: name } })
      show(context, options, found, () => machineFacts(found, context.clock.now()))
    },
  )

  leaf(machine, 'approve <machine>', 'approve a discovered machine', [
    'reveille machine approve node-0001 --name web3 --profile debian',
  ])
    .option('--name <name>', 'give it this name')
    .option('--profile <profile>', 'let it boot this profile')
    .action(async (name: string, options: Common & { name?: string; profile?: string }) => {
      const approved = await (await context.client()).approveMachine({
        params: { machine: name },
        body: { name: options.name, profile: orNull(options.profile) },
      })
      show(
        context,
        options,
        approved,
        () =>
          `${approved.name} is approved${approved.profile ? ` and boots ${approved.profile}` : `; choose what it boots: reveille machine boot ${approved.name} --profile PROFILE`}\n`,
      )
    })

  leaf(machine, 'boot <machine>', 'choose what it boots, or show the choice', [
    'reveille machine boot web1 --profile debian',
    'reveille machine boot web1 --profile rescue --once --watch',
    'reveille machine boot web1 --cancel --once',
  ])
    .option('--profile <profile>', 'boot this by default')
    .option('--once', 'only the next time')
    .option('--cancel', 'take the choice back (with --once: the one for the next time)')
    .option('--watch', 'then follow its next boot, stage by stage')
    .option('--timeout <seconds>', 'give up watching after this time, with status 1', seconds)
    .action(
      async (
        name: string,
        options: Common & { profile?: string; once?: boolean; cancel?: boolean; watch?: boolean; timeout?: number },
      ) => {
        if (options.profile !== undefined && options.cancel)
          throw new WrongUse('--profile and --cancel exclude each other')
        if (options.once && options.profile === undefined && !options.cancel)
          throw new WrongUse('--once needs --profile PROFILE, or --cancel')
        const client = await context.client()
        const since = context.clock.now()
        const params = { machine: name }
        const chosen = options.cancel ? null : options.profile
        const choiceNow =
          chosen === undefined
            ? await client.getBoot({ params })
            : await client.setBoot({ params, body: options.once ? { once: chosen } : { profile: chosen } })
        if (!(options.watch && options.json))
          show(context, options, choiceNow, () => {
            const once = choiceNow.once ? `; the next time ${choiceNow.once.profile}, once` : ''
            return `${name} boots ${choiceNow.profile ?? 'nothing (it is parked)'}${once}\n`
          })
        if (options.watch)
          await watchBoot(context, name, { json: options.json === true, since, timeout: options.timeout })
      },
    )

  const set = fieldOptions(
    leaf(machine, 'set <machine>', 'change a machine; an empty value takes it away', [
      'reveille machine set web1 --ip 10.20.0.11 --notes "top of rack a3"',
      "reveille machine set web1 --hostname '' --state maintenance",
    ]).alias('edit'),
  )
  set
    .option('--name <name>', 'a new name')
    .addOption(choice('--state <state>', 'a new state', SETTABLE_STATES))
    .action(async (name: string, options: Common & Fields & Pick<MachinePatch, 'name' | 'state'>) => {
      const body = { ...fieldsOf(options), name: options.name, state: options.state }
      if (Object.values(body).every((value) => value === undefined))
        throw new WrongUse('machine set needs something to change; see: reveille machine set --help')
      const changed = await (await context.client()).updateMachine({ params: { machine: name }, body })
      show(context, options, changed, () => machineFacts(changed, context.clock.now()))
    })

  leaf(machine, 'rm <machine...>', 'forget machines; one that boots again is discovered anew', [
    'reveille machine rm web1 web2',
  ]).action(async (names: string[], options: Common) => {
    const client = await context.client()
    for (const name of names) {
      await client.deleteMachine({ params: { machine: name } })
      show(context, options, { removed: name }, () => `${name} is forgotten\n`)
    }
  })

  leaf(machine, 'import <file>', 'register or change machines from a CSV file, all or none', [
    'reveille machine import rack-a3.csv --dry-run',
  ])
    .option('--dry-run', 'say what would change, and change nothing')
    .addHelpText(
      'after',
      '\nThe header names the columns: name, mac, and any of profile, ip, hostname, tags, notes, uuid, serial.\nSeveral MACs or tags in one field are separated by spaces or semicolons.',
    )
    .action(async (file: string, options: Common & { dryRun?: boolean }) => {
      const { machines, problems } = readMachines(await readFile(file, 'utf8'))
      if (problems.length > 0) {
        for (const { line, message } of problems) terminal.err(`${file}:${line}: ${message}\n`)
        throw new Unsuccessful(
          `nothing was changed: ${problems.length} problem${problems.length === 1 ? '' : 's'} in ${file}`,
        )
      }
      const applied: Applied = await (await context.client()).apply({
        query: { dryRun: options.dryRun ? 'true' : 'false' },
        body: { machines },
      })
      show(context, options, applied, () => changesText(applied))
    })

  leaf(machine, 'script <machine>', 'print the boot script it would get now; nothing is recorded or consumed', [
    'reveille machine script web1',
  ]).action(async (name: string, options: Common) => {
    const preview = await (await context.client()).previewScript({ params: { machine: name } })
    show(context, options, preview, () => `${preview.script.trimEnd()}\n\n${preview.reason}\n`)
  })
}

import { readFile } from 'node:fs/promises'
import { all, type InputOf } from '../../api/client/client.ts'
import type { Profile } from '../../api/contract/profiles.ts'
import { printable } from '../../kit/printable.ts'
import { type CliCommand, type Common, choice, collect, group, leaf, show, wholeNumber } from '../command.ts'
import type { Context } from '../context.ts'
import { type DisklessOptions, disklessOptions, disksDetails, readDisk } from '../diskless-options.ts'
import { WrongUse } from '../failure.ts'
import {
  INSTALL_FIELDS,
  type InstallOptions,
  installDetails,
  installFields,
  installOptions,
} from '../install-options.ts'
import { firstItem, itemPasswordOptions, type MenuOptions, menuItems } from '../menu-options.ts'
import { type Cell, facts, table } from '../table.ts'
import { bytes } from '../units.ts'

const KINDS = [
  'local',
  'diskless',
  'install',
  'live',
  'wim',
  'iso',
  'script',
  'menu',
  'park',
] as const satisfies readonly Profile['kind'][]
type ProfileSpec = InputOf<'createProfile'>['body']
type Kind = Profile['kind']

type Options = Common &
  InstallOptions &
  DisklessOptions &
  MenuOptions & {
    kind?: Kind
    description?: string
    image?: string
    cmdline?: string
    file?: string[]
    config?: string
    script?: string
    message?: string
  }

/** Which options a kind has: others are refused rather than forgotten. */
const FIELDS: Readonly<Record<Kind, readonly (keyof Options)[]>> = {
  local: [],
  install: ['image', 'config', ...INSTALL_FIELDS],
  diskless: ['disk', 'hideGateway'],
  live: ['image', 'cmdline', 'file', 'config', 'disk'],
  wim: ['image', 'wim', 'config', 'disk', 'hideGateway'],
  iso: ['image'],
  script: ['script'],
  menu: ['title', 'item', 'itemPassword', 'openItem', 'default', 'timeout'],
  park: ['message'],
}
/** What a new profile of a kind cannot do without. */
const NEEDED: Partial<Readonly<Record<Kind, keyof Options>>> = {
  diskless: 'disk',
  live: 'image',
  wim: 'image',
  iso: 'image',
  script: 'script',
  menu: 'item',
}
const ALL_FIELDS = [...new Set(Object.values(FIELDS).flat())]

const flag = (field: string) => field.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)

async function readFileOption(text: string): Promise<{ name: string; content: string }> {
  const at = text.indexOf('=')
  const path = at < 0 ? text : text.slice(at + 1)
  return { name: at < 0 ? (text.split('/').at(-1) ?? text) : text.slice(0, at), content: await readFile(path, 'utf8') }
}

/** Laid over what the profile was; files and items given replace those there were. */
async function fieldsOf(
  context: Context,
  kind: Kind,
  { options, before }: { options: Options; before?: Profile },
): Promise<Record<string, unknown>> {
  const wrong = ALL_FIELDS.find((field) => options[field] !== undefined && !FIELDS[kind].includes(field))
  if (wrong)
    throw new WrongUse(
      `--${flag(wrong)} does not belong to a profile of kind ${kind}; it has: ${FIELDS[kind].map((field) => `--${flag(field)}`).join(', ') || 'no options of its own'}`,
    )
  if (kind === 'install') {
    const identity = before?.kind === 'install' ? before.identity : undefined
    const { description } = options
    const config = options.config === undefined ? {} : { config: options.config === 'none' ? null : options.config }
    return {
      ...(description === undefined ? {} : { description }),
      ...config,
      ...(await installFields(options, identity)),
    }
  }
  const fields: Record<string, unknown> = {
    description: options.description,
    image: options.image,
    cmdline: options.cmdline,
    files: options.file && (await Promise.all(options.file.map(readFileOption))),
    config: options.config === 'none' ? null : options.config,
    script: options.script === undefined ? undefined : await readFile(options.script, 'utf8'),
    title: options.title,
    items: await menuItems(context, options, before?.kind === 'menu' ? before.items : []),
    default: options.default ?? firstItem(options.item),
    timeoutSeconds: options.timeout,
    message: options.message,
    disks: options.disk?.map(readDisk),
    hideGateway: options.hideGateway,
    wim: options.wim,
  }
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}

/** What the server sent, without what only the server says. */
function specOf({ createdAt: _created, updatedAt: _updated, usedBy: _used, ...spec }: Profile): ProfileSpec {
  return spec
}

/** The facts of one kind, and what follows below them. */
function details(profile: Profile): { pairs: [string, Cell][]; below?: string } {
  switch (profile.kind) {
    case 'live': {
      const files = profile.files.map(({ name, content }) => `${name} (${bytes(Buffer.byteLength(content))})`)
      return {
        pairs: [
          ['image', profile.image],
          ['command line', profile.cmdline],
          ['files', files.join(', ')],
          ['config', profile.config],
          ...disksDetails(profile.disks),
        ],
      }
    }
    case 'install':
      return { pairs: [...installDetails(profile), ['config', profile.config]] }
    case 'diskless':
      return { pairs: [...disksDetails(profile.disks), ['gateway', profile.hideGateway ? 'hidden' : '']] }
    case 'wim':
      return {
        pairs: [
          ['image', profile.image],
          ['boot.wim', profile.wim],
          ['config', profile.config],
          ...disksDetails(profile.disks),
          ['gateway', profile.hideGateway ? 'hidden' : ''],
        ],
      }
    case 'iso':
      return { pairs: [['image', profile.image]] }
    case 'menu': {
      const timeout = profile.timeoutSeconds === 0 ? 'none' : `${profile.timeoutSeconds} s`
      const items = profile.items.map(({ profile: name, label, password }) => [
        name,
        label,
        password === null ? '' : 'asks for a password',
      ])
      return {
        pairs: [
          ['title', profile.title],
          ['default', profile.default],
          ['timeout', timeout],
        ],
        below: table(['profile', 'label', ''], items),
      }
    }
    case 'script':
      return { pairs: [], below: `${profile.script.trimEnd().split('\n').map(printable).join('\n')}\n` }
    case 'park':
      return { pairs: [['message', profile.message]] }
    default:
      return { pairs: [] }
  }
}

/** The images and volumes that it boots or writes, for lists. */
function imagesOf(profile: Profile): string {
  if (profile.kind === 'install') return profile.targets.map(({ image }) => image).join(', ')
  if (profile.kind === 'diskless')
    return profile.disks
      .map((disk) => (disk.use === 'overlay' ? disk.image : disk.use === 'volume' ? disk.volume : disk.rotation))
      .join(', ')
  return 'image' in profile ? profile.image : ''
}

function profileText(profile: Profile): string {
  const { pairs, below } = details(profile)
  const head = facts([
    ['name', profile.name],
    ['kind', profile.kind],
    ['description', profile.description],
    ...pairs,
    ['used by', `${profile.usedBy} machine${profile.usedBy === 1 ? '' : 's'}`],
  ])
  return below === undefined ? head : `${head}\n${below}`
}

function fieldOptions(command: CliCommand): CliCommand {
  return itemPasswordOptions(disklessOptions(command))
    .option('--description <text>', 'what it is for')
    .option('--image <image>', 'install, live, wim, iso: image it writes or boots, NAME (the newest version) or NAME@N')
    .option(
      '--cmdline <text>',
      'live: kernel arguments; {{files}}, {{mac}}, {{hostname}}, {{machine}}, {{server}} are filled in',
    )
    .option(
      '--config <config>',
      'live, wim, install: what configures the booted or installed system; NAME or NAME@VERSION, none takes it out',
    )
    .option(
      '--file <name=path>',
      'live: a text file that the booted system may fetch; may be given several times',
      collect,
    )
    .option('--script <path>', 'script: a file with an iPXE script')
    .option('--title <text>', 'menu: its heading')
    .option('--item <profile=label>', 'menu: an entry; may be given several times', collect)
    .option('--default <profile>', 'menu: the entry taken after the timeout (the first if not given)')
    .option('--timeout <seconds>', 'menu: seconds until the default is taken; 0 waits for ever', wholeNumber(0))
    .option('--message <text>', 'park: what the screen says')
}

export function profileCommands(program: CliCommand, context: Context): void {
  const profile = group(program, 'profile', 'say what machines become')

  installOptions(
    fieldOptions(
      leaf(profile, 'add <name>', 'create a profile', [
        'reveille profile add debian --kind live --image debian --cmdline "url={{files}}/preseed.cfg" --file preseed.cfg=./preseed.cfg',
        'reveille profile add server --kind install --image debian --grow --set-hostname --ssh-key ~/.ssh/id_ed25519.pub',
        'reveille profile add desktop --kind diskless --disk overlay:desktop,policy=reset-at-boot,limit=10G --disk volume:games,read-only',
        'reveille profile add choose --kind menu --item debian="Install Debian" --item local="Boot the disk" --timeout 20',
      ]).addOption(choice('--kind <kind>', 'what kind of profile', KINDS).makeOptionMandatory()),
    ),
  ).action(async (name: string, options: Options & { kind: Kind }) => {
    const needed = NEEDED[options.kind]
    if (needed && options[needed] === undefined)
      throw new WrongUse(`a profile of kind ${options.kind} needs --${needed}`)
    if (options.kind === 'install' && !options.image && !options.target)
      throw new WrongUse('a profile of kind install needs --image or --target')
    const spec = { name, kind: options.kind, ...(await fieldsOf(context, options.kind, { options })) } as ProfileSpec
    const made = await (await context.client()).createProfile({ body: spec })
    show(
      context,
      options,
      made,
      () => `${made.name} is made; give it to a machine: reveille machine boot MACHINE --profile ${made.name}\n`,
    )
  })

  const list = leaf(profile, 'list', 'list profiles', ['reveille profile list', 'reveille profile list --kind live'])
    .addOption(choice('--kind <kind>', 'only those of this kind', KINDS))
    .option('--search <text>', 'part of a name, description, image or config')
  list.action(async (options: Common & { kind?: (typeof KINDS)[number]; search?: string }) => {
    const query = { kind: options.kind, q: options.search }
    const profiles = await all((await context.client()).listProfiles, { query })
    show(context, options, profiles, () => {
      if (profiles.length === 0 && (query.kind ?? query.q) !== undefined) return 'No profile matches.\n'
      if (profiles.length === 0) return 'No profiles. Make one: reveille profile add NAME --kind live --image IMAGE\n'
      const rows = profiles.map((each) => [each.name, each.kind, imagesOf(each), each.usedBy, each.description])
      return table(['name', 'kind', 'image', 'used', 'description'], rows, context.terminal.columns)
    })
  })

  leaf(profile, 'show <profile>', 'show a profile', ['reveille profile show debian']).action(
    async (name: string, options: Common) => {
      const found = await (await context.client()).getProfile({ params: { profile: name } })
      show(context, options, found, () => profileText(found))
    },
  )

  installOptions(
    fieldOptions(
      leaf(profile, 'edit <profile>', 'change a profile; files, items and disks given replace those there were', [
        'reveille profile edit debian --image debian@3',
        'reveille profile set choose --item-password admin-desktop',
      ]).alias('set'),
    ),
  ).action(async (name: string, options: Options) => {
    const client = await context.client()
    const params = { profile: name }
    const before = await client.getProfile({ params })
    const fields = await fieldsOf(context, before.kind, { options, before })
    if (Object.keys(fields).length === 0)
      throw new WrongUse('profile edit needs something to change; see: reveille profile edit --help')
    const after = await client.replaceProfile({ params, body: { ...specOf(before), ...fields } as ProfileSpec })
    show(context, options, after, () => profileText(after))
  })

  leaf(profile, 'rm <profile...>', 'delete profiles that no machine and no menu uses', [
    'reveille profile rm old',
  ]).action(async (names: string[], options: Common) => {
    const client = await context.client()
    for (const name of names) {
      await client.deleteProfile({ params: { profile: name } })
      show(context, options, { removed: name }, () => `${name} is deleted\n`)
    }
  })
}

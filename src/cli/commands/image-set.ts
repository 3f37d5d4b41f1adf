import { readFile } from 'node:fs/promises'
import type { InputOf } from '../../api/client/client.ts'
import type { Image } from '../../api/contract/images.ts'
import { type CliCommand, type Common, choice, collect, leaf, show, wholeNumber } from '../command.ts'
import type { Context } from '../context.ts'
import { DISK_FORMATS } from '../disk-source.ts'
import { WrongUse } from '../failure.ts'
import { type Access, addAccess, addLabels, readAccess, readLabels } from './image-access.ts'
import { readImageReference } from './image-reference.ts'

type SetOptions = Common &
  Access & {
    description?: string
    owner?: string
    label?: string[]
    unlabel?: string[]
    pruneKeep?: number
    prune?: boolean
  }

type FetchOptions = Common & {
  kind?: Image['kind']
  url: string[]
  sha256?: string[]
  signature?: string[]
  key?: string
  channel?: string
  version?: string
  arch?: string
  format?: (typeof DISK_FORMATS)[number]
  cmdline?: string
}
type FetchBody = NonNullable<InputOf<'fetchImage'>['body']>
type FetchedFile = FetchBody['files'][number]

/** A version, which must be named: `NAME@N`. */
function readVersion(reference: string): { image: string; version: number } {
  const { name, version } = readImageReference(reference)
  if (version === 'latest') throw new WrongUse(`say which version of ${name}: ${name}@N`)
  return { image: name, version }
}

/** `[ROLE=]URL`, each with the check sum and the signature given in the same place. */
export function filesToFetch({
  url,
  sha256 = [],
  signature = [],
}: Pick<FetchOptions, 'url' | 'sha256' | 'signature'>): FetchedFile[] {
  if (sha256.length > url.length || signature.length > url.length)
    throw new WrongUse('give as many --sha256 and --signature as --url at most, in the same order')
  return url.map((text, i) => {
    const [, role, address = ''] = /^(?:(kernel|initrd|iso|wim|chunks)=)?(.*)$/.exec(text) ?? []
    const sum = sha256[i]
    // `.sig`: what the file's own address ends with.
    const sign = signature[i]?.startsWith('.') ? `${address}${signature[i]}` : signature[i]
    return {
      url: address,
      ...(role ? { role: role as NonNullable<FetchedFile['role']> } : {}),
      ...(sum ? { sha256: sum.toLowerCase() } : {}),
      ...(sign ? { signature: sign } : {}),
    }
  })
}

export function imageSetCommands(image: CliCommand, context: Context): void {
  addAccess(
    addLabels(
      leaf(image, 'set <image>', 'change who may see an image, its owner, labels, description, and what is pruned', [
        'reveille image set debian --share ada --share bob',
        'reveille image set debian --label os=debian --prune-keep 5',
      ])
        .option('--description <text>', 'what the image is')
        .option('--owner <user>', 'who owns it')
        .option('--unlabel <name>', 'remove a label; may be given several times', collect)
        .option('--prune-keep <count>', 'older versions may go, unless pinned or in use', wholeNumber(1))
        .option('--no-prune', 'keep all versions'),
    ),
  ).action(async (name: string, options: SetOptions) => {
    const client = await context.client()
    const params = { image: name }
    const { description, owner, label, unlabel, pruneKeep } = options
    if (pruneKeep !== undefined && options.prune === false) throw new WrongUse('give --prune-keep or --no-prune')
    const labels =
      label || unlabel ? { ...(await client.getImage({ params })).labels, ...readLabels(label ?? []) } : undefined
    for (const each of unlabel ?? []) delete labels?.[each]
    const body = {
      ...(description === undefined ? {} : { description }),
      ...(owner === undefined ? {} : { owner }),
      ...readAccess(options),
      ...(labels ? { labels } : {}),
      ...(pruneKeep === undefined ? {} : { prune: { keep: pruneKeep } }),
      ...(options.prune === false ? { prune: null } : {}),
    }
    if (Object.keys(body).length === 0) throw new WrongUse('say what to change, for example --public or --prune-keep 5')
    const changed = await client.updateImage({ params, body })
    show(context, options, changed, () => `${name} is changed\n`)
  })

  const patch = (usage: string, summary: string, examples: string[], said: string, pinned: boolean) =>
    leaf(image, usage, summary, examples).action(async (reference: string, options: Common) => {
      const params = readVersion(reference)
      const changed = await (await context.client()).updateVersion({ params, body: { pinned } })
      show(context, options, changed, () => `${reference} ${said}\n`)
    })
  patch('pin <image>', 'never prune a version (NAME@N)', ['reveille image pin debian@3'], 'is pinned', true)
  patch('unpin <image>', 'let a version (NAME@N) be pruned again', [], 'is not pinned any more', false)

  leaf(image, 'note <image> <text>', 'say what is new in a version (NAME@N)', [
    'reveille image note debian@3 "with SSH"',
  ]).action(async (reference: string, note: string, options: Common) => {
    const params = readVersion(reference)
    const changed = await (await context.client()).updateVersion({ params, body: { note } })
    show(context, options, changed, () => `${reference}: noted\n`)
  })

  leaf(image, 'fetch <name>', 'let the server fetch an upstream release once, check it, and keep it', [
    'reveille image fetch debian --url https://cloud.debian.org/images/cloud/bookworm/latest/debian-12-genericcloud-amd64.qcow2',
    'reveille image fetch flatcar --url kernel=https://{channel}.release.flatcar-linux.net/{arch}-usr/{version}/flatcar_production_pxe.vmlinuz --signature .sig --key flatcar.asc --channel stable --version current',
  ])
    .requiredOption(
      '--url <address>',
      'where it is, as [ROLE=]URL with ROLE kernel, initrd, iso or wim; {channel}, {version} and {arch} are replaced; may be given several times',
      collect,
    )
    .option('--sha256 <digest>', 'of the file; for several, in the order of --url', collect)
    .option(
      '--signature <address>',
      'of a detached GPG signature, or its ending (.sig); in the order of --url',
      collect,
    )
    .option('--key <file>', 'armoured public key that signatures are checked with')
    .addOption(
      choice('--kind <kind>', 'bundle with a kernel, else disk if not given', [
        'disk',
        'partition',
        'bundle',
        'iso',
        'wim',
      ]),
    )
    .addOption(choice('--format <format>', 'what a disk is packed in', DISK_FORMATS))
    .option('--channel <word>', 'put in place of {channel}')
    .option('--version <word>', 'put in place of {version}')
    .option('--arch <word>', 'put in place of {arch}; amd64 if not given')
    .option('--cmdline <text>', 'kernel command line of a bundle')
    .action(async (name: string, options: FetchOptions) => {
      const files = filesToFetch(options)
      if (files.some(({ signature }) => signature) && options.key === undefined)
        throw new WrongUse('a signature is checked with --key FILE, the public key of who made it')
      const { channel, version, arch, format, cmdline } = options
      const kind = options.kind ?? kindByFiles(files)
      const body = {
        ...{ kind, files, channel, version, arch, format, cmdline },
        ...(options.key === undefined ? {} : { key: await readFile(options.key, 'utf8') }),
      }
      const fetched = await (await context.client()).fetchImage({ params: { image: name }, body })
      show(context, options, fetched, () => `${fetched.name}@${fetched.latest} is there\n`)
    })
}

function kindByFiles(files: readonly FetchedFile[]): Image['kind'] {
  if (files.some(({ role }) => role === 'kernel' || role === 'initrd')) return 'bundle'
  const [first] = files
  if (first?.role === 'iso' || first?.role === 'wim') return first.role
  return /\.iso$/i.test(first?.url ?? '') ? 'iso' : /\.wim$/i.test(first?.url ?? '') ? 'wim' : 'disk'
}

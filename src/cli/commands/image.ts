import { all } from '../../api/client/client.ts'
import type { Image } from '../../api/contract/images.ts'
import { printable } from '../../kit/printable.ts'
import { type CliCommand, type Common, choice, group, leaf, show } from '../command.ts'
import type { Context } from '../context.ts'
import { Unsuccessful } from '../failure.ts'
import { facts, table } from '../table.ts'
import { ago, bytes } from '../units.ts'
import { imagePullCommand } from './image-pull.ts'
import { imagePushCommands } from './image-push.ts'
import { readImageReference } from './image-reference.ts'
import { imageSetCommands } from './image-set.ts'

const KINDS = ['disk', 'partition', 'bundle', 'iso', 'wim'] as const satisfies readonly Image['kind'][]

type Version = Image['versions'][number]

/** Public, private, or the names it is shared with. */
function visibilityOf({ visibility, sharedWith }: Image): string {
  return visibility === 'shared' ? `shared with ${sharedWith.join(', ') || 'nobody yet'}` : visibility
}

function contentOf({ disk, files }: Version): string {
  if (!disk) return files.map(({ role, name }) => (role === name ? role : `${role} ${name}`)).join(', ')
  return [disk.table ?? 'no table', ...disk.filesystems].join(', ')
}

function sizeOf({ disk, files }: Version): number {
  return disk ? disk.bytes : files.reduce((sum, file) => sum + file.bytes, 0)
}

function versionRows({ versions }: Image, now: number): (string | number)[][] {
  return versions.map((version) => [
    version.number,
    bytes(sizeOf(version)),
    version.disk ? bytes(version.disk.allocatedBytes) : '',
    version.disk ? bytes(version.disk.addedBytes) : '',
    contentOf(version),
    (version.files[0]?.sha256 ?? '').slice(0, 12),
    version.pinned ? 'pinned' : '',
    ago(version.createdAt, now),
    version.createdBy,
    version.note,
  ])
}

function imageText(image: Image, now: number, columns: number | undefined): string {
  const latest = image.versions.at(-1)
  const head = facts([
    ['name', image.name],
    ['kind', image.kind],
    ['description', image.description],
    ['owner', image.owner],
    ['visibility', visibilityOf(image)],
    [
      'labels',
      Object.entries(image.labels)
        .map(([name, value]) => `${name}=${value}`)
        .join(', '),
    ],
    ['pruned', image.prune ? `all but the newest ${image.prune.keep}, the pinned and those in use` : 'never'],
    ['stored', bytes(image.bytes)],
    ['used by', image.usedBy.join(', ')],
    ['command line', latest?.cmdline],
  ])
  if (!latest) return `${head}\nNo version yet.\n`
  const titles = ['version', 'size', 'allocated', 'added', 'content', 'sha256', '', 'made', 'by', 'note']
  return `${head}\n${table(titles, versionRows(image, now), columns)}`
}

function listText(images: readonly Image[], now: number, columns: number | undefined): string {
  if (images.length === 0) return 'No images. Push one: reveille image push NAME FILE\n'
  const rows = images.map((each) => {
    const latest = each.versions.at(-1)
    return [
      each.name,
      each.kind,
      each.latest,
      latest ? bytes(sizeOf(latest)) : '',
      latest?.disk ? bytes(latest.disk.allocatedBytes) : '',
      latest?.disk ? bytes(latest.disk.addedBytes) : '',
      each.visibility,
      each.owner,
      each.usedBy.join(', '),
      ago(each.updatedAt, now),
    ]
  })
  const titles = ['name', 'kind', 'latest', 'size', 'allocated', 'added', 'visibility', 'owner', 'used by', 'changed']
  return table(titles, rows, columns)
}

export function imageCommands(program: CliCommand, context: Context): void {
  const { terminal } = context
  const image = group(program, 'image', 'push, build, list and pull images of disks and boot files')
  imagePushCommands(image, context)

  leaf(image, 'list', 'list images', ['reveille image list --kind disk'])
    .addOption(choice('--kind <kind>', 'only this kind', KINDS))
    .option('--search <text>', 'part of a name or description')
    .action(async (options: Common & { kind?: Image['kind']; search?: string }) => {
      const images = await all((await context.client()).listImages, {
        query: { kind: options.kind, q: options.search },
      })
      show(context, options, images, () => listText(images, context.clock.now(), terminal.columns))
    })

  leaf(image, 'show <image>', 'show an image with its versions', ['reveille image show debian']).action(
    async (name: string, options: Common) => {
      const found = await (await context.client()).getImage({ params: { image: readImageReference(name).name } })
      show(context, options, found, () => imageText(found, context.clock.now(), terminal.columns))
    },
  )

  imagePullCommand(image, context)

  leaf(image, 'verify <image>', 'let the server read every byte of a version again and compare it with its hashes', [
    'reveille image verify debian@3',
  ]).action(async (reference: string, options: Common) => {
    const { name, version } = readImageReference(reference)
    const found = await (await context.client()).verifyVersion({ params: { image: name, version } })
    show(context, options, found, () => {
      if (!found.ok) return found.problems.map((problem) => `${printable(problem)}\n`).join('')
      const sum = found.sha256 ? `\nsha256 ${found.sha256}` : ''
      return `${reference} is whole: ${bytes(found.bytes)} in ${found.chunks} chunks${sum}\n`
    })
    if (!found.ok) throw new Unsuccessful(`${reference} is damaged`)
  })

  imageSetCommands(image, context)

  leaf(image, 'chunks', 'how much the chunk store holds, and what in it is damaged', ['reveille image chunks']).action(
    async (options: Common) => {
      const store = await (await context.client()).getChunkStore()
      show(context, options, store, () => {
        const now = context.clock.now()
        const head = facts([
          ['chunks', store.chunks],
          ['stored', bytes(store.storedBytes)],
          ['last checked', ago(store.scrubbedAt, now) || 'never'],
          ['damaged', store.corrupt.length],
        ])
        if (store.corrupt.length === 0) return head
        const rows = store.corrupt.map((each) => [
          each.sha256.slice(0, 12),
          each.images.join(', '),
          each.detail,
          ago(each.at, now),
        ])
        const damage = table(['chunk', 'images', 'what', 'found'], rows, terminal.columns)
        return `${head}\n${damage}Pushing an image with the same content again heals it.\n`
      })
      if (store.corrupt.length > 0) throw new Unsuccessful('')
    },
  )

  leaf(image, 'rm <image...>', 'delete images (NAME) or single versions (NAME@N)', [
    'reveille image rm debian@1',
  ]).action(async (references: string[], options: Common) => {
    const client = await context.client()
    for (const reference of references) {
      const { name, version } = readImageReference(reference)
      if (version === 'latest') await client.deleteImage({ params: { image: name } })
      else await client.deleteVersion({ params: { image: name, version } })
      show(context, options, { removed: reference }, () => `${reference} is deleted\n`)
    }
  })
}

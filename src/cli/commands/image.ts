import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { type ApiClient, all } from '../../api/client/client.ts'
import { ApiProblem } from '../../api/client/problem.ts'
import type { Image } from '../../api/contract/images.ts'
import { type CliCommand, type Common, choice, collect, group, leaf, show } from '../command.ts'
import type { Context } from '../context.ts'
import { WrongUse } from '../failure.ts'
import { NO_PROGRESS, type Progress, terminalProgress } from '../progress.ts'
import { facts, table } from '../table.ts'
import { ago, bytes } from '../units.ts'
import { type FileToUpload, looksLikeIso, uploadFiles } from '../upload.ts'

const KINDS = ['bundle', 'iso'] as const satisfies readonly Image['kind'][]

type PushOptions = Common & {
  kind?: Image['kind']
  kernel?: string
  initrd?: string[]
  cmdline?: string
  note?: string
  description?: string
}

/** `NAME` or `NAME@N`. */
export function readImageReference(text: string): { name: string; version: number | 'latest' } {
  const match = /^([^@]+)(?:@([1-9]\d*))?$/.exec(text)
  if (!match) throw new WrongUse(`${JSON.stringify(text)} is not an image; write NAME or NAME@VERSION`)
  return { name: match[1]!, version: match[2] === undefined ? 'latest' : Number(match[2]) }
}

async function filesToPush(
  file: string | undefined,
  options: PushOptions,
): Promise<{ kind: Image['kind']; files: FileToUpload[] }> {
  if (options.kernel !== undefined) {
    if (file !== undefined || options.kind === 'iso')
      throw new WrongUse('push either one FILE or --kernel with --initrd')
    const initrds = (options.initrd ?? []).map((path) => ({ role: 'initrd' as const, path }))
    return { kind: 'bundle', files: [{ role: 'kernel', path: options.kernel }, ...initrds] }
  }
  if (file === undefined || options.initrd || options.kind === 'bundle')
    throw new WrongUse('image push needs FILE (an ISO), or --kernel FILE and its --initrd FILE')
  if (options.kind !== 'iso' && !/\.iso$/i.test(file) && !(await looksLikeIso(file)))
    throw new WrongUse(
      `${file} is no ISO; give --kind iso if it is one, or push a bundle with --kernel FILE --initrd FILE`,
    )
  if (options.cmdline !== undefined)
    throw new WrongUse('an ISO has its own command line; --cmdline belongs to --kernel')
  return { kind: 'iso', files: [{ role: 'iso', path: file }] }
}

/** The image to push into; `undefined` when it is to be made. One of another kind is wrong use. */
async function imageFor(client: ApiClient, name: string, kind: Image['kind']): Promise<Image | undefined> {
  try {
    const image = await client.getImage({ params: { image: name } })
    if (image.kind === kind) return image
    throw new WrongUse(`the image ${name} is of kind ${image.kind}; push the ${kind} under another name`)
  } catch (error) {
    if (error instanceof ApiProblem && error.status === 404) return undefined
    throw error
  }
}

async function push(
  client: ApiClient,
  name: string,
  file: string | undefined,
  options: PushOptions,
  progress: Progress,
): Promise<Image> {
  const { kind, files } = await filesToPush(file, options)
  const { description } = options
  const image = await imageFor(client, name, kind)
  // Made after its bytes: a push that breaks off leaves no empty image behind.
  const uploaded = await uploadFiles(client, files, progress)
  if (!image) await client.createImage({ body: { name, kind, description } })
  else if (description !== undefined && description !== image.description)
    await client.updateImage({ params: { image: name }, body: { description } })
  return client.createVersion({
    params: { image: name },
    body: { files: uploaded, cmdline: options.cmdline, note: options.note },
  })
}

function imageText(image: Image, now: number, columns: number | undefined): string {
  const rows = image.versions.flatMap((version) =>
    version.files.map((file, index) => [
      index === 0 ? version.number : '',
      file.role,
      file.name,
      bytes(file.bytes),
      file.sha256.slice(0, 12),
      index === 0 ? ago(version.createdAt, now) : '',
      index === 0 ? version.createdBy : '',
    ]),
  )
  const latest = image.versions.at(-1)
  const head = facts([
    ['name', image.name],
    ['kind', image.kind],
    ['description', image.description],
    ['size', bytes(image.bytes)],
    ['used by', image.usedBy.join(', ')],
    ['command line', latest?.cmdline],
  ])
  return rows.length === 0
    ? `${head}\nNo version yet.\n`
    : `${head}\n${table(['version', 'role', 'file', 'size', 'sha256', 'made', 'by'], rows, columns).replaceAll(/^- /gm, '  ')}`
}

/** Writes beside the target first: a broken transfer leaves no half file under its name. */
async function download(
  body: AsyncIterable<Uint8Array>,
  path: string,
  total: number,
  progress: Progress,
): Promise<number> {
  const part = `${path}.part`
  const bar = progress.begin(`get ${path}`, total)
  let done = 0
  try {
    await pipeline(
      body,
      async function* (pieces) {
        for await (const piece of pieces) {
          done += piece.length
          bar.at(done)
          yield piece
        }
      },
      createWriteStream(part),
    )
    await rename(part, path)
  } catch (error) {
    await rm(part, { force: true })
    throw error
  } finally {
    bar.end()
  }
  return done
}

export function imageCommands(program: CliCommand, context: Context): void {
  const { terminal } = context
  const image = group(program, 'image', 'push and list boot images')

  leaf(image, 'push <name> [file]', 'add a version; only what the server lacks is sent', [
    'reveille image push debian --kernel linux --initrd initrd.gz --cmdline "auto=true"',
    'reveille image push rescue systemrescue.iso',
  ])
    .addOption(choice('--kind <kind>', 'bundle or iso; found by itself if not given', KINDS))
    .option('--kernel <file>', 'kernel of a bundle')
    .option('--initrd <file>', 'initrd of a bundle; may be given several times, loaded in this order', collect)
    .option('--cmdline <text>', 'kernel command line')
    .option('--note <text>', 'what is new in this version')
    .option('--description <text>', 'what the image is')
    .action(async (name: string, file: string | undefined, options: PushOptions) => {
      const progress = options.json ? NO_PROGRESS : terminalProgress(terminal)
      const pushed = await push(await context.client(), name, file, options, progress)
      show(
        context,
        options,
        pushed,
        () =>
          `${pushed.name}@${pushed.latest} is there (${bytes(pushed.versions.at(-1)?.files.reduce((sum, each) => sum + each.bytes, 0) ?? 0)})\n`,
      )
    })

  leaf(image, 'list', 'list images', ['reveille image list --kind iso'])
    .addOption(choice('--kind <kind>', 'only this kind', KINDS))
    .option('--search <text>', 'part of a name or description')
    .action(async (options: Common & { kind?: Image['kind']; search?: string }) => {
      const images = await all((await context.client()).listImages, {
        query: { kind: options.kind, q: options.search },
      })
      show(context, options, images, () => {
        if (images.length === 0) return 'No images. Push one: reveille image push NAME --kernel FILE --initrd FILE\n'
        const rows = images.map((each) => [
          each.name,
          each.kind,
          each.latest,
          bytes(each.bytes),
          each.usedBy.join(', '),
          ago(each.updatedAt, context.clock.now()),
        ])
        return table(['name', 'kind', 'latest', 'size', 'used by', 'changed'], rows, terminal.columns)
      })
    })

  leaf(image, 'show <image>', 'show an image with its versions', ['reveille image show debian']).action(
    async (name: string, options: Common) => {
      const found = await (await context.client()).getImage({ params: { image: readImageReference(name).name } })
      show(context, options, found, () => imageText(found, context.clock.now(), terminal.columns))
    },
  )

  leaf(image, 'pull <image> <path>', 'download a file of a version (NAME or NAME@N)', [
    'reveille image pull rescue@2 rescue.iso',
    'reveille image pull debian vmlinuz --file linux',
  ])
    .option('--file <name>', 'which file, when the version has several')
    .action(async (reference: string, path: string, options: Common & { file?: string }) => {
      const { name, version } = readImageReference(reference)
      const answer = await (await context.client()).getContent({
        params: { image: name, version },
        query: { file: options.file },
      })
      const total = Number(answer.header('content-length') ?? 0)
      const count = await download(answer.body, path, total, options.json ? NO_PROGRESS : terminalProgress(terminal))
      show(context, options, { path, bytes: count }, () => `${path}: ${bytes(count)}\n`)
    })

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

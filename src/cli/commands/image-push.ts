import type { ApiClient } from '../../api/client/client.ts'
import { ApiProblem } from '../../api/client/problem.ts'
import type { Image } from '../../api/contract/images.ts'
import { type CliCommand, type Common, choice, collect, leaf, show } from '../command.ts'
import type { Context } from '../context.ts'
import { DISK_FORMATS } from '../disk-source.ts'
import { WrongUse } from '../failure.ts'
import { NO_PROGRESS, type Progress, terminalProgress } from '../progress.ts'
import { type PushedDisk, pushDisk } from '../push-disk.ts'
import { Patience } from '../retry.ts'
import { bytes, readSize } from '../units.ts'
import { type FileToUpload, fileNames, kindOf, uploadFiles } from '../upload.ts'
import { type Access, addAccess, addLabels, readAccess, readLabels } from './image-access.ts'

const KINDS = ['disk', 'partition', 'bundle', 'iso', 'wim'] as const satisfies readonly Image['kind'][]

type PushOptions = Common &
  Access & {
    kind?: Image['kind']
    format?: (typeof DISK_FORMATS)[number]
    kernel?: string
    initrd?: string[]
    cmdline?: string
    note?: string
    description?: string
    label?: string[]
  }

type Content = Readonly<
  | { kind: Image['kind']; files: FileToUpload[] }
  | { kind: 'disk' | 'partition'; disk: string; format: PushOptions['format'] }
>

async function contentOf(file: string | undefined, options: PushOptions): Promise<Content> {
  if (options.kernel !== undefined) {
    if (file !== undefined || (options.kind !== undefined && options.kind !== 'bundle'))
      throw new WrongUse('push either one FILE or --kernel with --initrd')
    const initrds = (options.initrd ?? []).map((path) => ({ role: 'initrd' as const, path }))
    return { kind: 'bundle', files: [{ role: 'kernel', path: options.kernel }, ...initrds] }
  }
  if (file === undefined || options.initrd || options.kind === 'bundle')
    throw new WrongUse('image push needs FILE (a disk, an ISO or a WIM), or --kernel FILE and its --initrd FILE')
  const kind = options.kind ?? (await guessedKind(file, options))
  if (options.cmdline !== undefined)
    throw new WrongUse('only a bundle has a command line; --cmdline belongs to --kernel')
  if (kind === 'disk' || kind === 'partition') return { kind, disk: file, format: options.format }
  if (options.format !== undefined) throw new WrongUse('--format is for disks and partitions')
  if (file === '-') throw new WrongUse(`standard input can be a disk; push the ${kind} as a file`)
  return { kind, files: [{ role: kind === 'wim' ? 'wim' : 'iso', path: file }] }
}

async function guessedKind(file: string, { format }: PushOptions): Promise<'disk' | 'iso' | 'wim'> {
  if (file === '-' || format !== undefined) return 'disk'
  const kind =
    (await kindOf(file)) ?? (/\.iso$/i.test(file) ? 'iso' : /\.(img|raw|dd)$/i.test(file) ? 'disk' : undefined)
  if (kind) return kind
  throw new WrongUse(`${file} does not say what it is: give --kind disk, partition, iso or wim`)
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

/** `unchanged`: the newest version has just this content, so none was made. */
type Pushed = Readonly<{ image: Image; disk: PushedDisk | undefined; unchanged: boolean }>

type SentFile = Readonly<{ role: string; sha256: string }>

/** Whether a version would be the same again: same bytes in the same roles and order, and the same command line. */
function sameContent(
  version: Image['versions'][number] | undefined,
  files: readonly SentFile[],
  cmdline = '',
): boolean {
  const content = (all: readonly SentFile[]) => all.map(({ role, sha256 }) => `${role} ${sha256}`).join()
  return version !== undefined && content(version.files) === content(files) && version.cmdline === cmdline
}

async function push(
  client: ApiClient,
  { name, content, options }: { name: string; content: Content; options: PushOptions },
  { progress, interrupted }: { progress: Progress; interrupted: AbortSignal },
): Promise<Pushed> {
  const { description, note, cmdline } = options
  const said = {
    ...(description === undefined ? {} : { description }),
    ...readAccess(options),
    ...(options.label ? { labels: readLabels(options.label) } : {}),
  }
  const image = await imageFor(client, name, content.kind)
  // Made after its bytes: a push that breaks off leaves no empty image behind.
  const patience = new Patience((text) => progress.note(text), { signal: interrupted })
  let disk: PushedDisk | undefined
  let files: { role: FileToUpload['role'] | 'chunks'; name: string; sha256: string }[]
  let source: string | undefined
  if ('disk' in content) {
    disk = await pushDisk(client, content.disk, { format: content.format ?? 'auto', progress, patience })
    files = [{ role: 'chunks', name: 'chunks', sha256: disk.sha256 }]
    source = content.disk === '-' ? undefined : `upload of ${fileNames([content.disk])[0]}`
  } else files = await uploadFiles(client, content.files, progress)
  if (!image) await client.createImage({ body: { name, kind: content.kind, ...said } })
  else if (Object.keys(said).length > 0)
    await client.updateImage({
      params: { image: name },
      body: { ...said, ...(said.labels ? { labels: { ...image.labels, ...said.labels } } : {}) },
    })
  if (image && sameContent(image.versions.at(-1), files, cmdline)) return { image, disk, unchanged: true }
  const made = await client.createVersion({ params: { image: name }, body: { files, cmdline, note, source } })
  return { image: made, disk, unchanged: false }
}

function pushedText({ image, disk, unchanged }: Pushed): string {
  if (unchanged) return `nothing has changed since ${image.name}@${image.latest}; no version was made\n`
  const version = image.versions.at(-1)
  const head = `${image.name}@${image.latest} is there`
  if (!disk) return `${head} (${bytes(version?.files.reduce((sum, each) => sum + each.bytes, 0) ?? 0)})\n`
  const seconds = Math.max(disk.milliseconds, 1) / 1000
  const sent =
    disk.chunksSent === 0 ? 'all its chunks were there' : `sent ${bytes(disk.bytesSent)}: ${disk.chunksSent} new chunks`
  return `${head}: a ${image.kind} of ${bytes(disk.bytes)}, ${bytes(disk.allocatedBytes)} of it not zero\n${sent}; read at ${bytes(disk.bytes / seconds)}/s\n`
}

/** Bytes of `2G`, `500M` or a number of GiB. */
function sizeOf(text: string): number {
  const gib = readSize(text, 'G')
  if (gib === undefined) throw new WrongUse(`${JSON.stringify(text)} is no size; write 2G or 500M`)
  return Math.round(gib * 2 ** 30)
}

type BuildOptions = Common & {
  from: string
  size?: string
  cmdline?: string
  firmware?: string
  secureBoot?: boolean
  filesystem?: string
  kernel?: string
  initrd?: string
  push?: string
  note?: string
}

/** Both firmwares and both consoles: the last one named is where the system speaks. */
const CMDLINE = 'console=ttyS0,115200 console=tty0'

function firmwareOf(text: string): ('bios' | 'uefi')[] {
  const names = text.split(',')
  if (names.every((name) => name === 'bios' || name === 'uefi')) return [...new Set(names)]
  throw new WrongUse(`${JSON.stringify(text)} is no firmware; write bios, uefi or bios,uefi`)
}

export function imagePushCommands(image: CliCommand, context: Context): void {
  const { terminal, interrupted } = context
  const progressFor = (options: Common) => (options.json ? NO_PROGRESS : terminalProgress(terminal))

  addAccess(
    addLabels(
      leaf(image, 'push <name> [file]', 'add a version; only what the server lacks is sent', [
        'reveille image push debian debian.qcow2 --note "with SSH"',
        'zcat disk.img.gz | reveille image push debian -',
        'reveille image push installer --kernel linux --initrd initrd.gz --cmdline "auto=true"',
        'reveille image push rescue systemrescue.iso',
      ])
        .addOption(choice('--kind <kind>', 'found by itself where the file says it', KINDS))
        .addOption(choice('--format <format>', 'what a disk is packed in; found by itself if not given', DISK_FORMATS))
        .option('--kernel <file>', 'kernel of a bundle')
        .option('--initrd <file>', 'initrd of a bundle; may be given several times, loaded in this order', collect)
        .option('--cmdline <text>', 'kernel command line of a bundle')
        .option('--note <text>', 'what is new in this version')
        .option('--description <text>', 'what the image is'),
    ),
  ).action(async (name: string, file: string | undefined, options: PushOptions) => {
    const content = await contentOf(file, options)
    const progress = progressFor(options)
    const pushed = await push(await context.client(), { name, content, options }, { progress, interrupted })
    const { image, disk, unchanged } = pushed
    show(context, options, { ...image, ...(disk ? { pushed: disk } : {}), unchanged }, () => pushedText(pushed))
  })

  leaf(image, 'build <file>', 'make a disk that boots by BIOS and UEFI from a root filesystem; no server needed', [
    'reveille image build debian.img --from rootfs.tar --push debian',
    'docker export web | reveille image build web.img --from - --size 8G',
  ])
    .requiredOption('--from <path>', 'directory or tar archive (plain, gz, xz or zst), or - for standard input')
    .option('--size <size>', 'of the disk, as in 2G; as large as it must be if not given')
    .option('--cmdline <text>', `kernel command line behind root=... rw; "${CMDLINE}" if not given`)
    .option('--firmware <list>', 'bios, uefi or both: bios,uefi', 'bios,uefi')
    .option('--secure-boot', 'shim and GRUB as Debian signed them; the kernel must be signed too')
    .addOption(choice('--filesystem <kind>', 'of the root partition', ['ext4']).default('ext4'))
    .option('--kernel <file>', 'kernel, when the root filesystem has none')
    .option('--initrd <file>', 'its initrd')
    .option('--push <image>', 'push the disk as a version of this image')
    .option('--note <text>', 'what is new in this version')
    .action(async (file: string, options: BuildOptions) => {
      if (options.initrd !== undefined && options.kernel === undefined)
        throw new WrongUse('--initrd belongs to --kernel')
      const order = {
        file,
        from: options.from,
        size: options.size === undefined ? undefined : sizeOf(options.size),
        cmdline: options.cmdline ?? CMDLINE,
        firmware: firmwareOf(options.firmware ?? 'bios,uefi'),
        secureBoot: options.secureBoot,
        kernel: options.kernel,
        initrd: options.initrd,
      }
      const built = await context.local.buildImage(order, (text) => options.json || terminal.err(`${text}\n`))
      for (const note of built.notes) terminal.err(`note: ${note}\n`)
      const content = { kind: 'disk', disk: file, format: 'raw' } as const
      const pushed =
        options.push === undefined
          ? undefined
          : await push(
              await context.client(),
              { name: options.push, content, options: { note: options.note } },
              { progress: progressFor(options), interrupted },
            )
      show(context, options, pushed ? { ...built, image: pushed.image, pushed: pushed.disk } : built, () => {
        const made = `${file}: a disk of ${bytes(built.bytes)}, ${bytes(built.allocatedBytes)} of it in use, boots ${built.kernel}\n`
        return pushed ? made + pushedText(pushed) : made
      })
    })
}

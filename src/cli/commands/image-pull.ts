import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ApiClient } from '../../api/client/client.ts'
import type { Image } from '../../api/contract/images.ts'
import { Refusal } from '../../kit/errors.ts'
import { type CliCommand, type Common, leaf, show } from '../command.ts'
import type { Context } from '../context.ts'
import { WrongUse } from '../failure.ts'
import { NO_PROGRESS, type Progress, terminalProgress } from '../progress.ts'
import { diskStream, pullDisk } from '../pull-disk.ts'
import { Patience } from '../retry.ts'
import { bytes } from '../units.ts'
import { readImageReference } from './image-reference.ts'

type Version = Image['versions'][number]
type File = Version['files'][number]

async function versionOf(client: ApiClient, reference: string): Promise<{ image: Image; version: Version }> {
  const { name, version: wanted } = readImageReference(reference)
  const image = await client.getImage({ params: { image: name } })
  const version = wanted === 'latest' ? image.versions.at(-1) : image.versions.find(({ number }) => number === wanted)
  if (version) return { image, version }
  throw new Refusal(
    'not-found',
    wanted === 'latest' ? `${name} has no version yet` : `${name} has no version ${wanted}`,
  )
}

function fileOf({ files, number }: Version, name: string, wanted: string | undefined): File {
  const file =
    wanted === undefined ? (files.length === 1 ? files[0] : undefined) : files.find((each) => each.name === wanted)
  if (file) return file
  throw new WrongUse(`say which file of ${name}@${number} with --file: ${files.map((each) => each.name).join(', ')}`)
}

/** The bytes of a file as they come, counted, and refused at their end if they are not those of the version. */
async function* checked(
  client: ApiClient,
  { image, version, file }: { image: string; version: number; file: File },
  progress: Progress,
): AsyncGenerator<Uint8Array> {
  const answer = await client.getContent({ params: { image, version }, query: { file: file.name } })
  const bar = progress.begin(`pull ${file.name}`, file.bytes)
  const hash = createHash('sha256')
  let done = 0
  try {
    for await (const piece of answer.body) {
      hash.update(piece)
      done += piece.length
      bar.at(done)
      yield piece
    }
  } finally {
    bar.end()
  }
  if (hash.digest('hex') !== file.sha256)
    throw new Refusal('checksum-mismatch', `${file.name} does not match its SHA-256 when it arrives`, {
      next: 'try again',
    })
}

/** Writes beside the target first: a broken transfer leaves no half file under its name. */
async function toFile(content: AsyncIterable<Uint8Array>, path: string): Promise<void> {
  const part = `${path}.part`
  try {
    await pipeline(content, createWriteStream(part))
    await rename(part, path)
  } catch (error) {
    await rm(part, { force: true })
    throw error
  }
}

function toStandardOutput(content: AsyncIterable<Uint8Array>): Promise<void> {
  return pipeline(Readable.from(content, { objectMode: false }), process.stdout, { end: false })
}

export function imagePullCommand(image: CliCommand, context: Context): void {
  const { terminal, interrupted } = context
  leaf(image, 'pull <image> <path>', 'download a version (NAME or NAME@N); - writes to standard output', [
    'reveille image pull debian@3 debian.img',
    'reveille image pull debian - | zstd >debian.img.zst',
    'reveille image pull installer vmlinuz --file linux',
  ])
    .option('--file <name>', 'which file, when the version has several')
    .action(async (reference: string, path: string, options: Common & { file?: string }) => {
      const client = await context.client()
      const { image: found, version } = await versionOf(client, reference)
      const file = fileOf(version, found.name, options.file)
      const quiet = options.json === true
      const progress = quiet ? NO_PROGRESS : terminalProgress(terminal)
      const at = { image: found.name, version: version.number }
      if (file.role === 'chunks' && options.file === undefined) {
        const patience = new Patience((text) => progress.note(text), { signal: interrupted })
        const means = { client, progress, patience }
        if (path === '-') return toStandardOutput(diskStream(means, { ...at, list: file }))
        const pulled = await pullDisk(means, { ...at, list: file }, path)
        return show(context, options, { path, ...at, ...pulled }, () => {
          const seconds = Math.max(pulled.milliseconds, 1) / 1000
          return `${path}: ${found.name}@${version.number}, ${bytes(pulled.bytes)}; fetched ${bytes(pulled.bytesFetched)} in ${pulled.chunksFetched} of ${pulled.chunks} chunks, ${bytes(pulled.bytes / seconds)}/s\n`
        })
      }
      const content = checked(client, { ...at, file }, progress)
      if (path === '-') return toStandardOutput(content)
      await toFile(content, path)
      show(context, options, { path, bytes: file.bytes }, () => `${path}: ${bytes(file.bytes)}\n`)
    })
}

import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ApiProblem } from '../../api/client/problem.ts'
import { Refusal } from '../../kit/errors.ts'
import { printable } from '../../kit/printable.ts'
import { type CliCommand, type Common, leaf, show } from '../command.ts'
import type { BackupChoice, BackupFacts, Context, SettingFlags } from '../context.ts'
import { NO_PROGRESS, terminalProgress } from '../progress.ts'
import { bytes } from '../units.ts'

type Where = { config?: string; dataDir?: string }

function flagsOf({ config, dataDir }: Where): SettingFlags {
  return { ...(config === undefined ? {} : { config }), ...(dataDir === undefined ? {} : { dataDir }) }
}

/** The bytes of a backup: from the server if one runs, else from the data directory itself. */
async function contentOf(context: Context, where: Where, parts: BackupChoice): Promise<AsyncIterable<Uint8Array>> {
  const flags = flagsOf(where)
  if (Object.keys(flags).length > 0) return context.local.backup(flags, parts)
  try {
    const query = { images: String(parts.images), volumes: String(parts.volumes) }
    return (await (await context.client()).getBackup({ query, signal: context.interrupted })).body
  } catch (error) {
    const isNobody = error instanceof Refusal && error.code === 'not-available'
    const isGone = (error as Partial<ApiProblem>).code === 'unreachable'
    if (context.environment.REVEILLE_URL || !(isNobody || isGone)) throw error
    return context.local.backup({}, parts)
  }
}

async function* counted(content: AsyncIterable<Uint8Array>, tell: (done: number) => void): AsyncGenerator<Uint8Array> {
  let done = 0
  for await (const piece of content) {
    done += piece.length
    tell(done)
    yield piece
  }
}

function summaryText({ files, bytes: size, leftOut, version }: BackupFacts): string {
  const lines = leftOut.map((each) => `Not in it: ${printable(each)}\n`).join('')
  return `${files} files, ${bytes(size)} unpacked, of Reveille ${printable(version)}\n${lines}`
}

export function backupCommands(program: CliCommand, context: Context): void {
  const { terminal } = context

  leaf(
    program,
    'backup <file>',
    'write everything that is needed to come back into one file, of a running server or without one',
    [
      'reveille backup /srv/backup/reveille.tar.zst',
      'reveille backup small.tar.zst --without-images --without-volumes',
    ],
  )
    .option('--without-images', 'leave out the images; their names and versions are kept')
    .option('--without-volumes', 'leave out the disks of machines')
    .option('--config <file>', 'settings of a server that does not run')
    .option('--data-dir <directory>', 'data directory of a server that does not run')
    .action(async (file: string, options: Common & Where & { withoutImages?: boolean; withoutVolumes?: boolean }) => {
      const parts = { images: options.withoutImages !== true, volumes: options.withoutVolumes !== true }
      const content = await contentOf(context, options, parts)
      const part = `${file}.part`
      const progress = options.json ? NO_PROGRESS : terminalProgress(terminal)
      const bar = progress.begin('backup', 0)
      let facts: BackupFacts
      try {
        // Of another size than what is written, so only how much there is can be told. Keys are in it: it is nobody else's to read.
        await rm(part, { force: true })
        const packed = Readable.from(
          counted(content, (done) => bar.at(done)),
          { objectMode: false },
        )
        await pipeline(packed, createWriteStream(part, { mode: 0o600, flags: 'wx', flush: true }))
        facts = await context.local.inspectBackup(part)
        await rename(part, file)
      } catch (error) {
        await rm(part, { force: true })
        throw error
      } finally {
        bar.end()
      }
      show(
        context,
        options,
        { file, ...facts },
        () => `${file}: ${summaryText(facts)}It holds keys and passwords: keep it as you keep those.\n`,
      )
    })

  leaf(program, 'restore <file>', 'take a backup back into an empty data directory; the server must not run', [
    'reveille restore /srv/backup/reveille.tar.zst',
    'reveille restore reveille.tar.zst --data-dir /srv/reveille --force',
  ])
    .option('--config <file>', 'settings file that names the data directory')
    .option('--data-dir <directory>', 'data directory to restore into')
    .option('--force', 'also into a data directory that holds something, which is kept in a folder there')
    .action(async (file: string, options: Common & Where & { force?: boolean }) => {
      const restored = await context.local.restore(flagsOf(options), file, { force: options.force === true })
      show(context, options, restored, () => {
        const aside = restored.aside === null ? '' : `What was there before is in ${restored.aside}\n`
        return `${restored.dataDir} is as it was on ${new Date(restored.madeAt).toISOString()}: ${summaryText(restored)}${aside}`
      })
    })
}

import { chown, mkdir, open, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { Readable } from 'node:stream'
import { constants, createZstdCompress } from 'node:zlib'
import { type BackupParts, type BackupSummary, newHead } from '../backup/backup.ts'
import { type Owner, readBackup } from '../backup/drivers/files/read.ts'
import { backupBytes } from '../backup/drivers/files/write.ts'
import type { LoadedConfig } from '../config/load.ts'
import type { Config } from '../config/schema.ts'
import type { Images } from '../images/images.ts'
import { Refusal } from '../kit/errors.ts'
import { SILENT } from '../kit/log.ts'
import { DATABASE_FILE, LOCK_FILE, lockDirectory } from '../store/directory.ts'
import { copiesOf, openGround } from '../store/ground.ts'
import { holdForRestore, type Replaced } from '../store/replacing.ts'
import { commitRestore, contentOf, finishRestore, stageRestore } from '../store/restored.ts'

type About = Readonly<{ config: Config; dataDir: string; version: string; now: () => number }>

/** Bytes of an archive, not packed; `release` must be called when they were read, or will not be. */
export type OpenBackup = Readonly<{ content: AsyncGenerator<Uint8Array>; release(): Promise<void> }>

/** Backups of a running server, one at a time: what one reads, another one would copy again. */
export function runningBackups(
  about: About,
  images: Pick<Images, 'all' | 'hold'>,
): (parts: BackupParts) => Promise<OpenBackup> {
  let isRunning = false
  return async (parts) => {
    if (isRunning)
      throw new Refusal('in-use', 'a backup is being made now', { next: 'wait until it is done, then try again' })
    isRunning = true
    // What the database names when it is copied must still be there when its turn comes.
    const holds = images
      .all()
      .flatMap(({ versions }) => versions.flatMap(({ files }) => files.map((file) => images.hold(file.sha256))))
    const release = () => {
      isRunning = false
      for (const each of holds) each()
    }
    try {
      return await opened(about, parts, release)
    } catch (error) {
      release()
      throw error
    }
  }
}

async function opened(about: About, parts: BackupParts, done: () => void): Promise<OpenBackup> {
  const { dataDir, version, now } = about
  const head = newHead(version, now(), parts)
  const copies = await copiesOf(dataDir, { database: about.config.database, log: SILENT })
  let isReleased = false
  return {
    content: backupBytes({ dataDir, head, databases: copies.files, volumesElsewhere: volumesElsewhere(about) }),
    async release() {
      if (isReleased) return
      isReleased = true
      await copies.release().finally(done)
    },
  }
}

function volumesElsewhere({ config: { volumes, iscsi } }: About): string | null {
  if (volumes.pool !== 'file') return `the volumes: they are in LVM (${volumes.lvmGroup}); take them with its own means`
  if (volumes.directory !== undefined)
    return `the volumes: they are in ${volumes.directory}; copy that folder while the server stands`
  if (iscsi.engine !== 'builtin')
    return `the volumes: they are raw files for ${iscsi.engine}; copy volumes/flat while the server stands`
  return null
}

/** A packed backup of a data directory that no server holds. */
export async function* offlineBackup(
  { config }: LoadedConfig,
  version: string,
  parts: BackupParts,
): AsyncGenerator<Uint8Array> {
  const dataDir = resolve(config.dataDir)
  if (!config.database && !(await stat(join(dataDir, DATABASE_FILE)).catch(() => undefined)))
    throw new Refusal('not-found', `there is no Reveille in ${dataDir}`, {
      next: 'set dataDir (REVEILLE_DATA_DIR) to its data directory',
    })
  const lock = lockDirectory(dataDir)
  try {
    await finishRestore(dataDir)
    // What was restored and never started must be in PostgreSQL before it is copied from there.
    if (config.database)
      await openGround(dataDir, { database: config.database, log: SILENT }).then((ground) => ground.close())
    const { content, release } = await opened({ config, dataDir, version, now: Date.now }, parts, () => undefined)
    try {
      const level = { [constants.ZSTD_c_compressionLevel]: 1, [constants.ZSTD_c_checksumFlag]: 1 }
      const raw = Readable.from(content, { objectMode: false })
      const packer = createZstdCompress({ chunkSize: 262_144, params: level })
      raw.once('error', (error) => packer.destroy(error))
      yield* raw.pipe(packer)
    } finally {
      await release()
    }
  } finally {
    lock.release()
  }
}

/** Reads a backup to its end. Refuses (`corrupt`) one that is not whole. */
export function inspectBackup(file: string): Promise<BackupSummary> {
  return readBackup(file)
}

export type Restored = BackupSummary & Readonly<{ dataDir: string; aside: string | null }>

/**
 * Takes a backup back into a data directory that no server holds: all of it, or nothing is changed. One that holds something is refused
 * unless `force`; what it held is then kept in a folder of it.
 */
export async function restore(
  { config }: LoadedConfig,
  file: string,
  { force }: Readonly<{ force: boolean }>,
): Promise<Restored> {
  const dataDir = resolve(config.dataDir)
  await readable(file)
  await mkdir(dataDir, { recursive: true, mode: 0o700 }).catch((error: Error) => {
    throw new Refusal('not-available', `the data directory ${dataDir} cannot be made: ${error.message}`)
  })
  const owner = await ownerOf(dataDir)
  const lock = lockDirectory(dataDir)
  let replaced: Replaced | undefined
  try {
    const give = async (path: string) => {
      if (owner) await chown(path, owner.uid, owner.gid)
    }
    await give(join(dataDir, LOCK_FILE))
    await finishRestore(dataDir)
    const content = contentOf(dataDir)
    if (content.length > 0 && !force)
      throw new Refusal('conflict', `${dataDir} is not empty: it holds ${content.slice(0, 5).join(', ')}`, {
        next: 'restore into another directory (--data-dir), or use --force, which keeps what is there in a folder beside the restored data',
      })
    replaced = config.database && (await holdForRestore(dataDir, config.database, SILENT))
    if (replaced && !replaced.holdsNothing) await keepDatabase(dataDir, replaced, force)
    const stage = await stageRestore(dataDir)
    await give(stage)
    const summary = await readBackup(file, { directory: stage, ...(owner ? { owner } : {}) })
    await replaced?.announce(stage)
    const aside = await commitRestore(dataDir, Date.now())
    await replaced?.take()
    if (aside !== null) await give(join(dataDir, aside))
    return { ...summary, dataDir, aside: aside === null ? null : join(dataDir, aside) }
  } finally {
    await replaced?.close()
    lock.release()
  }
}

async function keepDatabase(dataDir: string, database: Replaced, force: boolean): Promise<void> {
  if (!force)
    throw new Refusal('conflict', 'the PostgreSQL database holds a site already', {
      next: 'name an empty database, or use --force, which keeps what it holds in a folder of the data directory',
    })
  await database.keep(join(dataDir, `before-restore-${new Date().toISOString().replaceAll(/[:.]/g, '-')}-postgresql`))
}

async function readable(file: string): Promise<void> {
  const handle = await open(file, 'r').catch((error: Error) => {
    throw new Refusal('not-found', `${file} cannot be read: ${error.message}`)
  })
  await handle.close()
}

/** Root restores for the user that the directory belongs to; everybody else for themselves. */
async function ownerOf(dataDir: string): Promise<Owner | undefined> {
  if (process.geteuid?.() !== 0) return undefined
  const { uid, gid } = await stat(dataDir)
  return uid === 0 && gid === 0 ? undefined : { uid, gid }
}

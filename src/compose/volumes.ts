import { join, resolve } from 'node:path'
import type { Config } from '../config/schema.ts'
import type { Images } from '../images/images.ts'
import type { Clock } from '../kit/clock.ts'
import { Refusal } from '../kit/errors.ts'
import type { Log } from '../kit/log.ts'
import { ExportFolder } from '../volumes/drivers/export-folder.ts'
import { FilePool } from '../volumes/drivers/file/pool.ts'
import type { LoginReport, TargetEngine } from '../volumes/engine.ts'
import type { ExportFiles } from '../volumes/export-files.ts'
import type { VolumePool } from '../volumes/pool.ts'
import { serveDisks } from './disk-workers.ts'

type Around = Readonly<{
  config: Pick<Config, 'iscsi' | 'volumes'>
  dataDir: string
  /** Whether volumes are served at all. */
  serves: boolean
  images: Images
  clock: Clock
  log: Log
  report: (report: LoginReport) => void
}>

export type Storage = Readonly<{ pool: VolumePool; engine: TargetEngine | undefined; files: ExportFiles }>

/** The pool that keeps volumes and the engine that serves them, as the settings say. A combination that does not work is refused. */
export async function openStorage({ config, dataDir, serves, images, log, report }: Around): Promise<Storage> {
  const { volumes, iscsi } = config
  const directory = resolve(volumes.directory ?? join(dataDir, 'volumes'))
  const files = await ExportFolder.open(resolve(volumes.exportDirectory ?? join(dataDir, 'exports')))
  const { chunks } = images
  const listOf = (sha256: string) => images.disks.list(sha256)
  if (volumes.pool !== 'file')
    throw new Refusal('not-available', `volumes.pool ${volumes.pool} is not served yet`, {
      next: 'set volumes.pool to file',
    })
  if (!serves) {
    const pool = await FilePool.open(directory, { chunks, listOf, cacheBytes: volumes.cacheGiB * 2 ** 30, sweep: true })
    return { pool, engine: undefined, files }
  }
  if (iscsi.engine !== 'builtin')
    throw new Refusal('not-available', `iscsi.engine ${iscsi.engine} serves devices, and the pool of files has none`, {
      next: 'set iscsi.engine to builtin, or volumes.pool to lvm',
    })
  const { listen, workers } = iscsi
  const { cacheGiB } = volumes
  const { pool, engine } = await serveDisks({
    dataDir,
    directory,
    listen,
    workers,
    cacheGiB,
    chunks,
    listOf,
    log,
    report,
  })
  return { pool, engine, files }
}

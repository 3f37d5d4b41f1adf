import { join, resolve } from 'node:path'
import type { Config } from '../config/schema.ts'
import type { Images } from '../images/images.ts'
import type { Clock } from '../kit/clock.ts'
import { Refusal } from '../kit/errors.ts'
import type { Log } from '../kit/log.ts'
import { ExportFolder } from '../volumes/drivers/export-folder.ts'
import { FilePool } from '../volumes/drivers/file/pool.ts'
import { FlatPool } from '../volumes/drivers/flat/pool.ts'
import { LioEngine } from '../volumes/drivers/lio/lio.ts'
import { LvmAdministration } from '../volumes/drivers/lvm/administration.ts'
import { LvmPool } from '../volumes/drivers/lvm/pool.ts'
import { TgtEngine } from '../volumes/drivers/tgt/tgt.ts'
import type { LoginReport, TargetEngine } from '../volumes/engine.ts'
import type { ExportFiles } from '../volumes/export-files.ts'
import type { VolumePool } from '../volumes/pool.ts'
import type { StorageAdministration } from '../volumes/storage.ts'
import { serveDisks } from './disk-workers.ts'
import { localEngine } from './local-engine.ts'

type Around = Readonly<{
  config: Pick<Config, 'iscsi' | 'volumes'>
  dataDir: string
  images: Images
  clock: Clock
  log: Log
  report: (report: LoginReport) => void
}>

export type Storage = Readonly<{
  pool: VolumePool
  engine: TargetEngine | undefined
  files: ExportFiles
  /** The pool does not see what the engine writes. */
  still: boolean
}>

/** `off`: why volumes are not served; `null` when they are. */
export type OpenedStorage = Storage & Readonly<{ off: string | null }>

/**
 * Keeps volumes and serves them, as the settings say. Who did not ask for iSCSI by `iscsi.enabled` gets the server without it where it cannot
 * be had (its port is taken, an engine is not installed), with a warning that says why.
 */
export async function openStorage(around: Around): Promise<OpenedStorage> {
  const { enabled } = around.config.iscsi
  if (enabled === false) return { ...(await open(around, false)), off: 'iscsi.enabled is false' }
  try {
    return { ...(await open(around, true)), off: null }
  } catch (error) {
    if (enabled === true || !(error instanceof Refusal) || error.code !== 'not-available') throw error
    const { log } = around
    log.warn({ reason: error.message, next: error.next }, 'volumes are kept, and not served over iSCSI')
    return { ...(await open(around, false)), off: error.message }
  }
}

/**
 * The pool that keeps volumes and the engine that serves them, as the settings say. `file` has two forms: copy-on-write for the built-in
 * engine, and raw files in a directory of their own for engines that serve paths.
 */
async function open(around: Around, serves: boolean): Promise<Storage> {
  const { config, dataDir, images, log, report } = around
  const { volumes, iscsi } = config
  const files = await ExportFolder.open(resolve(volumes.exportDirectory ?? join(dataDir, 'exports')))
  const directory = resolve(volumes.directory ?? join(dataDir, 'volumes'))
  const { chunks } = images
  const listOf = (sha256: string) => images.disks.list(sha256)
  const { listen, workers } = iscsi
  const { cacheGiB } = volumes
  if (volumes.pool === 'file' && iscsi.engine === 'builtin') {
    if (serves) {
      const served = { dataDir, directory, listen, workers, cacheGiB, chunks, listOf, log, report }
      const { pool, engine } = await serveDisks(served)
      return { pool, engine, files, still: false }
    }
    const pool = await FilePool.open(directory, { chunks, listOf, cacheBytes: cacheGiB * 2 ** 30, sweep: true })
    return { pool, engine: undefined, files, still: false }
  }
  const still = volumes.pool === 'file'
  const pool = still
    ? await FlatPool.open(join(directory, 'flat'), { chunks, listOf, sweep: true })
    : await openLvm(around, listOf)
  try {
    return { pool, engine: serves ? await openEngine(around, pool) : undefined, files, still }
  } catch (error) {
    await pool.close()
    throw error
  }
}

/** LVM of this server, beside the pool that `volumes` may have in it. */
export function administerStorage({ volumes }: Pick<Config, 'volumes'>): StorageAdministration {
  return new LvmAdministration({ group: volumes.lvmGroup, thinPool: volumes.lvmThinPool })
}

function openLvm({ config: { volumes }, images }: Around, listOf: Parameters<typeof LvmPool.open>[0]['listOf']) {
  const { lvmGroup: group, lvmThinPool: thinPool, refusePercent } = volumes
  if (group === undefined)
    throw new Refusal('validation-failed', 'volumes.pool is lvm, and volumes.lvmGroup names no volume group', {
      next: 'set volumes.lvmGroup to a volume group with free space (vgs lists them)',
    })
  return LvmPool.open({ group, thinPool, refusePercent, chunks: images.chunks, listOf })
}

function openEngine(around: Around, pool: VolumePool): Promise<TargetEngine> {
  const { config, dataDir, clock, log, report } = around
  const { engine, listen, name: prefix } = config.iscsi
  const path = async (volume: string, snapshot: string | undefined) => {
    if (!pool.path)
      throw new Refusal('not-available', `the engine ${engine} serves files and block devices; this pool has none`, {
        next: 'set iscsi.engine to builtin',
      })
    return pool.path(volume, snapshot)
  }
  if (engine === 'builtin') return localEngine({ pool, listen, report, log })
  const served = { listen, log, clock, path, report }
  if (engine === 'tgt') return TgtEngine.start({ ...served, directory: join(dataDir, 'tgt') })
  return LioEngine.start({ ...served, prefix })
}

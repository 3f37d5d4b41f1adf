import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import type { ChunkStore } from '../images/chunk-store.ts'
import type { Log } from '../kit/log.ts'
import type { ChunkList } from '../protocols/chunks/list.ts'
import { FilePool } from '../volumes/drivers/file/pool.ts'
import { BuiltinEngine } from '../volumes/drivers/workers/engine.ts'
import { WorkersPool } from '../volumes/drivers/workers/pool.ts'
import { DiskWorkers } from '../volumes/drivers/workers/workers.ts'
import type { LoginReport } from '../volumes/engine.ts'

export type ServingOptions = Readonly<{
  dataDir: string
  /** Of volumes; `DATADIR/volumes` if not given. */
  directory?: string | undefined
  listen: Readonly<{ host: string; port: number }>
  /** As many as the setting says, or as there are processors but one, at most 4. */
  workers?: number | undefined
  cacheGiB: number
  chunks: ChunkStore
  listOf: (sha256: string) => Promise<ChunkList | undefined>
  log: Log
  report: (report: LoginReport) => void
  /** How long a disk without a session stays open, in milliseconds. */
  idleMs?: number | undefined
}>

/**
 * The file pool and the built-in target, served by processes of their own. `stop` ends sessions and makes everything durable. The store of
 * chunks is `DATADIR/chunks`, that of blobs `DATADIR/blobs`, for workers open both themselves.
 */
export async function serveDisks(
  options: ServingOptions,
): Promise<{ pool: WorkersPool; engine: BuiltinEngine; workers: DiskWorkers; stop(): Promise<void> }> {
  const { dataDir, listen, chunks, listOf, log, report, idleMs } = options
  const directory = options.directory ?? join(dataDir, 'volumes')
  const cacheBytes = options.cacheGiB * 2 ** 30
  // Before the workers: it deletes what a killed process left half made.
  const local = await FilePool.open(directory, { chunks, listOf, cacheBytes, sweep: true, lockWaitMs: 2000 })
  const workers = await DiskWorkers.start({
    entry: new URL(import.meta.url.endsWith('.ts') ? './disk-worker.ts' : './disk-worker.js', import.meta.url),
    workers: options.workers ?? Math.min(4, Math.max(1, availableParallelism() - 1)),
    settings: {
      directory,
      chunks: join(dataDir, 'chunks'),
      blobs: join(dataDir, 'blobs'),
      cacheBytes,
      idleMs,
    },
    log,
    report,
  })
  try {
    const engine = await BuiltinEngine.listen({ workers, listen, log, report })
    const pool = new WorkersPool(local, workers)
    const stop = async () => {
      await engine.stop()
      await pool.close()
    }
    return { pool, engine, workers, stop }
  } catch (error) {
    await workers.stop()
    await local.close()
    throw error
  }
}

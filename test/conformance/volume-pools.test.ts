import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FilePool } from '../../src/volumes/drivers/file/pool.ts'
import { describeVolumePool, type Images, type PoolBed } from './volume-pool.ts'

export async function filePoolBed(): Promise<PoolBed> {
  const directory = await mkdtemp(join(tmpdir(), 'reveille-volumes-'))
  return {
    open: (images: Images) =>
      FilePool.open(directory, { ...images, cacheBytes: 2 ** 30, sweep: true, lockWaitMs: 200 }),
    abandon: (pool) => (pool as FilePool).abandon(),
    remove: () => rm(directory, { recursive: true }),
  }
}

describeVolumePool('files', filePoolBed)

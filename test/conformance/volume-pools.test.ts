import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { FilePool } from '../../src/volumes/drivers/file/pool.ts'
import { FlatPool } from '../../src/volumes/drivers/flat/pool.ts'
import { printedRandom } from './killing.ts'
import type { Images, PoolBed } from './pool-bed.ts'
import { VolumeModel } from './volume-model.ts'
import { describeVolumePool } from './volume-pool.ts'

async function filePoolBed(): Promise<PoolBed> {
  const directory = await mkdtemp(join(tmpdir(), 'reveille-volumes-'))
  return {
    open: (images: Images) =>
      FilePool.open(directory, { ...images, cacheBytes: 2 ** 30, sweep: true, lockWaitMs: 200, learns: true }),
    abandon: (pool) => (pool as FilePool).abandon(),
    remove: () => rm(directory, { recursive: true }),
  }
}

async function flatPoolBed(): Promise<PoolBed> {
  const directory = await mkdtemp(join(tmpdir(), 'reveille-flat-'))
  return {
    open: (images: Images) => FlatPool.open(directory, { ...images, sweep: true }),
    abandon: (pool) => (pool as FlatPool).abandon(),
    remove: () => rm(directory, { recursive: true }),
  }
}

describeVolumePool('files', filePoolBed)
describeVolumePool('flat files', flatPoolBed)

const OPERATIONS = process.env.REVEILLE_SOAK ? 100_000 : 2000

test.each([
  ['files', filePoolBed, OPERATIONS],
  ['flat files', flatPoolBed, OPERATIONS / 10],
] as const)(
  'volumes in %s are what a model says, whatever happens to them',
  { timeout: 7_200_000 },
  async (_, makeBed, operations) => {
    const bed = await makeBed()
    const model = new VolumeModel(bed, printedRandom('volume-pools'))
    await expect(model.run(operations)).resolves.toBeUndefined()
    await bed.remove()
  },
)

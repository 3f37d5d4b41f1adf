import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { FilePool } from '../../src/volumes/drivers/file/pool.ts'
import { printedRandom } from './killing.ts'
import { VolumeModel } from './volume-model.ts'
import { describeVolumePool, type Images, type PoolBed } from './volume-pool.ts'

async function filePoolBed(): Promise<PoolBed> {
  const directory = await mkdtemp(join(tmpdir(), 'reveille-volumes-'))
  return {
    open: (images: Images) =>
      FilePool.open(directory, { ...images, cacheBytes: 2 ** 30, sweep: true, lockWaitMs: 200 }),
    abandon: (pool) => (pool as FilePool).abandon(),
    remove: () => rm(directory, { recursive: true }),
  }
}

describeVolumePool('files', filePoolBed)

const OPERATIONS = process.env.REVEILLE_SOAK ? 100_000 : 2000

test('volumes in files are what a model says, whatever happens to them', { timeout: 7_200_000 }, async () => {
  const bed = await filePoolBed()
  await new VolumeModel(bed, printedRandom('volume-pools')).run(OPERATIONS)
  await bed.remove()
  expect(true).toBe(true)
})

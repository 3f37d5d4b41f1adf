import assert from 'node:assert/strict'
import { open } from 'node:fs/promises'
import type { ChunkStore } from '../../../src/images/chunk-store.ts'
import type { ErrorCode } from '../../../src/kit/errors.ts'
import { run, runOrFail } from '../../../src/processes/run.ts'
import { LvmAdministration } from '../../../src/volumes/drivers/lvm/administration.ts'
import { LvmPool } from '../../../src/volumes/drivers/lvm/pool.ts'
import type { Case } from './cases.ts'

const MIB = 2 ** 20
const [OWN_DISK, DISK] = ['/dev/vdb', '/dev/vdc']
const CHUNKS = 'ab'.repeat(32)

/**
 * Administration of LVM on a disk with two partitions, beside a pool of ours. Each case goes on from the one before.
 */
export async function storageCases(group: string): Promise<Case[]> {
  const own = { group, thinPool: 'reveille' }
  const storage = new LvmAdministration(own)
  if ((await run('vgs', [group])).code !== 0) await runOrFail('vgcreate', ['-y', group, OWN_DISK])
  const openPool = () =>
    LvmPool.open({
      ...{ ...own, refusePercent: 95, chunks: {} as ChunkStore },
      listOf: async () => ({ bytes: MIB, chunks: [null] }),
    })
  const refused = async (code: ErrorCode, words: RegExp, work: Promise<unknown>) => {
    const error = (await work.then(
      () => assert.fail('it was not refused'),
      (reason: unknown) => reason,
    )) as { code?: string; message: string }
    assert.equal(error.code, code, error.message)
    assert.match(error.message, words)
  }
  const device = async (path: string) => (await storage.state()).devices.find((each) => each.path === path)
  const [first, second] = [`${DISK}1`, `${DISK}2`]

  return [
    {
      name: 'bases that no volume lies over go at the next start; the pool is seen and left alone',
      async run() {
        let pool = await openPool()
        const base = { image: 'zeros', version: 1, chunks: CHUNKS, bytes: MIB }
        await pool.create('v_over', { bytes: MIB, base, limitBytes: null })
        await refused('in-use', /pool of volumes/, storage.removeVolume(group, 'rv.v.over'))
        const bases = async () => (await runOrFail('lvs', ['--noheadings', '-o', 'lv_name', group])).includes('rvb.')
        assert.ok(await bases())
        await pool.remove('v_over')
        await pool.close()
        pool = await openPool()
        await pool.close()
        assert.ok(!(await bases()))
      },
    },
    {
      name: 'what is mounted is never taken, what holds something only by path and size',
      async run() {
        await refused('in-use', /mounted at \//, storage.createPhysicalVolume('/dev/vda', null))
        await runOrFail('mkfs.ext4', ['-q', DISK])
        const { state, holds, bytes } = (await device(DISK))!
        assert.deepEqual({ state, holds, bytes }, { state: 'holds-data', holds: ['ext4 signature'], bytes: 1024 * MIB })
        await refused('in-use', /ext4/, storage.createPhysicalVolume(DISK, null))
        await refused('validation-failed', /not this/, storage.createPhysicalVolume(DISK, { path: DISK, bytes: 7 }))
        await storage.createPhysicalVolume(DISK, { path: DISK, bytes })
        await storage.removePhysicalVolume(DISK)
      },
    },
    {
      name: 'a group of two partitions grows',
      async run() {
        await partition()
        await storage.createPhysicalVolume(first, null)
        await storage.createPhysicalVolume(second, null)
        await storage.createGroup('vg1', [first])
        await storage.extendGroup('vg1', [second])
        const { volumeGroups, devices } = await storage.state()
        const found = volumeGroups.find(({ name }) => name === 'vg1')
        assert.ok(found && found.freeBytes > 900 * MIB && !found.ours)
        assert.equal(devices.find(({ path }) => path === DISK)?.state, 'in-use')
      },
    },
    {
      name: 'logical volumes are made, resized, renamed and removed',
      async run() {
        await storage.createVolume('vg1', 'data', 62 * MIB)
        await refused('no-space', /bytes \(0\.\d+ GiB\) free/, storage.createVolume('vg1', 'large', 2 ** 31))
        await storage.resizeVolume('vg1', 'data', 128 * MIB, false)
        await storage.resizeVolume('vg1', 'data', 32 * MIB, true)
        await storage.renameVolume('vg1', 'data', 'games')
        const { logicalVolumes } = await storage.state()
        const [games] = logicalVolumes.filter((each) => each.group === 'vg1')
        assert.deepEqual([games?.name, games?.bytes, games?.ours], ['games', 32 * MIB, false])
        const held = await open('/dev/vg1/games', 'r')
        try {
          await refused('in-use', /open/, storage.removeVolume('vg1', 'games'))
        } finally {
          await held.close()
        }
        await storage.removeVolume('vg1', 'games')
      },
    },
    {
      name: 'and all of it goes again',
      async run() {
        await storage.reduceGroup('vg1', second)
        await storage.removeGroup('vg1')
        await storage.removePhysicalVolume(second)
        await refused(
          'in-use',
          /physical volume/,
          storage.createPhysicalVolume(DISK, { path: DISK, bytes: 1024 * MIB }),
        )
        await storage.removePhysicalVolume(first)
        // Its partitions go with it.
        await storage.createPhysicalVolume(DISK, { path: DISK, bytes: 1024 * MIB })
        const { devices } = await storage.state()
        assert.deepEqual(
          devices.filter(({ path }) => path.startsWith(DISK)).map(({ path, state }) => [path, state]),
          [[DISK, 'physical-volume']],
        )
      },
    },
  ]
}

/** Two partitions of Linux LVM, 480 MiB each, in a master boot record. */
async function partition(): Promise<void> {
  const record = Buffer.alloc(512)
  for (const [index, start] of [2048, 2048 + 480 * 2048].entries()) {
    const at = 446 + 16 * index
    record.writeUInt8(0x8e, at + 4)
    record.writeUInt32LE(start, at + 8)
    record.writeUInt32LE(480 * 2048, at + 12)
  }
  record.writeUInt16LE(0xaa55, 510)
  const disk = await open(DISK, 'r+')
  await disk.write(record, 0, 512, 0)
  await disk.sync()
  await disk.close()
  // udev sees that it was written, and has it open for a moment.
  for (let tries = 20; tries > 0; tries--) {
    await run('udevadm', ['settle', '--timeout=10'])
    if ((await run('blockdev', ['--rereadpt', DISK])).code === 0) break
  }
  await runOrFail('udevadm', ['settle', '--timeout=10'])
}

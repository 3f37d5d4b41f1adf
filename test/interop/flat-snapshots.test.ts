import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openStorage } from '../../src/compose/volumes.ts'
import type { Images } from '../../src/images/images.ts'
import { SILENT } from '../../src/kit/log.ts'
import type { Target } from '../../src/volumes/engine.ts'
import { DEFAULT_SCSI } from '../../src/volumes/volume.ts'
import { Initiator } from '../conformance/iscsi-clients.ts'
import { MIB, TestImages } from '../conformance/pool-bed.ts'
import { freeTcpPort } from '../e2e/bed/free-port.ts'

test('tgt serves a snapshot of a raw file beside the volume itself, each with its own content', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'reveille-flat-snapshots-'))
  const images = new TestImages()
  const listen = { host: '127.0.0.1', port: await freeTcpPort() }
  const { pool, engine, still } = await openStorage({
    config: {
      iscsi: { enabled: true, engine: 'tgt', listen, name: 'iqn.2026-11.org.reveille' },
      volumes: { pool: 'file', cacheGiB: 1, refusePercent: 95 },
    } as unknown as Parameters<typeof openStorage>[0]['config'],
    dataDir,
    images: { chunks: images.chunks, disks: { list: images.listOf } } as unknown as Images,
    clock: { now: () => Date.now() },
    log: SILENT,
    report: () => {},
  })
  expect(still).toBe(true)
  const initiator = 'iqn.2026-11.org.reveille.test:machine'
  const written = async (lun: { volume: string; readOnly: boolean; snapshot?: string }, work: Work) => {
    const iqn = `iqn.2026-11.org.reveille.test:p${process.pid}`
    const luns = [{ lun: 0, ...lun, serial: lun.volume, scsi: DEFAULT_SCSI }]
    const target: Target = { iqn, initiators: [initiator], addresses: null, chap: null, luns }
    await engine!.apply(target)
    const to = { ...listen, iqn, initiator, lun: engine!.firstLun ?? 0 }
    const disk = await Initiator.connect(to, { readOnly: lun.readOnly })
    try {
      await work(disk)
    } finally {
      await disk.close()
      await engine!.withdraw(iqn)
    }
  }
  try {
    await pool.create('v_one', { bytes: 8 * MIB, base: null, limitBytes: null })
    await written({ volume: 'v_one', readOnly: false }, async (disk) => {
      expect(await disk.write(0x5a, MIB, 65_536)).toBeUndefined()
      await disk.flush()
    })
    await pool.snapshot('v_one', 's')
    await written({ volume: 'v_one', readOnly: false }, async (disk) => {
      expect(await disk.write(0x77, MIB, 4096)).toBeUndefined()
      await disk.flush()
    })
    await written({ volume: 'v_one', readOnly: true, snapshot: 's' }, async (disk) => {
      expect(await disk.holds(0x5a, MIB, 65_536)).toBeUndefined()
      expect(await disk.holds(0, 2 * MIB, 4096)).toBeUndefined()
    })
    await written({ volume: 'v_one', readOnly: true }, async (disk) => {
      expect(await disk.holds(0x77, MIB, 4096)).toBeUndefined()
      expect(await disk.holds(0x5a, MIB + 4096, 4096)).toBeUndefined()
    })
    const unknown: Target = {
      ...{ iqn: 'iqn.2026-11.org.reveille.test:unknown', initiators: null, addresses: null, chap: null },
      luns: [{ lun: 0, volume: 'v_one', snapshot: 'none', readOnly: true, serial: 'v_one', scsi: DEFAULT_SCSI }],
    }
    await expect(engine!.apply(unknown)).rejects.toMatchObject({ code: 'not-found' })
  } finally {
    await engine!.stop()
    await pool.close()
    await rm(dataDir, { recursive: true })
  }
})

type Work = (disk: Initiator) => Promise<void>

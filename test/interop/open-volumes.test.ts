import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { serveDisks } from '../../src/compose/disk-workers.ts'
import { FileChunks } from '../../src/images/drivers/chunk-files.ts'
import { SILENT } from '../../src/kit/log.ts'
import { run } from '../../src/processes/run.ts'

test('the main process asks the worker that has a volume open, and does the rest itself', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'reveille-open-volumes-'))
  const chunks = await FileChunks.open(join(dataDir, 'chunks'))
  const { pool, engine, workers, stop } = await serveDisks({
    dataDir,
    listen: { host: '127.0.0.1', port: 0 },
    workers: 2,
    cacheGiB: 1,
    chunks,
    listOf: async () => undefined,
    log: SILENT,
    report: () => undefined,
    idleMs: 60_000,
  })
  try {
    const iqn = 'iqn.2026-11.org.reveille:open'
    await pool.create('v_open', { bytes: 16 * 2 ** 20, base: null, limitBytes: null })
    const scsi = { vendor: 'REVEILLE', product: 'VOLUME', revision: '1' }
    const lun = { lun: 0, volume: 'v_open', readOnly: false, serial: 'v_open', scsi }
    const target = { iqn, initiators: null, addresses: null, chap: null, luns: [lun] }
    await engine.apply(target)
    const { code } = await run('qemu-io', [
      ...['-f', 'raw', '-c', 'write -P 0x11 0 1M', '-c', 'write -P 0x22 9M 4k'],
      `iscsi://127.0.0.1:${engine.portal.port}/${iqn}/0`,
    ])
    expect(code).toBe(0)
    expect(workers.writing('v_open')).toBe(workers.serving(iqn))
    // Another target with the same disk has to be served by the same process.
    await engine.apply({ ...target, iqn: `${iqn}2` })
    expect(workers.serving(`${iqn}2`)).toBe(workers.serving(iqn))
    await engine.withdraw(`${iqn}2`)
    expect((await pool.facts('v_open')).ownBytes).toBe(2 ** 20 + 4096)
    await pool.snapshot('v_open', 's')
    await expect(pool.snapshot('v_open', 's')).rejects.toMatchObject({ code: 'conflict' })
    const done: number[] = []
    const published = await pool.publish('v_open', null, (bytes) => done.push(bytes))
    expect(published.map(({ index }) => index)).toEqual([0, 2])
    expect(await chunks.missing(published.map(({ sha256 }) => sha256!))).toEqual([])
    expect(done.at(-1)).toBe(16 * 2 ** 20)
    await pool.clone('v_copy', { id: 'v_open', snapshot: null })
    for (const refused of [
      () => pool.revert('v_open', 's'),
      () => pool.remove('v_open'),
      () => pool.open('v_open', { readOnly: true }),
    ])
      await expect(refused()).rejects.toMatchObject({ code: 'in-use' })
    await engine.withdraw(iqn)
    expect(workers.writing('v_open')).toBeUndefined()
    await pool.revert('v_open', null)
    const device = await pool.open('v_copy', { readOnly: true })
    const found = Buffer.alloc(4096)
    await device.read(found, 9 * 2 ** 20)
    expect(found.every((byte) => byte === 0x22)).toBe(true)
    await device.close()
    await pool.remove('v_open')
  } finally {
    await stop()
    await rm(dataDir, { recursive: true })
  }
})

import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { serveDisks } from '../../src/compose/disk-workers.ts'
import { FileChunks } from '../../src/images/drivers/chunk-files.ts'
import { SILENT } from '../../src/kit/log.ts'

/** Serves two volumes as one target by two workers until it is told to end, or killed. Says where, and which processes. */
const [dataDir, port] = process.argv.slice(2)
await mkdir(dataDir!, { recursive: true })
const { pool, engine, workers, stop } = await serveDisks({
  dataDir: dataDir!,
  listen: { host: '127.0.0.1', port: Number(port) },
  workers: 2,
  cacheGiB: 1,
  chunks: await FileChunks.open(join(dataDir!, 'chunks')),
  listOf: async () => undefined,
  log: SILENT,
  report: () => undefined,
})
const scsi = { vendor: 'REVEILLE', product: 'VOLUME', revision: '1' }
const luns = ['v_disk', 'v_other'].map((volume, lun) => ({ lun, volume, readOnly: false, serial: volume, scsi }))
for (const { volume } of luns) await pool.create(volume, { bytes: 64 * 2 ** 20, base: null, limitBytes: null })
await engine.apply({ iqn: 'iqn.2026-11.org.reveille:disk', initiators: null, addresses: null, chap: null, luns })
console.log(JSON.stringify({ port: engine.portal.port, workers: workers.all.map(({ pid }) => pid) }))
process.on('SIGTERM', () => void stop().then(() => process.exit(0)))
setInterval(() => undefined, 60_000)

import { createCipheriv, createHash } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { availableParallelism } from 'node:os'
import { Readable } from 'node:stream'
import { serveDisks } from '../../../src/compose/disk-workers.ts'
import { FileChunks } from '../../../src/images/drivers/chunk-files.ts'
import { chunkStream } from '../../../src/images/ingest/chunk-up.ts'
import { SILENT } from '../../../src/kit/log.ts'
import { encodeChunkList } from '../../../src/protocols/chunks/list.ts'
import { LioEngine } from '../../../src/volumes/drivers/lio/lio.ts'
import { TgtEngine } from '../../../src/volumes/drivers/tgt/tgt.ts'
import type { TargetEngine } from '../../../src/volumes/engine.ts'
import { DEFAULT_SCSI } from '../../../src/volumes/volume.ts'
import { RawVolumes } from '../../conformance/raw-volumes.ts'
import { IMAGE_BYTES, PORTS, READY, targetName, USAGE_PORT, VOLUME_BYTES } from './target-names.ts'

/**
 * A program for a virtual server: every engine, each as Reveille sets it up, over files of one filesystem. Targets are `disk`, `read-only` and
 * `paths`, all empty, and of the built-in engine also `overlay`, over an image. Also tells how busy the processors were.
 */
const DATA = process.argv[2]!
const clock = { now: () => Date.now() }
const around = { log: SILENT, clock }
const listen = (engine: keyof typeof PORTS) => ({ host: '0.0.0.0', port: PORTS[engine] })

async function serve(engine: TargetEngine, name: string, volume: string, readOnly = false): Promise<void> {
  const lun = { lun: 0, volume, readOnly, serial: volume, scsi: DEFAULT_SCSI }
  const iqn = targetName(engine.name, name)
  await engine.apply({ iqn, initiators: null, addresses: null, chap: null, luns: [lun] })
}

const raw = await RawVolumes.make(DATA)
const { path } = raw
const prefix = targetName('lio', '').slice(0, -1)
for (const engine of [
  await LioEngine.start({ ...around, listen: listen('lio'), prefix, path }),
  await TgtEngine.start({ ...around, listen: listen('tgt'), directory: `${DATA}/tgt`, path }),
])
  for (const name of ['disk', 'read-only', 'paths'])
    await serve(engine, name, await raw.volume(VOLUME_BYTES), name === 'read-only')

const chunks = await FileChunks.open(`${DATA}/chunks`, { clock })
const noise = createCipheriv('aes-128-ctr', Buffer.alloc(16, 1), Buffer.alloc(16))
const content = Readable.from(
  (function* () {
    for (let at = 0; at < IMAGE_BYTES; at += 2 ** 20) yield noise.update(Buffer.alloc(2 ** 20))
  })(),
)
const { list } = await chunkStream(content, { store: chunks, limit: 2 ** 40 })
// The workers look for it where the server keeps what it was sent.
const encoded = encodeChunkList(list)
const sha256 = createHash('sha256').update(encoded).digest('hex')
await mkdir(`${DATA}/blobs/${sha256.slice(0, 2)}`, { recursive: true })
await writeFile(`${DATA}/blobs/${sha256.slice(0, 2)}/${sha256}`, encoded)
const { engine, pool } = await serveDisks({
  ...{ dataDir: DATA, listen: listen('builtin'), workers: 1, cacheGiB: 1, chunks, log: SILENT, report: () => {} },
  listOf: async () => list,
})
for (const name of ['disk', 'read-only', 'paths', 'overlay']) {
  const over = { image: 'noise', version: 1, chunks: sha256, bytes: list.bytes }
  const kind = name === 'overlay' ? { bytes: list.bytes, base: over } : { bytes: VOLUME_BYTES, base: null }
  await pool.create(name, { limitBytes: null, ...kind })
  await serve(engine, name, name, name === 'read-only')
}

/**
 * Seconds that all processors were busy since the start, whatever with: what they were not idle, which the kernel knows better than its samples
 * of what they do.
 */
createServer(async (_request, answer) => {
  const [, , , idle, waiting] = (await readFile('/proc/stat', 'latin1'))
    .split('\n', 1)[0]!
    .split(/\s+/)
    .slice(1)
    .map(Number)
  const busy = (Number(process.hrtime.bigint()) / 1e9) * availableParallelism() - (idle! + waiting!) / 100
  answer.end(JSON.stringify({ busy }))
}).listen(USAGE_PORT, () => console.log(READY))

import { createReadStream } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { DiskServer } from '../src/boot/disk/disk-server.ts'
import { readFirstLogin } from '../src/boot/disk/first-login.ts'
import { FileChunks } from '../src/images/drivers/chunk-files.ts'
import { chunkStream } from '../src/images/ingest/chunk-up.ts'
import { SILENT } from '../src/kit/log.ts'
import type { ChunkList } from '../src/protocols/chunks/list.ts'
import { FilePool } from '../src/volumes/drivers/file/pool.ts'
import { DEFAULT_SCSI, type VolumeBase } from '../src/volumes/volume.ts'

/**
 * The target and the file pool in one process, without the server around them: `node bench/iscsi-server.ts PORT DIRECTORY RAW
 * OVERLAYS EMPTY`. Targets `plain`, `fresh0` and so on are empty volumes; `cow0` and so on are overlays of an image with the content of RAW.
 */
const [port = '', directory = '', raw = '', overlays = '1', empty = '0'] = process.argv.slice(2)
export const IQN = 'iqn.2026-11.org.reveille.bench'

// So that a profile of it is written.
process.once('SIGINT', () => process.exit())
await mkdir(join(directory, 'chunks'), { recursive: true })
const chunks = await FileChunks.open(join(directory, 'chunks'))
const content: Readable = createReadStream(raw, { highWaterMark: 1 << 20 })
const { list } = await chunkStream(content, { store: chunks, limit: 2 ** 40 })
const lists = new Map<string, ChunkList>([['a'.repeat(64), list]])
const base: VolumeBase = { image: 'bench', version: 1, chunks: 'a'.repeat(64), bytes: list.bytes }
const listOf = async (sha256: string) => lists.get(sha256)!
const pool = await FilePool.open(join(directory, 'pool'), { chunks, listOf, cacheBytes: 2 ** 40, sweep: true })

const options = { limitBytes: null, bytes: list.bytes }
const started = performance.now()
const count = Number(overlays)
for (let i = 0; i < count; i++) await pool.create(`cow${i}`, { ...options, base })
const createdMs = performance.now() - started
const plain = ['plain', ...Array.from({ length: Number(empty) }, (_, i) => `fresh${i}`)]
for (const name of plain) await pool.create(name, { ...options, base: null })

const server = new DiskServer({
  openLun: ({ volume }) => pool.open(volume, { readOnly: false }),
  report: ({ outcome, detail }) => {
    if (outcome === 'refused') console.error(detail)
  },
  log: SILENT,
})
for (const volume of [...plain, ...Array.from({ length: count }, (_, i) => `cow${i}`)])
  await server.apply({
    iqn: `${IQN}:${volume}`,
    initiators: null,
    addresses: null,
    chap: null,
    luns: [{ lun: 0, volume, readOnly: false, serial: volume, scsi: DEFAULT_SCSI }],
  })
createServer({ pauseOnConnect: false, noDelay: true }, async (socket) => {
  const first = await readFirstLogin(socket)
  if (first?.target) server.serve(socket, first.received, { iqn: first.target, address: '127.0.0.1' })
}).listen(Number(port), '127.0.0.1', () => console.log(JSON.stringify({ createdMs })))

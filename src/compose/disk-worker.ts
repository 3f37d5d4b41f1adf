import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { DiskServer } from '../boot/disk/disk-server.ts'
import { FileChunks } from '../images/drivers/chunk-files.ts'
import { absentAsUndefined } from '../images/durable/files.ts'
import { DecodeError } from '../kit/errors.ts'
import type { Log } from '../kit/log.ts'
import { type ChunkList, decodeChunkList } from '../protocols/chunks/list.ts'
import { FilePool } from '../volumes/drivers/file/pool.ts'
import {
  type FromWorker,
  failureOf,
  type ToWorker,
  type WorkerMethod,
  type WorkerSettings,
} from '../volumes/drivers/workers/messages.ts'

/** A process that serves disks: targets and their volumes, told by the main process. It ends with it: then everything is flushed first. */

type Serving = Readonly<{ server: DiskServer; pool: FilePool }>

let serving: Promise<Serving> | undefined
let ending = false

function tell(message: FromWorker): void {
  if (process.connected) process.send?.(message, () => undefined)
}

/** What is logged is logged by the main process. */
function logOf(bound: Readonly<Record<string, unknown>>): Log {
  const line =
    (level: 'debug' | 'info' | 'warn' | 'error') => (fields: Readonly<Record<string, unknown>>, message: string) =>
      tell({ kind: 'log', level, fields: plain({ ...bound, ...fields }), message })
  return {
    debug: line('debug'),
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
    child: (fields) => logOf({ ...bound, ...fields }),
  }
}

/** Errors do not travel as fields. */
function plain(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, value instanceof Error ? value.message : value]),
  )
}

/** The chunk list with this SHA-256. The store of blobs belongs to the main process; here it is only read. */
async function readList(blobs: string, sha256: string): Promise<ChunkList | undefined> {
  if (!/^[0-9a-f]{64}$/.test(sha256)) return undefined
  const bytes = await absentAsUndefined(readFile(join(blobs, sha256.slice(0, 2), sha256)))
  if (!bytes) return undefined
  if (createHash('sha256').update(bytes).digest('hex') !== sha256) throw new DecodeError('it is damaged')
  return decodeChunkList(bytes)
}

async function start({ index, directory, chunks, blobs, cacheBytes, ...rest }: WorkerSettings): Promise<Serving> {
  const pool = await FilePool.open(directory, {
    chunks: await FileChunks.open(chunks, { shared: true }),
    listOf: (sha256) => readList(blobs, sha256),
    cacheBytes,
    learns: true,
    log: logOf({}),
    written: (volume, open) => tell({ kind: 'written', volume, open }),
  })
  const server = new DiskServer({
    openLun: ({ volume, readOnly, snapshot }) => pool.open(volume, { readOnly, snapshot }),
    report: (report) => tell({ kind: 'report', report }),
    log: logOf({}),
    idleMs: rest.idleMs,
    memoryBytes: rest.memoryBytes,
    idPrefix: `w${index}-`,
  })
  return { server, pool }
}

/** What the main process asks, each done in the order it came as far as it begins. */
async function carryOut(id: number, method: WorkerMethod, args: readonly unknown[]): Promise<unknown> {
  const { server, pool } = await serving!
  const [a, b] = args as [never, never]
  switch (method) {
    case 'apply':
      return server.apply(a)
    case 'withdraw':
      return server.withdraw(a)
    case 'sessions':
      return server.sessions()
    case 'kick':
      return server.kick(a)
    case 'facts':
      return pool.facts(a)
    case 'snapshot':
      return pool.snapshot(a, b)
    case 'limit':
      return pool.limit(a, b)
    case 'clone':
      return pool.clone(a, b)
    case 'publish':
      return pool.publish(a, b, (doneBytes) => tell({ kind: 'progress', id, doneBytes }))
  }
}

async function end(): Promise<void> {
  const { server, pool } = await serving!
  try {
    await server.stop()
  } finally {
    await pool.close()
  }
}

function stop(): void {
  if (ending) return
  ending = true
  const ended = serving ? end() : Promise.resolve()
  ended.then(
    () => process.exit(0),
    () => process.exit(1),
  )
}

process.on('message', (message: ToWorker, socket: Socket | undefined) => {
  if (message.kind === 'start') {
    serving = start(message.settings)
    serving.then(
      () => tell({ kind: 'ready' }),
      (error) => tell({ kind: 'failed', failure: failureOf(error) }),
    )
  } else if (message.kind === 'call') {
    carryOut(message.id, message.method, message.args).then(
      (value) => tell({ kind: 'answer', id: message.id, value }),
      (error) => tell({ kind: 'answer', id: message.id, failure: failureOf(error) }),
    )
  } else if (message.kind === 'serve') {
    // It may have gone on the way.
    if (!socket) return
    socket.on('error', () => socket.destroy())
    serving!.then(
      ({ server }) => server.serve(socket, message.received, { iqn: message.iqn, address: message.address }),
      () => socket.destroy(),
    )
  } else stop()
})
// The main process ends us when it ends, in whatever way; a signal to all of the group is its business.
process.on('disconnect', stop)
process.on('SIGINT', () => undefined)
process.on('SIGTERM', () => undefined)

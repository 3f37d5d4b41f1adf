import { createHash, webcrypto } from 'node:crypto'
import { promisify } from 'node:util'
import { constants, zstdCompress } from 'node:zlib'
import type { ApiClient } from '../api/client/client.ts'
import { encodeChunkList } from '../protocols/chunks/list.ts'
import { allZero, Buffers } from './buffers.ts'
import { type DiskFormat, openDisk } from './disk-source.ts'
import type { Progress } from './progress.ts'
import type { Patience } from './retry.ts'

/** Chunks in memory at a time, 4 MiB each: some are read and hashed while others travel. */
const BUFFERS = 12
/** The server takes 4096 hashes in one question. */
const MOST_ASKED = 1024
/** Fast enough for the disk it comes from; what is kept on the server is as small as this makes it. */
const LEVEL = 3

export type PushedDisk = Readonly<{
  /** Of the encoded chunk list, which is on the server now. */
  sha256: string
  format: DiskFormat
  /** Of the disk. */
  bytes: number
  /** Of its chunks that are not all zero. */
  allocatedBytes: number
  chunks: number
  chunksSent: number
  /** On the wire, for chunks and list. */
  bytesSent: number
  milliseconds: number
}>

/** Asks about chunks in as few questions as it can: those that come while one is on its way are the next. */
class Questions {
  readonly #client: ApiClient
  readonly #patience: Patience
  readonly #waiting: { sha256: string; resolve: (missing: boolean) => void; reject: (reason: unknown) => void }[] = []
  #asking = false

  constructor(client: ApiClient, patience: Patience) {
    this.#client = client
    this.#patience = patience
  }

  isMissing(sha256: string): Promise<boolean> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ sha256, resolve, reject })
      if (!this.#asking) void this.#ask()
    })
  }

  async #ask(): Promise<void> {
    this.#asking = true
    while (this.#waiting.length > 0) {
      const asked = this.#waiting.splice(0, MOST_ASKED)
      const chunks = asked.map(({ sha256 }) => sha256)
      try {
        const { missing } = await this.#patience.with(() => this.#client.missingChunks({ body: { chunks } }))
        const absent = new Set(missing)
        for (const { sha256, resolve } of asked) resolve(absent.has(sha256))
      } catch (error) {
        for (const { reject } of asked) reject(error)
      }
    }
    this.#asking = false
  }
}

const compress = promisify(zstdCompress)

/** Hashed on another thread. */
async function hashOf(bytes: Uint8Array): Promise<string> {
  return Buffer.from(await webcrypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>)).toString('hex')
}

/**
 * Reads a disk once, from front to back, and sends the chunks that the server lacks, then the list of all. Memory is bounded whatever
 * the size. When it breaks off, what was sent stays on the server for a day: the same push again goes on from there.
 */
export async function pushDisk(
  client: ApiClient,
  path: string,
  { format, progress, patience }: { format: DiskFormat | 'auto'; progress: Progress; patience: Patience },
): Promise<PushedDisk> {
  const began = performance.now()
  const source = await openDisk(path, format)
  const bar = progress.begin(`push ${path === '-' ? 'standard input' : path}`, source.total)
  const questions = new Questions(client, patience)
  const buffers = new Buffers(BUFFERS)
  const chunks: (string | null)[] = []
  const seen = new Set<string>()
  const running = new Set<Promise<void>>()
  const count = { bytes: 0, allocatedBytes: 0, chunksSent: 0, bytesSent: 0 }
  let failure: { reason: unknown } | undefined

  const send = async (sha256: string, raw: Uint8Array): Promise<void> => {
    if (!(await questions.isMissing(sha256))) return
    const packed = await compress(raw, { params: { [constants.ZSTD_c_compressionLevel]: LEVEL } })
    const encoding = packed.length < raw.length ? 'zstd' : 'identity'
    const content = encoding === 'zstd' ? packed : raw
    await patience.with(() =>
      client.putChunk({ params: { sha256 }, query: { encoding }, body: { content, bytes: content.length } }),
    )
    count.chunksSent++
    count.bytesSent += content.length
  }
  const handle = async (index: number, raw: Uint8Array): Promise<void> => {
    if (allZero(raw)) return
    count.allocatedBytes += raw.length
    const sha256 = await hashOf(raw)
    chunks[index] = sha256
    if (seen.has(sha256)) return
    seen.add(sha256)
    await send(sha256, raw)
  }
  try {
    for await (const { bytes, buffer } of source.pieces(buffers)) {
      const index = chunks.push(null) - 1
      count.bytes += bytes
      if (buffer) {
        const task = handle(index, buffer.subarray(0, bytes)).then(
          () => {
            buffers.give(buffer)
          },
          (reason: unknown) => {
            failure ??= { reason }
            buffers.fail(reason)
          },
        )
        running.add(task)
        void task.then(() => running.delete(task))
      }
      bar.at(source.position())
      if (failure) break
    }
    await Promise.all(running)
    if (failure) throw failure.reason
    const list = encodeChunkList({ bytes: count.bytes, chunks })
    const sha256 = createHash('sha256').update(list).digest('hex')
    await patience.with(() => client.putUpload({ params: { sha256 }, body: { content: list, bytes: list.length } }))
    count.bytesSent += list.length
    const milliseconds = Math.round(performance.now() - began)
    return { sha256, format: source.format, ...count, chunks: chunks.length, milliseconds }
  } finally {
    await Promise.allSettled(running)
    bar.end()
    await source.close()
  }
}

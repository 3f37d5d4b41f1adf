import { createHash, webcrypto } from 'node:crypto'
import { type FileHandle, open, rename } from 'node:fs/promises'
import { promisify } from 'node:util'
import { zstdDecompress } from 'node:zlib'
import type { ApiClient } from '../api/client/client.ts'
import { Refusal } from '../kit/errors.ts'
import { CHUNK_BYTES, type ChunkList, chunkLength, decodeChunkList, MOST_CHUNKS } from '../protocols/chunks/list.ts'
import { allZero, Buffers } from './buffers.ts'
import { WrongUse } from './failure.ts'
import type { Progress } from './progress.ts'
import type { Patience } from './retry.ts'

/** Chunks on their way at a time. */
const LANES = 8
/** Header and 32 bytes for each chunk of the largest disk. */
const MOST_LIST_BYTES = 32 + MOST_CHUNKS * 32

type Version = Readonly<{ image: string; version: number; list: Readonly<{ name: string; sha256: string }> }>
type Means = Readonly<{ client: ApiClient; progress: Progress; patience: Patience }>

export type PulledDisk = Readonly<{
  bytes: number
  allocatedBytes: number
  chunks: number
  /** Chunks that came over the wire; the others were zeros or right already. */
  chunksFetched: number
  bytesFetched: number
  milliseconds: number
}>

const unpack = promisify(zstdDecompress)

async function hashOf(bytes: Uint8Array): Promise<string> {
  return Buffer.from(await webcrypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>)).toString('hex')
}

async function joined(body: AsyncIterable<Uint8Array>, most: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  let bytes = 0
  for await (const piece of body) {
    bytes += piece.length
    if (bytes > most) throw new Refusal('too-large', `the server sends more than ${most} bytes where less must come`)
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}

async function fetchList({ client, patience }: Means, { image, version, list }: Version): Promise<ChunkList> {
  const encoded = await patience.with(async () => {
    const answer = await client.getContent({ params: { image, version }, query: { file: list.name } })
    return joined(answer.body, MOST_LIST_BYTES)
  })
  if (createHash('sha256').update(encoded).digest('hex') !== list.sha256)
    throw new Refusal('checksum-mismatch', `the chunk list of ${image}@${version} does not match its SHA-256`)
  return decodeChunkList(encoded)
}

/** The raw bytes of a chunk, checked; and how many came over the wire. */
async function fetchChunk(
  { client, patience }: Means,
  { image, version }: Version,
  { sha256, length }: { sha256: string; length: number },
): Promise<{ raw: Uint8Array; wire: number }> {
  const { payload, encoding } = await patience.with(async () => {
    const answer = await client.getChunk({ params: { image, version, sha256 } })
    return { payload: await joined(answer.body, CHUNK_BYTES + 65_536), encoding: answer.header('x-chunk-encoding') }
  })
  const raw = encoding === 'zstd' ? await unpack(payload, { maxOutputLength: length }) : payload
  if (raw.length !== length || (await hashOf(raw)) !== sha256)
    throw new Refusal('checksum-mismatch', `the chunk ${sha256} does not match its SHA-256 when it arrives`, {
      next: `reveille image verify ${image}@${version} tells whether it is damaged on the server`,
    })
  return { raw, wire: payload.length }
}

/** A file that chunks can be taken from; `undefined` when there is none. Only plain files: nothing is ever written to a device. */
async function openPlain(path: string, flags: 'r' | 'r+'): Promise<FileHandle | undefined> {
  let file: FileHandle
  try {
    file = await open(path, flags)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  if ((await file.stat()).isFile()) return file
  await file.close()
  throw new WrongUse(`${path} is no plain file; disks of machines are written by reveille deploy, armed for that disk`)
}

/** What of a chunk is in a file at its place; shorter where the file ends. */
async function readPart(file: FileHandle, buffer: Uint8Array, position: number): Promise<Uint8Array> {
  let done = 0
  while (done < buffer.length) {
    const { bytesRead } = await file.read(buffer, done, buffer.length - done, position + done)
    if (bytesRead === 0) break
    done += bytesRead
  }
  return buffer.subarray(0, done)
}

async function writeFully(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; )
    done += (await file.write(bytes, done, bytes.length - done, position + done)).bytesWritten
}

/**
 * Downloads a disk into a file: several chunks at a time, each checked by its hash, zeros as holes. It is written as `FILE.part` and gets
 * its name when all of it is there; what an earlier try left there, and what the file has already, is not fetched again.
 */
export async function pullDisk(means: Means, version: Version, path: string): Promise<PulledDisk> {
  const began = performance.now()
  const list = await fetchList(means, version)
  const old = await openPlain(path, 'r')
  const part = `${path}.part`
  const file = (await openPlain(part, 'r+')) ?? (await open(part, 'wx+'))
  const bar = means.progress.begin(`pull ${path}`, list.bytes)
  const buffers = new Buffers(LANES)
  const count = { allocatedBytes: 0, chunksFetched: 0, bytesFetched: 0 }
  let done = 0
  let next = 0

  const place = async (index: number, buffer: Uint8Array): Promise<void> => {
    const sha256 = list.chunks[index] ?? null
    const position = index * CHUNK_BYTES
    const length = chunkLength(list, index)
    if (sha256 !== null) count.allocatedBytes += length
    const present = await readPart(file, buffer.subarray(0, length), position)
    if (sha256 === null) {
      if (!allZero(present)) await writeFully(file, new Uint8Array(length), position)
      return
    }
    // A hole is never right here, and hashing all of them takes long.
    if (present.length === length && !allZero(present) && (await hashOf(present)) === sha256) return
    if (old) {
      const before = await readPart(old, buffer.subarray(0, length), position)
      if (before.length === length && (await hashOf(before)) === sha256) return writeFully(file, before, position)
    }
    const { raw, wire } = await fetchChunk(means, version, { sha256, length })
    count.chunksFetched++
    count.bytesFetched += wire
    await writeFully(file, raw, position)
  }
  const lane = async (): Promise<void> => {
    const buffer = await buffers.take()
    while (next < list.chunks.length) {
      const index = next++
      await place(index, buffer)
      done += chunkLength(list, index)
      bar.at(done)
    }
  }
  try {
    // Longer than the disk: left by a try with another version.
    await file.truncate(list.bytes)
    const lanes = Array.from({ length: LANES }, () =>
      lane().catch((error: unknown) => {
        next = list.chunks.length
        throw error
      }),
    )
    const results = await Promise.allSettled(lanes)
    const failed = results.find((result) => result.status === 'rejected')
    if (failed) throw failed.reason
    await file.sync()
  } finally {
    bar.end()
    await file.close()
    await old?.close()
  }
  await rename(part, path)
  const milliseconds = Math.round(performance.now() - began)
  return { bytes: list.bytes, chunks: list.chunks.length, ...count, milliseconds }
}

/** The raw bytes of a disk in order, several chunks fetched ahead, each checked before it is given out. */
export async function* diskStream(means: Means, version: Version): AsyncGenerator<Uint8Array> {
  const list = await fetchList(means, version)
  const bar = means.progress.begin(`pull ${version.image}`, list.bytes)
  const ahead: Promise<Uint8Array>[] = []
  const zeros = new Uint8Array(CHUNK_BYTES)
  let next = 0
  let done = 0
  const start = (): void => {
    const index = next++
    const sha256 = list.chunks[index] ?? null
    const length = chunkLength(list, index)
    const chunk =
      sha256 === null
        ? Promise.resolve(zeros.subarray(0, length))
        : fetchChunk(means, version, { sha256, length }).then(({ raw }) => raw)
    // One that fails is met when its turn comes.
    chunk.catch(() => undefined)
    ahead.push(chunk)
  }
  try {
    for (;;) {
      while (ahead.length < LANES && next < list.chunks.length) start()
      const chunk = await ahead.shift()
      if (!chunk) return
      yield chunk
      done += chunk.length
      bar.at(done)
    }
  } finally {
    bar.end()
  }
}

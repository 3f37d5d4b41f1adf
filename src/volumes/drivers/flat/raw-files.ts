import { createHash } from 'node:crypto'
import { type FileHandle, open, rename, rm, stat, truncate } from 'node:fs/promises'
import type { ChunkStore } from '../../../images/chunk-store.ts'
import { absentAsUndefined, asNoSpace, syncDirectory } from '../../../images/durable/files.ts'
import { DecodeError, Refusal } from '../../../kit/errors.ts'
import { run } from '../../../processes/run.ts'
import { CHUNK_BYTES, type ChunkList, chunkCount, chunkLength } from '../../../protocols/chunks/list.ts'
import type { PublishedChunk } from '../../pool.ts'
import type { VolumeBase } from '../../volume.ts'

/** What copying a large file on a slow disk may take. */
const COPY_MS = 3_600_000
const BLOCK_BYTES = 4096
const ZEROS = Buffer.alloc(BLOCK_BYTES)

/** Copies a file with its holes, sharing its bytes where the file system can, and gives it a size. Durable when done. */
export async function copyRaw(from: string, to: string, bytes: number): Promise<void> {
  const { code, stderr } = await run('cp', ['--reflink=auto', '--sparse=always', '--', from, to], {
    timeoutMs: COPY_MS,
  })
  try {
    if (code !== 0) throw failedCopy(stderr)
    await truncate(to, bytes)
    await syncFile(to)
  } catch (error) {
    await rm(to, { force: true })
    throw asNoSpace(error)
  }
}

function failedCopy(stderr: string): Refusal {
  if (/No space left|Disk quota/.test(stderr))
    return new Refusal('no-space', 'the disk that keeps the volumes is full; nothing was changed', {
      next: 'delete volumes or snapshots that nobody needs, or give the disk more space',
    })
  return new Refusal('not-available', `a volume could not be copied: ${stderr.trim()}`)
}

/** A file of zeros that takes no space. */
export async function blankRaw(path: string, bytes: number): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    await file.truncate(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Unpacks an image version into a file, unless it is there. */
export async function unpackBase(
  base: VolumeBase,
  directory: string,
  from: Readonly<{ chunks: ChunkStore; listOf: (sha256: string) => Promise<ChunkList | undefined> }>,
): Promise<string> {
  const path = `${directory}/${base.chunks}.img`
  const there = await absentAsUndefined(stat(path))
  const list = await listOf(base, from.listOf)
  if (there?.size === list.bytes) return path
  const temporary = `${path}.new`
  const file = await open(temporary, 'w', 0o600)
  try {
    for (const [index, sha256] of list.chunks.entries()) {
      if (sha256 === null) continue
      const raw = await from.chunks.read(sha256)
      if (!raw || raw.length !== chunkLength(list, index)) throw damaged(`the chunk ${sha256} is missing or damaged`)
      await writeSparse(file, raw, index * CHUNK_BYTES)
    }
    await file.truncate(list.bytes)
    await file.sync()
  } catch (error) {
    await rm(temporary, { force: true })
    throw asNoSpace(error)
  } finally {
    await file.close()
  }
  await rename(temporary, path)
  await syncDirectory(directory)
  return path
}

/** Leaves out blocks of zeros, as copies of it do: so what a copy takes more was written to it. */
async function writeSparse(file: FileHandle, raw: Uint8Array, at: number): Promise<void> {
  const isBlank = (from: number) => {
    const block = raw.subarray(from, from + BLOCK_BYTES)
    return ZEROS.subarray(0, block.length).equals(block)
  }
  for (let from = 0; from < raw.length; from += BLOCK_BYTES) {
    if (isBlank(from)) continue
    let to = from + BLOCK_BYTES
    while (to < raw.length && !isBlank(to)) to += BLOCK_BYTES
    const end = Math.min(to, raw.length)
    for (let done = from; done < end; ) done += (await file.write(raw, done, end - done, at + done)).bytesWritten
    from = to
  }
}

async function listOf(base: VolumeBase, find: (sha256: string) => Promise<ChunkList | undefined>): Promise<ChunkList> {
  let list: ChunkList | undefined
  try {
    list = await find(base.chunks)
  } catch (error) {
    if (error instanceof DecodeError || error instanceof Refusal) throw damaged(error.message)
    throw error
  }
  if (list?.bytes !== base.bytes) throw damaged(`its chunk list ${base.chunks} is missing or another one`)
  return list
}

function damaged(why: string): Refusal {
  return new Refusal('corrupt', `the image under this volume cannot be read: ${why}`, {
    next: 'push that image again (reveille image push); that heals it',
  })
}

/** Puts the chunks of a file that are not what the base has into the chunk store. */
export async function publishRaw(
  path: string,
  bytes: number,
  base: ChunkList | undefined,
  chunks: ChunkStore,
  progress: (doneBytes: number) => void,
): Promise<PublishedChunk[]> {
  const published: PublishedChunk[] = []
  const buffer = Buffer.alloc(CHUNK_BYTES)
  const file = await open(path, 'r')
  try {
    for (let index = 0; index < chunkCount(bytes); index++) {
      const raw = buffer.subarray(0, Math.min(CHUNK_BYTES, bytes - index * CHUNK_BYTES))
      await readRaw(file, raw, index * CHUNK_BYTES)
      const found = raw.every((byte) => byte === 0) ? null : createHash('sha256').update(raw).digest('hex')
      if (found !== (base?.chunks[index] ?? null)) {
        if (found !== null) await chunks.add(raw)
        published.push({ index, sha256: found })
      }
      progress(index * CHUNK_BYTES + raw.length)
    }
    return published
  } finally {
    await file.close()
  }
}

async function readRaw(file: FileHandle, into: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < into.length; ) {
    const { bytesRead } = await file.read(into, done, into.length - done, at + done)
    // A snapshot from when the volume was smaller.
    if (bytesRead === 0) return void into.fill(0, done)
    done += bytesRead
  }
}

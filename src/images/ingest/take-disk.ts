import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { promisify } from 'node:util'
import { createInflateRaw, zstdDecompress } from 'node:zlib'
import { DecodeError, Refusal } from '../../kit/errors.ts'
import { encodeChunkList } from '../../protocols/chunks/list.ts'
import { openQcow2 } from '../../protocols/qcow2/read.ts'
import { MOST_LIST_BYTES } from '../disks.ts'
import type { Images } from '../images.ts'
import { type Chunked, chunkDisk, chunkStream, refuseLargeDisk } from './chunk-up.ts'
import { type DiskFormat, detectFormat, MAGIC_BYTES, peek, unpackStream } from './formats.ts'

/** Bounds of what comes in, in bytes: of the file as it is sent, and of the disk in it. */
export type DiskLimits = Readonly<{ file: number; disk: number }>

/** A disk that came in: `chunks` is the SHA-256 of its chunk list, which is a blob now. `file`: of the file as it was sent. */
export type TakenDisk = Readonly<{ chunks: string; sha256: string; bytes: number; format: DiskFormat; file: string }>

const unzstd = promisify(zstdDecompress)

type Taking = Readonly<{ format: DiskFormat | 'auto'; sha256?: string | undefined; limits: DiskLimits }>

/**
 * Takes a disk from a stream into chunks, in bounded memory. `sha256` is of the file as it is sent (`checksum-mismatch`). What was stored
 * before something went wrong is collected after a day.
 */
export async function takeDisk(
  images: Images,
  body: AsyncIterable<Uint8Array>,
  { format, sha256, limits }: Taking,
): Promise<TakenDisk> {
  const { start, whole } = await peek(body, MAGIC_BYTES)
  if (start.length === 0)
    throw new Refusal('validation-failed', 'the body is empty', { next: 'send the file: curl -T disk.img URL' })
  const found = format === 'auto' ? detectFormat(start) : format
  if (found === 'qcow2') return takeQcow2(images, whole, { sha256, limits })
  const hash = createHash('sha256')
  const counted = count(whole, hash, limits.file)
  const chunked = await chunkStream(unpackStream(found, counted), { store: images.chunks, limit: limits.disk })
  const file = hash.digest('hex')
  if (sha256 !== undefined && sha256 !== file)
    throw new Refusal('checksum-mismatch', `the body has the SHA-256 ${file}, not ${sha256}`, {
      next: 'send it again; it changed on the way, or another file was meant',
    })
  return keepList(images, chunked, { format: found, file })
}

/** The tables of qcow2 are anywhere in it: it waits in a file until it is read. */
async function takeQcow2(
  images: Images,
  body: AsyncIterable<Uint8Array>,
  { sha256, limits }: Omit<Taking, 'format'>,
): Promise<TakenDisk> {
  const blob = await images.blobs.put(body, { limit: limits.file, ...(sha256 === undefined ? {} : { sha256 }) })
  const release = images.hold(blob.sha256)
  try {
    return await takeStored(images, blob, { format: 'qcow2', limits })
  } finally {
    release()
    await images.discard(blob.sha256)
  }
}

/** The same for a file that is a blob already; the blob stays. */
export async function takeStored(
  images: Images,
  blob: Readonly<{ sha256: string; bytes: number }>,
  { format, limits }: Omit<Taking, 'sha256'>,
): Promise<TakenDisk> {
  const path = await images.blobs.path(blob.sha256)
  if (path === undefined) throw new Refusal('not-found', `the file ${blob.sha256} is not here`)
  const file = await open(path, 'r')
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(MAGIC_BYTES), 0, MAGIC_BYTES, 0)
    const found = format === 'auto' ? detectFormat(buffer.subarray(0, bytesRead)) : format
    if (found !== 'qcow2') {
      const raw = unpackStream(found, createReadStream(path, { highWaterMark: 262_144 }))
      const chunked = await chunkStream(raw, { store: images.chunks, limit: limits.disk })
      return await keepList(images, chunked, { format: found, file: blob.sha256 })
    }
    const read = async (offset: number, length: number) => {
      const bytes = Buffer.alloc(length)
      let have = 0
      while (have < length) {
        const piece = await file.read(bytes, have, length - have, offset + have)
        if (piece.bytesRead === 0) throw new DecodeError('the file ends too early')
        have += piece.bytesRead
      }
      return bytes
    }
    const disk = await openQcow2({ bytes: blob.bytes, read }, { deflate, zstd })
    refuseLargeDisk(disk.bytes, limits.disk)
    return await keepList(images, await chunkDisk(disk, images.chunks), { format: found, file: blob.sha256 })
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    throw new Refusal('validation-failed', `the file cannot be read as qcow2: ${error.message}`, {
      next: 'make one that stands alone: qemu-img convert -O qcow2 OLD NEW',
    })
  } finally {
    await file.close()
  }
}

async function keepList(
  images: Images,
  { list, sha256 }: Chunked,
  { format, file }: Pick<TakenDisk, 'format' | 'file'>,
): Promise<TakenDisk> {
  if (list.bytes === 0) throw new Refusal('validation-failed', 'the disk is empty')
  const encoded = encodeChunkList(list)
  const blob = await images.blobs.put(pieces(encoded), { limit: MOST_LIST_BYTES })
  return { chunks: blob.sha256, sha256, bytes: list.bytes, format, file }
}

async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

async function* count(
  stream: AsyncIterable<Uint8Array>,
  hash: { update(bytes: Uint8Array): unknown },
  limit: number,
): AsyncGenerator<Uint8Array> {
  let bytes = 0
  for await (const piece of stream) {
    bytes += piece.length
    if (bytes > limit)
      throw new Refusal('too-large', `the upload is larger than the limit of ${limit} bytes`, {
        next: 'raise images.maxUploadGiB if it is meant to be this large',
      })
    hash.update(piece)
    yield piece
  }
}

/** Raw deflate that does not mind what follows its end, which `inflateRaw` would. */
function deflate(packed: Uint8Array, most: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const inflate = createInflateRaw({ chunkSize: Math.max(64, most) })
    const out: Buffer[] = []
    let bytes = 0
    inflate.on('data', (piece: Buffer) => {
      bytes += piece.length
      if (bytes > most) inflate.destroy(new DecodeError('a cluster unpacks to more than a cluster'))
      else out.push(piece)
    })
    inflate.once('end', () => resolve(Buffer.concat(out)))
    inflate.once('error', (error) => reject(new DecodeError(`a cluster cannot be unpacked: ${error.message}`)))
    inflate.end(packed)
  })
}

async function zstd(packed: Uint8Array, most: number): Promise<Uint8Array> {
  try {
    return await unzstd(packed, { maxOutputLength: most, chunkSize: Math.max(64, most) })
  } catch (error) {
    throw new DecodeError(`a cluster cannot be unpacked: ${(error as Error).message}`)
  }
}

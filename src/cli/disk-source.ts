import { spawn } from 'node:child_process'
import { createReadStream } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { Readable, type Transform } from 'node:stream'
import { promisify } from 'node:util'
import { createGunzip, createZstdDecompress, inflateRaw, zstdDecompress } from 'node:zlib'
import { DecodeError, Refusal } from '../kit/errors.ts'
import { CHUNK_BYTES, MOST_CHUNKS } from '../protocols/chunks/list.ts'
import { looksLikeQcow2 } from '../protocols/qcow2/header.ts'
import { openQcow2 } from '../protocols/qcow2/read.ts'
import { eachZstdFrame } from '../protocols/zstd/frames.ts'
import type { Buffers } from './buffers.ts'
import { WrongUse } from './failure.ts'

export const DISK_FORMATS = ['auto', 'raw', 'gz', 'xz', 'zst', 'qcow2'] as const
export type DiskFormat = Exclude<(typeof DISK_FORMATS)[number], 'auto'>

/** One chunk of a disk. `buffer` belongs to the pool and must be given back; `null`: zeros, without a buffer. */
export type DiskPiece = Readonly<{ bytes: number; buffer: Uint8Array | null }>

/** A disk that is read once from front to back, whatever it is packed in. */
export type DiskSource = Readonly<{
  format: DiskFormat
  /** How many bytes there are to be read, and how many were: of the packed file, for progress. 0: nobody knows. */
  total: number
  position: () => number
  /** Every piece but the last has the bytes of a chunk. */
  pieces(buffers: Buffers): AsyncGenerator<DiskPiece>
  close(): Promise<void>
}>

const READ = 1024 * 1024
const MAGIC: readonly [DiskFormat, readonly number[]][] = [
  ['gz', [0x1f, 0x8b]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]],
  ['zst', [0x28, 0xb5, 0x2f, 0xfd]],
]

/** What a file is packed in, by its first bytes. */
export function formatOf(start: Uint8Array): DiskFormat {
  if (looksLikeQcow2(start)) return 'qcow2'
  return MAGIC.find(([, magic]) => magic.every((byte, i) => start[i] === byte))?.[0] ?? 'raw'
}

/** Opens a file, or standard input (`-`), as a disk. */
export async function openDisk(path: string, wanted: DiskFormat | 'auto'): Promise<DiskSource> {
  if (path === '-') return openStandardInput(wanted)
  const file = await open(path)
  try {
    const stat = await file.stat()
    if (stat.isDirectory()) throw new WrongUse(`${path} is a directory`)
    const start = new Uint8Array(16)
    if (stat.isFile()) await file.read(start, 0, start.length, 0)
    const format = wanted === 'auto' ? formatOf(start) : wanted
    // A device has no size here, and pipes cannot be read at a place: both are read from front to back.
    if (stat.isFile() && format === 'raw') return rawDisk(file, stat.size, path)
    if (format === 'qcow2') return await qcow2Disk(file, stat.size)
    await file.close()
    let read = 0
    const input = createReadStream(path, { highWaterMark: READ })
    input.on('data', (piece) => {
      read += piece.length
    })
    input.pause()
    return streamDisk(input, format, stat.isFile() ? stat.size : 0, () => read)
  } catch (error) {
    await file.close().catch(() => undefined)
    throw error
  }
}

async function openStandardInput(wanted: DiskFormat | 'auto'): Promise<DiskSource> {
  const input = process.stdin.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer>
  let first = Buffer.alloc(0)
  while (first.length < 16) {
    const { value, done } = await input.next()
    if (done) break
    first = Buffer.concat([first, value])
  }
  const format = wanted === 'auto' ? formatOf(first) : wanted
  if (format === 'qcow2')
    throw new WrongUse('a qcow2 file is read at many places: push it as a file, not through a pipe')
  async function* all() {
    yield first
    for (let next = await input.next(); !next.done; next = await input.next()) yield next.value
  }
  return streamDisk(Readable.from(all(), { objectMode: false }), format, 0, () => 0)
}

async function readFully(file: FileHandle, target: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < target.length; ) {
    const { bytesRead } = await file.read(target, done, target.length - done, position + done)
    if (bytesRead === 0) throw new Refusal('wrong-state', 'the file became shorter while it was read')
    done += bytesRead
  }
}

function checkSize(bytes: number): void {
  if (bytes === 0) throw new Refusal('validation-failed', 'it is empty: no disk has 0 bytes')
  if (Math.ceil(bytes / CHUNK_BYTES) > MOST_CHUNKS) throw new Refusal('too-large', 'a disk has at most 64 TiB')
}

function rawDisk(file: FileHandle, bytes: number, path: string): DiskSource {
  checkSize(bytes)
  let position = 0
  return {
    format: 'raw',
    total: bytes,
    position: () => position,
    async *pieces(buffers) {
      for (; position < bytes; ) {
        const length = Math.min(CHUNK_BYTES, bytes - position)
        const buffer = await buffers.take()
        await readFully(file, buffer.subarray(0, length), position).catch((error: unknown) => {
          throw error instanceof Refusal ? new Refusal(error.code, `${path}: ${error.message}`) : error
        })
        position += length
        yield { bytes: length, buffer }
      }
    },
    close: () => file.close(),
  }
}

async function qcow2Disk(file: FileHandle, fileBytes: number): Promise<DiskSource> {
  const disk = await openQcow2(
    {
      bytes: fileBytes,
      async read(offset, length) {
        const target = new Uint8Array(length)
        await readFully(file, target, offset)
        return target
      },
    },
    {
      deflate: (packed, most) => promisify(inflateRaw)(packed, { maxOutputLength: most }),
      zstd: (packed, most) => promisify(zstdDecompress)(packed, { maxOutputLength: most }),
    },
  )
  let position = 0
  return {
    format: 'qcow2',
    total: disk.bytes,
    position: () => position,
    async *pieces(buffers) {
      for (; position < disk.bytes; ) {
        const length = Math.min(CHUNK_BYTES, disk.bytes - position)
        let buffer: Uint8Array | null = null
        if (!(await disk.isZero(position, length))) {
          buffer = await buffers.take()
          buffer.set(await disk.read(position, length))
        }
        position += length
        yield { bytes: length, buffer }
      }
    },
    close: () => file.close(),
  }
}

function streamDisk(input: Readable, format: DiskFormat, total: number, position: () => number): DiskSource {
  const unpacked = unpack(input, format)
  return {
    format,
    total,
    position,
    async *pieces(buffers) {
      let buffer: Uint8Array | undefined
      let filled = 0
      let bytes = 0
      for await (const piece of unpacked)
        for (let at = 0; at < piece.length; ) {
          buffer ??= await buffers.take()
          const count = Math.min(piece.length - at, CHUNK_BYTES - filled)
          buffer.set(piece.subarray(at, at + count), filled)
          at += count
          filled += count
          bytes += count
          if (filled < CHUNK_BYTES) continue
          checkSize(bytes)
          yield { bytes: filled, buffer }
          buffer = undefined
          filled = 0
        }
      checkSize(bytes)
      if (buffer) yield { bytes: filled, buffer }
    },
    async close() {
      input.destroy()
    },
  }
}

/** The stream unpacked, off this thread; damage is a `DecodeError` that says so. */
async function* unpack(input: Readable, format: DiskFormat): AsyncGenerator<Uint8Array> {
  if (format === 'raw') return yield* input as AsyncIterable<Buffer>
  const output =
    format === 'xz'
      ? throughXz(input)
      : format === 'zst'
        ? throughZstd(input)
        : through(input, createGunzip({ chunkSize: READ }))
  try {
    yield* output
  } catch (error) {
    if (error instanceof Refusal) throw error
    throw new DecodeError(`it cannot be unpacked as ${format}: ${error instanceof Error ? error.message : error}`)
  }
}

function through(input: Readable, unpacker: Transform): AsyncIterable<Buffer> {
  input.on('error', (error) => unpacker.destroy(error))
  // The reader is told of a failure too; one behind the end of what it wants to read has nobody else.
  unpacker.on('error', () => undefined)
  return input.pipe(unpacker)
}

/** Node unpacks one frame and leaves out what follows; parallel compressors write many. */
async function* throughZstd(input: Readable): AsyncGenerator<Buffer> {
  for await (const frame of eachZstdFrame(input as AsyncIterable<Buffer>))
    yield* through(Readable.from(frame, { objectMode: false }), createZstdDecompress({ chunkSize: READ }))
}

/** Node has no xz of its own. */
async function* throughXz(input: Readable): AsyncGenerator<Buffer> {
  const child = spawn('xz', ['--decompress', '--stdout'], { stdio: ['pipe', 'pipe', 'pipe'] })
  let complaint = ''
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', () =>
      reject(
        new Refusal('not-available', 'the program xz is missing', {
          next: 'apt-get install --no-install-recommends xz-utils',
        }),
      ),
    )
    child.once('close', resolve)
  })
  // Awaited below, but it may fail before.
  ended.catch(() => undefined)
  child.stderr.on('data', (piece: Buffer) => {
    complaint = (complaint + piece.toString()).slice(0, 1000)
  })
  child.stdin.on('error', () => undefined)
  input.pipe(child.stdin)
  try {
    yield* child.stdout as AsyncIterable<Buffer>
    if ((await ended) !== 0) throw new Error(complaint.trim() || 'xz failed')
  } finally {
    child.kill()
  }
}

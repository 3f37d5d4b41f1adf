import { spawn } from 'node:child_process'
import { Readable } from 'node:stream'
import { constants, createGunzip, createZstdDecompress } from 'node:zlib'
import { DecodeError, Refusal } from '../../kit/errors.ts'
import { looksLikeQcow2 } from '../../protocols/qcow2/header.ts'
import { eachZstdFrame } from '../../protocols/zstd/frames.ts'

/** How a disk may be packed on its way in. */
export type DiskFormat = 'raw' | 'gz' | 'xz' | 'zst' | 'qcow2'

/** Memory that unpacking xz or zstd may take; files packed with the usual settings need half of it or less. */
const MOST_MEMORY_MIB = 128
const MOST_WINDOW_LOG = 27
/** Bytes that tell the formats apart. */
export const MAGIC_BYTES = 8

const startsWith = (start: Uint8Array, ...magic: number[]) => magic.every((byte, at) => start[at] === byte)

/** The format of a file by its first bytes; what is none of the others is raw. */
export function detectFormat(start: Uint8Array): DiskFormat {
  if (startsWith(start, 0x1f, 0x8b, 8)) return 'gz'
  if (startsWith(start, 0xfd, 0x37, 0x7a, 0x58, 0x5a, 0)) return 'xz'
  if (startsWith(start, 0x28, 0xb5, 0x2f, 0xfd)) return 'zst'
  return looksLikeQcow2(start) ? 'qcow2' : 'raw'
}

/** The first bytes of a stream, at most `count`, and all of it from the start. */
export async function peek(
  stream: AsyncIterable<Uint8Array>,
  count: number,
): Promise<{ start: Uint8Array; whole: AsyncIterable<Uint8Array> }> {
  const iterator = stream[Symbol.asyncIterator]()
  const pieces: Uint8Array[] = []
  let have = 0
  while (have < count) {
    const { done, value } = await iterator.next()
    if (done) break
    pieces.push(value)
    have += value.length
  }
  async function* whole() {
    try {
      yield* pieces.splice(0)
      for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value
    } finally {
      await iterator.return?.()
    }
  }
  return { start: Buffer.concat(pieces).subarray(0, count), whole: whole() }
}

/**
 * Unpacks a stream. Broken input is refused (`validation-failed`); how much comes out is for the reader to bound. What is read
 * is bounded by what is asked for.
 */
export function unpackStream(
  format: Exclude<DiskFormat, 'qcow2'>,
  packed: AsyncIterable<Uint8Array>,
): AsyncIterable<Uint8Array> {
  if (format === 'raw') return packed
  if (format === 'xz') return unpackXz(packed)
  if (format === 'zst') return unpackZstd(packed)
  const unpacker = createGunzip({ chunkSize: 262_144 })
  return through(packed, unpacker, unpacker, async (error) => broken(format, String((error as Error).message)))
}

/** Node unpacks one frame and silently leaves out what follows; parallel compressors write many. */
async function* unpackZstd(packed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    for await (const frame of eachZstdFrame(packed)) {
      const unpacker = createZstdDecompress({
        chunkSize: 262_144,
        params: { [constants.ZSTD_d_windowLogMax]: MOST_WINDOW_LOG },
      })
      yield* through(frame, unpacker, unpacker, async (error) => broken('zst', String((error as Error).message)))
    }
  } catch (error) {
    throw error instanceof DecodeError ? broken('zst', error.message) : error
  }
}

/** There is no xz in Node. The program sees nothing but its standard input and has a bound of memory. */
function unpackXz(packed: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const child = spawn('xz', ['-dc', '-T1', `--memlimit-decompress=${MOST_MEMORY_MIB}MiB`, '--no-warn'], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, LC_ALL: 'C' },
  })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(0, 1000)
  })
  const ended = new Promise<Error | undefined>((resolve) => {
    child.once('error', (error) =>
      resolve(new Refusal('not-available', `xz cannot be started (${error.message})`, { next: 'install xz-utils' })),
    )
    child.once('close', (code) => resolve(code === 0 ? undefined : broken('xz', said.trim().replace(/^xz: /, ''))))
  })
  async function* unpacked() {
    try {
      yield* through(packed, child.stdin, child.stdout, async (error) => (await ended) ?? error)
      const failed = await ended
      if (failed) throw failed
    } finally {
      child.kill('SIGKILL')
    }
  }
  return unpacked()
}

/** Writes one stream and reads the other. Whichever fails first, the error of the sender wins: the rest follows from it. */
async function* through(
  packed: AsyncIterable<Uint8Array>,
  into: NodeJS.WritableStream & { destroy(error?: Error): unknown },
  from: AsyncIterable<Uint8Array> & { destroy(error?: Error): unknown },
  explain: (error: unknown) => Promise<unknown>,
): AsyncGenerator<Uint8Array> {
  const source = Readable.from(packed, { objectMode: false, highWaterMark: 262_144 })
  let lost: Error | undefined
  source.once('error', (error) => {
    lost = error
    into.destroy()
    from.destroy(error)
  })
  // What is said on the way in follows from what is said on the way out.
  into.on('error', () => undefined)
  source.pipe(into)
  try {
    for await (const piece of from) yield piece
  } catch (error) {
    throw lost ?? (await explain(error))
  } finally {
    source.unpipe(into)
    source.destroy()
    into.destroy()
  }
  if (lost) throw lost
}

function broken(format: string, said: string): Refusal {
  return new Refusal('validation-failed', `the body cannot be unpacked as ${format}: ${said || 'it is damaged'}`, {
    next: 'check the file, or say what it is with ?format=',
  })
}

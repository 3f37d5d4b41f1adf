import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import { constants, createGzip, createZstdCompress } from 'node:zlib'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Refusal } from '../../kit/errors.ts'
import { decideRange, noneMatchHits } from '../../protocols/http/range.ts'

/** What is sent: `etag` without quotes; `sha256` of the whole, when it is known. */
type Content = Readonly<{ etag: string; sha256: string | null; bytes: number; name: string }>

/** Sends a blob with its SHA-256 as strong ETag: whole, the range asked for (RFC 9110 §14), or 304. */
export async function sendBlob(
  request: FastifyRequest,
  reply: FastifyReply,
  { path, sha256, bytes, name }: Readonly<{ path: string; sha256: string; bytes: number; name: string }>,
): Promise<void> {
  await sendContent(request, reply, { etag: sha256, sha256, bytes, name }, async (start, end) =>
    createReadStream(path, { start, end: end - 1, highWaterMark: 262_144 }),
  )
}

/** Sends a content that can be opened at any place; `open` gives the bytes from `start` up to and without `end`. */
export async function sendContent(
  request: FastifyRequest,
  reply: FastifyReply,
  content: Content,
  open: (start: number, end: number) => Promise<Readable>,
): Promise<void> {
  const etag = `"${content.etag}"`
  reply.header('etag', etag).header('accept-ranges', 'bytes').header('cache-control', 'private, no-cache')
  if (noneMatchHits(request.headers['if-none-match'], etag)) return void (await reply.code(304).send())
  const { range, 'if-range': ifRange } = request.headers
  const answer = decideRange(
    { range, ifRange: typeof ifRange === 'string' ? ifRange : undefined },
    { size: content.bytes, etag },
  )
  if (answer.status === 416) {
    reply.header('content-range', `bytes */${content.bytes}`)
    throw new Refusal('range-not-satisfiable', `${range} lies outside the ${content.bytes} bytes of ${content.name}`)
  }
  const [start, end] = answer.status === 206 ? [answer.start, answer.end + 1] : [0, content.bytes]
  const empty = request.method === 'HEAD' || content.bytes === 0
  const body = empty ? '' : await open(start, end)
  if (answer.status === 206) reply.code(206).header('content-range', `bytes ${start}-${end - 1}/${content.bytes}`)
  // RFC 9530 §3: of the whole, whatever range is sent.
  if (content.sha256 !== null)
    reply.header('repr-digest', `sha-256=:${Buffer.from(content.sha256, 'hex').toString('base64')}:`)
  reply.header('content-length', String(end - start)).type('application/octet-stream')
  // A file name is made of harmless characters (contract), so that it needs no quoting.
  reply.header('content-disposition', `attachment; filename="${content.name}"`)
  await reply.send(body)
}

/** Sends a content packed on the way. How long that is, nobody knows before: no ranges. */
export async function sendPacked(
  request: FastifyRequest,
  reply: FastifyReply,
  { etag, name }: Pick<Content, 'etag' | 'name'>,
  packing: 'zstd' | 'gzip',
  open: () => Promise<Readable>,
): Promise<void> {
  const tag = `"${etag}-${packing}"`
  reply.header('etag', tag).header('accept-ranges', 'none').header('cache-control', 'private, no-cache')
  if (noneMatchHits(request.headers['if-none-match'], tag)) return void (await reply.code(304).send())
  reply.type(packing === 'zstd' ? 'application/zstd' : 'application/gzip')
  reply.header('content-disposition', `attachment; filename="${name}.${packing === 'zstd' ? 'zst' : 'gz'}"`)
  if (request.method === 'HEAD') return void (await reply.send(''))
  const raw = await open()
  const packer =
    packing === 'gzip'
      ? createGzip({ level: 1, chunkSize: 262_144 })
      : createZstdCompress({ chunkSize: 262_144, params: { [constants.ZSTD_c_compressionLevel]: 1 } })
  raw.once('error', (error) => packer.destroy(error))
  packer.once('close', () => raw.destroy())
  await reply.send(raw.pipe(packer))
}

/**
 * A stream of what is generated. The first piece is there before the headers go, so that what fails at once is told properly. `done` is
 * called once, however it ends.
 */
export async function startedStream(content: AsyncGenerator<Uint8Array>, done: () => void): Promise<Readable> {
  try {
    const first = await content.next()
    const stream = Readable.from(
      (async function* () {
        if (!first.done) yield first.value
        yield* content
      })(),
      { objectMode: false, highWaterMark: 1 },
    )
    stream.once('close', done)
    return stream
  } catch (error) {
    done()
    throw error
  }
}

import { createReadStream } from 'node:fs'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Refusal } from '../../kit/errors.ts'
import { decideRange, noneMatchHits } from '../../protocols/http/range.ts'

/** Sends a blob with its SHA-256 as strong ETag: whole, the range asked for (RFC 9110 §14), or 304. */
export async function sendBlob(
  request: FastifyRequest,
  reply: FastifyReply,
  blob: Readonly<{ path: string; sha256: string; bytes: number; name: string }>,
): Promise<void> {
  const etag = `"${blob.sha256}"`
  reply.header('etag', etag).header('accept-ranges', 'bytes').header('cache-control', 'private, no-cache')
  if (noneMatchHits(request.headers['if-none-match'], etag)) return void (await reply.code(304).send())
  const { range, 'if-range': ifRange } = request.headers
  const answer = decideRange(
    { range, ifRange: typeof ifRange === 'string' ? ifRange : undefined },
    { size: blob.bytes, etag },
  )
  if (answer.status === 416) {
    reply.header('content-range', `bytes */${blob.bytes}`)
    throw new Refusal('range-not-satisfiable', `${range} lies outside the ${blob.bytes} bytes of ${blob.name}`)
  }
  const [start, end] = answer.status === 206 ? [answer.start, answer.end] : [0, blob.bytes - 1]
  if (answer.status === 206) reply.code(206).header('content-range', `bytes ${start}-${end}/${blob.bytes}`)
  reply.header('content-length', String(end - start + 1)).type('application/octet-stream')
  reply.header('content-disposition', `attachment; filename="${blob.name}"`)
  // A file name is made of harmless characters (contract), so that it needs no quoting.
  if (request.method === 'HEAD' || blob.bytes === 0) return void (await reply.send(''))
  await reply.send(createReadStream(blob.path, { start, end, highWaterMark: 262_144 }))
}

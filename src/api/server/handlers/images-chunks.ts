import { Refusal } from '../../../kit/errors.ts'
import { Slots } from '../../../kit/slots.ts'
import { MOST_PAYLOAD } from '../../../protocols/chunks/chunk-file.ts'
import type { HandlersOf } from '../call.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { seenVersion } from './images-found.ts'

/** Chunks that are held in memory at once on their way in or out: 4 MiB each and as much again while one is unpacked. */
const MOST_COMING = 12

/** Uploads by SHA-256: whole files, and chunks of disks. */
export function chunkHandlers({ images, maxUploadBytes }: ApiDependencies) {
  const coming = new Slots(MOST_COMING)
  return {
    async hasUpload({ params }) {
      const blob = await images.has(params.sha256)
      if (!blob)
        throw new Refusal('not-found', `these bytes are not here yet (SHA-256 ${params.sha256})`, {
          next: 'upload them with PUT',
        })
      return { sha256: blob.sha256, bytes: blob.bytes }
    },
    async putUpload({ params, body, about }) {
      const { sha256, bytes } = await images.blobs.put(body, { sha256: params.sha256, limit: maxUploadBytes })
      about(sha256, `${bytes} bytes`)
      return { sha256, bytes }
    },
    missingChunks: async ({ body }) => ({ missing: await images.chunks.missing(body.chunks) }),
    async putChunk({ params, query, body }) {
      return coming.run(async () => {
        const payload = await whole(body, MOST_PAYLOAD)
        const { added } = await images.chunks.put(params.sha256, { encoding: query.encoding, payload })
        return { sha256: params.sha256, added }
      })
    },
    async getChunk({ params, by, request, reply }) {
      const version = seenVersion(images, params, by)
      const list = version.files.find(({ role }) => role === 'chunks')
      const absent = () =>
        new Refusal('not-found', `${params.image}@${version.number} has no chunk ${params.sha256}`, {
          next: 'take chunks from the list of this version: its file with the role chunks',
        })
      if (!list || !(await images.disks.names(list.sha256, params.sha256))) throw absent()
      const chunk = await images.chunks.open(params.sha256)
      if (!chunk)
        throw new Refusal('corrupt', `the chunk ${params.sha256} of ${params.image}@${version.number} is missing`, {
          next: 'push the image again (reveille image push); that heals it',
        })
      reply.header('x-chunk-encoding', chunk.encoding).type('application/octet-stream')
      reply.header('cache-control', 'private, max-age=31536000, immutable').header('etag', `"${params.sha256}"`)
      reply.header('content-length', String(chunk.bytes))
      if (request.method === 'HEAD') chunk.pieces.destroy()
      await reply.send(request.method === 'HEAD' ? '' : chunk.pieces)
    },
  } satisfies HandlersOf<'hasUpload' | 'putUpload' | 'missingChunks' | 'putChunk' | 'getChunk'>
}

/** A small body as one piece. */
async function whole(body: AsyncIterable<Uint8Array>, limit: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  let bytes = 0
  for await (const piece of body) {
    bytes += piece.length
    if (bytes > limit) throw new Refusal('too-large', `a chunk has at most ${limit} bytes, however it is packed`)
    pieces.push(piece)
  }
  return Buffer.concat(pieces, bytes)
}

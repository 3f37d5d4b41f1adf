import type { Images } from '../images/images.ts'
import { Refusal } from '../kit/errors.ts'
import { CHUNK_BYTES, chunkCount, chunkLength, encodeChunkList } from '../protocols/chunks/list.ts'
import type { PublishedChunk } from './pool.ts'
import type { Volume } from './volume.ts'

export type Publication = Readonly<{ image: string; note: string; source: string; by: string }>

/**
 * Makes an image version of a volume: the chunk list of its base, with the chunks that differ. The chunks are in the store; published twice
 * from the same source without a change, it is the same version.
 */
export async function publishVersion(
  images: Images,
  volume: Pick<Volume, 'name' | 'base' | 'bytes'>,
  changed: readonly PublishedChunk[],
  { image: name, note, source, by }: Publication,
): Promise<number> {
  const { base, bytes } = volume
  const before = base ? await images.disks.list(base.chunks) : { bytes: 0, chunks: [] }
  const differs = new Map(changed.map(({ index, sha256 }) => [index, sha256]))
  const chunks: (string | null)[] = []
  for (let index = 0; index < chunkCount(bytes); index++) {
    const published = differs.get(index)
    const old = before.chunks[index] ?? null
    if (published !== undefined) chunks.push(published)
    else if (old === null) chunks.push(null)
    else chunks.push(await fitted(images, old, chunkLength(before, index), chunkLength({ bytes }, index)))
  }
  const encoded = encodeChunkList({ bytes, chunks })
  const { sha256 } = await images.blobs.put(once(encoded), { limit: encoded.length })
  await images.has(sha256)
  const image = images.get(name) ?? (await images.create({ name, kind: 'disk', owner: by, visibility: 'private' }))
  if (image.kind !== 'disk')
    throw new Refusal('wrong-state', `${name} is an image of kind ${image.kind}, and a volume is a disk`, {
      next: 'publish it to an image of another name',
    })
  const newest = image.versions.at(-1)
  if (newest?.source === source && newest.files.some((file) => file.role === 'chunks' && file.sha256 === sha256))
    return newest.number
  const files = [{ role: 'chunks' as const, name: `${name}.chunks`, sha256 }]
  return (await images.addVersion(name, { files, cmdline: '', note, source }, by)).lastNumber
}

/** The last chunk of a base is shorter or longer than the same chunk of a volume that was resized. */
async function fitted(images: Images, sha256: string, had: number, wanted: number): Promise<string | null> {
  if (had === wanted) return sha256
  const raw = await images.disks.chunk(sha256)
  const part = new Uint8Array(Math.min(wanted, CHUNK_BYTES))
  part.set(raw.subarray(0, part.length))
  if (part.every((byte) => byte === 0)) return null
  return (await images.chunks.add(part)).sha256
}

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes
}

import { maySee } from '../../../images/access.ts'
import { fetchRelease } from '../../../images/ingest/fetch-release.ts'
import { Refusal } from '../../../kit/errors.ts'
import { Slots } from '../../../kit/slots.ts'
import type { HandlersOf } from '../call.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { time, timeOrNull } from '../wire.ts'
import { changeableImage, wireImage } from './images-found.ts'

/** Releases are fetched one after another: who asks for one that somebody else is fetching gets that. */
const AT_ONCE = 1
/** Damaged chunks whose images are looked up; each takes a look into all chunk lists. */
const MOST_CORRUPT = 100

/** Releases from elsewhere, and the state of the chunk store. */
export function fetchHandlers({ images, scrub, maxUploadBytes, maxDiskBytes = 2 ** 41 }: ApiDependencies) {
  const fetching = new Slots(AT_ONCE)
  return {
    async fetchImage({ params, body, by, about }) {
      const name = params.image
      about(name, body.files.map(({ url }) => url).join(', '))
      const before = images.get(name) && changeableImage(images, name, by)
      if (before && before.kind !== body.kind)
        throw new Refusal('conflict', `${name} is a ${before.kind}, no ${body.kind}`, { next: 'choose another name' })
      const limits = { file: maxUploadBytes, disk: maxDiskBytes }
      const image = await fetching.run(() => fetchRelease(images, name, body, { by: by.name, limits }))
      about(`${name}@${image.lastNumber}`, body.files.map(({ url }) => url).join(', '))
      return wireImage(images, image)
    },
    async getChunkStore({ by }) {
      const corrupt = []
      for (const { sha256, detail, at } of images.chunks.corrupt().slice(0, MOST_CORRUPT)) {
        const having = await images.withChunk(sha256)
        const seen = having.filter((reference) => maySee(images.get(reference.split('@')[0]!)!, by))
        corrupt.push({ sha256, detail, at: time(at), images: seen })
      }
      return { ...(await images.chunks.usage()), scrubbedAt: timeOrNull(scrub?.finishedAt() ?? null), corrupt }
    },
  } satisfies HandlersOf<'fetchImage' | 'getChunkStore'>
}

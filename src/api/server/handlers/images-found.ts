import { type Asker, mayChange, maySee } from '../../../images/access.ts'
import type { Image, ImageVersion } from '../../../images/image.ts'
import type { Images } from '../../../images/images.ts'
import { Refusal } from '../../../kit/errors.ts'
import { orMeant } from '../../../kit/nearest.ts'
import type { ResponseOf } from '../../contract/route.ts'
import type { Contract } from '../../contract.ts'
import { time } from '../wire.ts'

export type WireImage = ResponseOf<Contract['getImage']>

/** The image, as far as the asker may see it: one that they may not see is not there. */
export function seenImage(images: Images, name: string, by: Asker): Image {
  const image = images.get(name)
  if (image && maySee(image, by)) return image
  const seen = images.all().filter((each) => maySee(each, by))
  const names = seen.map((each) => each.name)
  throw new Refusal('not-found', `there is no image ${name}`, {
    next: orMeant(name, names, 'list them: reveille image list'),
  })
}

/** The image, if the asker may change it. */
export function changeableImage(images: Images, name: string, by: Asker): Image {
  const image = seenImage(images, name, by)
  if (mayChange(image, by)) return image
  throw new Refusal('forbidden', `${name} belongs to ${image.owner}; ${by.name} may only use it`, {
    next: `ask ${image.owner} or an operator, or push it under another name`,
  })
}

/** A version of an image that may be seen. */
export function seenVersion(
  images: Images,
  { image: name, version: wanted }: Readonly<{ image: string; version: number | 'latest' }>,
  by: Asker,
): ImageVersion {
  const { versions } = seenImage(images, name, by)
  const version = wanted === 'latest' ? versions.at(-1) : versions.find(({ number }) => number === wanted)
  if (version) return version
  throw new Refusal('not-found', `image ${name} has no version ${wanted === 'latest' ? 'yet' : wanted}`, {
    next: `see its versions: reveille image show ${name}`,
  })
}

export function wireImage(images: Images, image: Image): WireImage {
  return {
    name: image.name,
    kind: image.kind,
    description: image.description,
    owner: image.owner,
    visibility: image.visibility,
    sharedWith: [...image.sharedWith],
    labels: image.labels,
    prune: image.prune,
    versions: image.versions.map((version) => ({
      ...version,
      files: [...version.files],
      disk: version.disk && { ...version.disk, filesystems: [...version.disk.filesystems] },
      createdAt: time(version.createdAt),
    })),
    latest: image.versions.at(-1)?.number ?? null,
    bytes: bytesOf(image),
    usedBy: [...images.usedBy(image.name)],
    createdAt: time(image.createdAt),
    updatedAt: time(image.updatedAt),
  }
}

/** Of all files, each once; of a disk what its oldest version has, and what each later one brought. */
function bytesOf({ versions }: Image): number {
  const sizes = new Map(versions.flatMap(({ files }) => files).map((file) => [file.sha256, file.bytes]))
  const files = [...sizes.values()].reduce((sum, bytes) => sum + bytes, 0)
  return versions.reduce(
    (sum, { disk }, index) => sum + ((index === 0 ? disk?.allocatedBytes : disk?.addedBytes) ?? 0),
    files,
  )
}

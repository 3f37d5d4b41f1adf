import type { Image, ImageVersion } from '../images/image.ts'
import { Refusal } from '../kit/errors.ts'
import type { VolumeBase } from './volume.ts'

/** Finds the version that `NAME` or `NAME@N` names. */
export type ResolveImage = (reference: string) => { image: Image; version: ImageVersion } | undefined

/** The content of an image version as the base of volumes; refused when it is not there or no disk. */
export function baseOf(reference: string, resolve: ResolveImage): VolumeBase {
  const found = resolve(reference)
  if (!found)
    throw new Refusal('not-found', `there is no image version ${reference}`, { next: 'list them: reveille image list' })
  const { image, version } = found
  const list = version.files.find(({ role }) => role === 'chunks')
  if (!list || !version.disk)
    throw new Refusal('wrong-state', `the image ${image.name} is of kind ${image.kind}; a volume is made of a disk`, {
      next: 'name an image of kind disk, or make an empty volume with a size',
    })
  return { image: image.name, version: version.number, chunks: list.sha256, bytes: version.disk.bytes }
}

export function nameOfBase({ image, version }: Pick<VolumeBase, 'image' | 'version'>): string {
  return `${image}@${version}`
}

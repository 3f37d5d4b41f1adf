import { pathOf } from '../../api/client/client.ts'
import { ROUTES } from '../../api/client/routes.ts'
import type { Image } from '../../api/contract/images.ts'

export type ImageVersion = Image['versions'][number]

/** Where the content of a version is downloaded. */
export function contentPath(
  image: Pick<Image, 'name'>,
  version: Pick<ImageVersion, 'number'>,
  query: { file?: string; compress?: 'zstd' | 'gzip' },
): string {
  return pathOf(ROUTES.getContent[1], { image: image.name, version: version.number }, query)
}

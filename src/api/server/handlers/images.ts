import { maySee } from '../../../images/access.ts'
import type { Image } from '../../../images/image.ts'
import { Refusal } from '../../../kit/errors.ts'
import type { HandlersOf } from '../call.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { pageOf, says } from '../paging.ts'
import { changeableImage, seenImage, seenVersion, wireImage } from './images-found.ts'

export function imageHandlers({ access, images }: ApiDependencies) {
  const toWire = (image: Image) => wireImage(images, image)
  const refuseUnknownUsers = (names: readonly string[]) => {
    const known = new Set(access.users().map(({ name }) => name))
    const unknown = names.filter((name) => !known.has(name))
    if (unknown.length > 0)
      throw new Refusal('validation-failed', `there is no user ${unknown.join(', ')}`, { next: 'reveille user list' })
  }

  return {
    listImages({ query, by }) {
      const found = images
        .all()
        .filter((image) => maySee(image, by))
        .filter((image) => query.kind === undefined || image.kind === query.kind)
        .filter((image) => says(query.q, image.name, image.description, ...Object.entries(image.labels).flat()))
      return pageOf(found, query, (image) => image.name, toWire)
    },
    async createImage({ body, by, about }) {
      about(body.name, body.kind)
      refuseUnknownUsers(body.sharedWith)
      return toWire(await images.create({ ...body, owner: by.name }))
    },
    getImage: ({ params, by }) => toWire(seenImage(images, params.image, by)),
    async updateImage({ params, body, by }) {
      changeableImage(images, params.image, by)
      refuseUnknownUsers([...(body.owner === undefined ? [] : [body.owner]), ...(body.sharedWith ?? [])])
      return toWire(await images.update(params.image, body))
    },
    async deleteImage({ params, by }) {
      changeableImage(images, params.image, by)
      await images.remove(params.image)
    },
    async createVersion({ params, body, by, about }) {
      about(params.image)
      changeableImage(images, params.image, by)
      const image = await images.addVersion(params.image, body, by.name)
      about(`${image.name}@${image.lastNumber}`, body.files.map((file) => `${file.role} ${file.name}`).join(', '))
      return toWire(image)
    },
    async updateVersion({ params, body, by }) {
      changeableImage(images, params.image, by)
      return toWire(await images.updateVersion(params.image, seenVersion(images, params, by).number, body))
    },
    async deleteVersion({ params, by, about }) {
      changeableImage(images, params.image, by)
      const { number } = seenVersion(images, params, by)
      about(`${params.image}@${number}`)
      await images.removeVersion(params.image, number)
    },
  } satisfies HandlersOf<
    | 'listImages'
    | 'createImage'
    | 'getImage'
    | 'updateImage'
    | 'deleteImage'
    | 'createVersion'
    | 'deleteVersion'
    | 'updateVersion'
  >
}

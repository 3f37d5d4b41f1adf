import { maySee } from '../../../images/access.ts'
import type { Image, ImageVersion } from '../../../images/image.ts'
import { Refusal } from '../../../kit/errors.ts'
import type { HandlersOf } from '../call.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { sendBlob } from '../download.ts'
import { pageOf } from '../paging.ts'
import { changeableImage, seenImage, seenVersion, wireImage } from './images-found.ts'

export function imageHandlers({ access, images, maxUploadBytes }: ApiDependencies) {
  const toWire = (image: Image) => wireImage(images, image)
  const refuseUnknownUsers = (names: readonly string[]) => {
    const known = new Set(access.users().map(({ name }) => name))
    const unknown = names.filter((name) => !known.has(name))
    if (unknown.length > 0)
      throw new Refusal('validation-failed', `there is no user ${unknown.join(', ')}`, { next: 'reveille user list' })
  }

  const later = (): never => {
    throw new Refusal('not-available', 'this is not built yet')
  }

  return {
    listImages({ query, by }) {
      const q = query.q?.toLowerCase() ?? ''
      const found = images
        .all()
        .filter((image) => maySee(image, by))
        .filter((image) => query.kind === undefined || image.kind === query.kind)
        .filter((image) => image.name.includes(q) || image.description.toLowerCase().includes(q))
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
    async putContent({ params, body, by, about }) {
      const name = params.image
      about(name)
      const before = images.get(name) && changeableImage(images, name, by)
      if (before && before.kind !== 'iso')
        throw new Refusal('wrong-state', `${name} is a ${before.kind}: one file makes no version of it`, {
          next: `push kernel and initrds: reveille image push ${name} --kernel F --initrd F`,
        })
      const blob = await images.blobs.put(body, { limit: maxUploadBytes })
      if (blob.bytes === 0)
        throw new Refusal('validation-failed', 'the body is empty', { next: 'send the file: curl -T disc.iso URL' })
      if (!images.get(name)) await images.create({ name, kind: 'iso', description: '', owner: by.name })
      const files = [{ role: 'iso' as const, name: `${name}.iso`, sha256: blob.sha256 }]
      const image = await images.addVersion(name, { files, cmdline: '', note: '' }, by.name)
      about(`${name}@${image.lastNumber}`, `${blob.bytes} bytes, SHA-256 ${blob.sha256}`)
      return toWire(image)
    },
    async getContent({ params, query, by, request, reply }) {
      const { files, number } = seenVersion(images, params, by)
      const file = query.file === undefined ? files[0] : files.find((each) => each.name === query.file)
      if (!file || (query.file === undefined && files.length > 1))
        throw new Refusal('not-found', `${params.image}@${number} has the files ${names(files)}`, {
          next: 'name one of them: ?file=NAME',
        })
      const path = await images.blobs.path(file.sha256)
      if (path === undefined)
        throw new Refusal('not-available', `the bytes of ${file.name} (SHA-256 ${file.sha256}) are missing`, {
          next: 'restore the data directory from a backup, or upload the file again',
        })
      await sendBlob(request, reply, { path, sha256: file.sha256, bytes: file.bytes, name: file.name })
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
    verifyVersion: later,
    fetchImage: later,
    getChunkStore: later,
  } satisfies HandlersOf<
    | 'listImages'
    | 'createImage'
    | 'getImage'
    | 'updateImage'
    | 'deleteImage'
    | 'createVersion'
    | 'putContent'
    | 'getContent'
    | 'deleteVersion'
    | 'updateVersion'
    | 'verifyVersion'
    | 'fetchImage'
    | 'getChunkStore'
  >
}

function names(files: ImageVersion['files']): string {
  return files.map((file) => file.name).join(', ')
}

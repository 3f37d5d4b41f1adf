import type { Image, ImageVersion } from '../../../images/image.ts'
import { Refusal } from '../../../kit/errors.ts'
import type { ResponseOf } from '../../contract/route.ts'
import type { Contract } from '../../contract.ts'
import type { HandlersOf } from '../call.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { sendBlob } from '../download.ts'
import { pageOf } from '../paging.ts'
import { time } from '../wire.ts'

type WireImage = ResponseOf<Contract['getImage']>

export function imageHandlers({ images, maxUploadBytes }: ApiDependencies) {
  const known = (name: string): Image => {
    const image = images.get(name)
    if (!image) throw new Refusal('not-found', `there is no image ${name}`, { next: 'list them: reveille image list' })
    return image
  }
  const versionOf = (name: string, number: number | 'latest'): ImageVersion => {
    const image = known(name)
    const version = number === 'latest' ? image.versions.at(-1) : image.versions.find((each) => each.number === number)
    if (!version)
      throw new Refusal('not-found', `image ${name} has no version ${number === 'latest' ? 'yet' : number}`, {
        next: `see its versions: reveille image show ${name}`,
      })
    return version
  }
  const toWire = (image: Image): WireImage => {
    const files = image.versions.flatMap((version) => version.files)
    const sizes = new Map(files.map((file) => [file.sha256, file.bytes]))
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
      bytes: [...sizes.values()].reduce((sum, bytes) => sum + bytes, 0),
      usedBy: [...images.usedBy(image.name)],
      createdAt: time(image.createdAt),
      updatedAt: time(image.updatedAt),
    }
  }

  const later = (): never => {
    throw new Refusal('not-available', 'this is not built yet')
  }

  return {
    listImages({ query }) {
      const q = query.q?.toLowerCase() ?? ''
      const found = images
        .all()
        .filter((image) => query.kind === undefined || image.kind === query.kind)
        .filter((image) => image.name.includes(q) || image.description.toLowerCase().includes(q))
      return pageOf(found, query, (image) => image.name, toWire)
    },
    async createImage({ body, by, about }) {
      about(body.name, body.kind)
      return toWire(await images.create({ ...body, owner: by.name }))
    },
    getImage: ({ params }) => toWire(known(params.image)),
    updateImage: async ({ params, body }) =>
      toWire(await images.update(params.image, { description: body.description ?? known(params.image).description })),
    deleteImage: ({ params }) => images.remove(params.image),
    async createVersion({ params, body, by, about }) {
      about(params.image)
      const image = await images.addVersion(params.image, body, by.name)
      about(`${image.name}@${image.lastNumber}`, body.files.map((file) => `${file.role} ${file.name}`).join(', '))
      return toWire(image)
    },
    async putContent({ params, body, by, about }) {
      const name = params.image
      about(name)
      const before = images.get(name)
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
    async getContent({ params, query, request, reply }) {
      const { files, number } = versionOf(params.image, params.version)
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
    async deleteVersion({ params, about }) {
      const { number } = versionOf(params.image, params.version)
      about(`${params.image}@${number}`)
      await images.removeVersion(params.image, number)
    },
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
    updateVersion: later,
    verifyVersion: later,
    fetchImage: later,
    missingChunks: later,
    putChunk: later,
    getChunk: later,
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
    | 'hasUpload'
    | 'putUpload'
    | 'updateVersion'
    | 'verifyVersion'
    | 'fetchImage'
    | 'missingChunks'
    | 'putChunk'
    | 'getChunk'
    | 'getChunkStore'
  >
}

function names(files: ImageVersion['files']): string {
  return files.map((file) => file.name).join(', ')
}

import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { rawBytes } from '../../../images/content.ts'
import type { ImageFile, ImageVersion } from '../../../images/image.ts'
import { takeDisk } from '../../../images/ingest/take-disk.ts'
import { singleRole } from '../../../images/rules.ts'
import { type Verified, verifyDisk } from '../../../images/verify.ts'
import { Refusal } from '../../../kit/errors.ts'
import type { HandlersOf } from '../call.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { sendBlob, sendContent, sendPacked, startedStream } from '../download.ts'
import { changeableImage, seenVersion, wireImage } from './images-found.ts'

/** The content of versions, whole: on its way in, out, and read again where it is. */
export function contentHandlers({ images, maxUploadBytes, maxDiskBytes = 2 ** 41 }: ApiDependencies) {
  const limits = { file: maxUploadBytes, disk: maxDiskBytes }

  const pathOf = async (file: ImageFile): Promise<string> => {
    const path = await images.blobs.path(file.sha256)
    if (path !== undefined) return path
    throw new Refusal('not-available', `the bytes of ${file.name} (SHA-256 ${file.sha256}) are missing`, {
      next: 'restore the data directory from a backup, or upload the file again',
    })
  }

  const verifyFile = async (file: ImageFile): Promise<Verified> => {
    const hash = createHash('sha256')
    for await (const piece of createReadStream(await pathOf(file), { highWaterMark: 1_048_576 })) hash.update(piece)
    const sha256 = hash.digest('hex')
    const problems =
      sha256 === file.sha256 ? [] : [`${file.name} has the SHA-256 ${sha256} instead of ${file.sha256}: it is damaged`]
    return { bytes: file.bytes, chunks: 0, sha256, problems }
  }

  return {
    async putContent({ params, query, body, by, about }) {
      const name = params.image
      about(name)
      const before = images.get(name) && changeableImage(images, name, by)
      if (before && query.kind !== undefined && query.kind !== before.kind)
        throw new Refusal('conflict', `${name} is a ${before.kind}, no ${query.kind}`, { next: 'choose another name' })
      const kind = before?.kind ?? query.kind ?? 'iso'
      const role = singleRole(kind)
      if (role === undefined)
        throw new Refusal('wrong-state', `${name} is a ${kind}: one file makes no version of it`, {
          next: `push kernel and initrds: reveille image push ${name} --kernel F --initrd F`,
        })
      const { format, sha256, note } = query
      if (role !== 'chunks' && format !== 'auto' && format !== 'raw')
        throw new Refusal('validation-failed', `a file of kind ${kind} is taken as it is, not as ${format}`)
      const add = async (file: Readonly<{ sha256: string; name: string }>, raw: string | null, detail: string) => {
        if (!images.get(name)) await images.create({ name, kind, owner: by.name, visibility: 'private' })
        const given = { files: [{ role, ...file }], cmdline: '', note, sha256: raw }
        const image = await images.addVersion(name, given, by.name)
        about(`${name}@${image.lastNumber}`, detail)
        return wireImage(images, image)
      }
      if (role === 'chunks') {
        const taken = await takeDisk(images, body, { format, sha256, limits })
        const detail = `${taken.bytes} bytes from ${taken.format}, SHA-256 ${taken.sha256}`
        return add({ sha256: taken.chunks, name: `${name}.chunks` }, taken.sha256, detail)
      }
      const blob = await images.blobs.put(body, { limit: maxUploadBytes, ...(sha256 === undefined ? {} : { sha256 }) })
      if (blob.bytes === 0)
        throw new Refusal('validation-failed', 'the body is empty', { next: 'send the file: curl -T disc.iso URL' })
      return add({ sha256: blob.sha256, name: `${name}.${kind}` }, null, `${blob.bytes} bytes, SHA-256 ${blob.sha256}`)
    },

    async getContent({ params, query, by, request, reply }) {
      const { files, number, disk } = seenVersion(images, params, by)
      const file = query.file === undefined ? files[0] : files.find((each) => each.name === query.file)
      if (!file || (query.file === undefined && files.length > 1))
        throw new Refusal('not-found', `${params.image}@${number} has the files ${names(files)}`, {
          next: 'name one of them: ?file=NAME',
        })
      const wantsDisk = disk !== null && query.file === undefined
      const open = async (start = 0, end = wantsDisk ? disk.bytes : file.bytes) => {
        const release = images.hold(file.sha256)
        if (wantsDisk)
          return startedStream(rawBytes(images.disks, await images.disks.list(file.sha256), start, end), release)
        const stream = createReadStream(await pathOf(file), { start, end: end - 1, highWaterMark: 262_144 })
        return stream.once('close', release)
      }
      const name = wantsDisk ? `${params.image}-${number}.img` : file.name
      if (query.compress !== 'none')
        return sendPacked(request, reply, { etag: file.sha256, name }, query.compress, () => open())
      if (!wantsDisk)
        return sendBlob(request, reply, { path: await pathOf(file), sha256: file.sha256, bytes: file.bytes, name })
      const content = { etag: file.sha256, sha256: disk.sha256, bytes: disk.bytes, name }
      await sendContent(request, reply, content, open)
    },

    async verifyVersion({ params, by }) {
      const version = seenVersion(images, params, by)
      const list = version.files.find(({ role }) => role === 'chunks')
      if (version.disk && list) {
        const release = images.hold(list.sha256)
        try {
          const found = await verifyDisk(images.disks, list.sha256, createHash('sha256'), version.disk.sha256)
          if (found.sha256 !== null) await images.learnSha256(params.image, version.number, found.sha256)
          return { ...found, ok: found.problems.length === 0, problems: [...found.problems] }
        } finally {
          release()
        }
      }
      const found = []
      for (const file of version.files) found.push(await verifyFile(file))
      const problems = found.flatMap((each) => each.problems)
      const bytes = found.reduce((sum, each) => sum + each.bytes, 0)
      const sha256 = found.length === 1 ? found[0]!.sha256 : null
      return { ok: problems.length === 0, bytes, chunks: 0, sha256, problems }
    },
  } satisfies HandlersOf<'putContent' | 'getContent' | 'verifyVersion'>
}

function names(files: ImageVersion['files']): string {
  return files.map((file) => file.name).join(', ')
}

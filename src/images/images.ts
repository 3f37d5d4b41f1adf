import type { Clock } from '../kit/clock.ts'
import { Refusal } from '../kit/errors.ts'
import type { FileRole, Image, ImageFile, ImageKind, ImageVersion, Visibility } from './image.ts'
import type { BlobStat, BlobStore, ImageRepository } from './repository.ts'

const DAY_MS = 86_400_000

/** What a new version is made of: files in order, their bytes uploaded before. */
export type NewVersion = Readonly<{
  files: readonly Readonly<{ role: FileRole; name: string; sha256: string }>[]
  cmdline: string
  note: string
}>

/**
 * Names of the profiles that name an image; with `version`, of those that pin just that one (`NAME@N`).
 */
export type ImageUsers = (name: string, version?: number) => readonly string[]

type Dependencies = Readonly<{
  repository: ImageRepository
  blobs: BlobStore
  clock: Clock
  events: { publish(event: { topic: 'image'; id: string; change: 'saved' | 'removed' }): void }
  usedBy: ImageUsers
}>

/** Splits `NAME` or `NAME@N`; `undefined` when the part behind the `@` is no version number. */
export function parseImageReference(reference: string): { name: string; version: number | undefined } | undefined {
  const at = reference.indexOf('@')
  if (at < 0) return { name: reference, version: undefined }
  const digits = reference.slice(at + 1)
  return /^[1-9][0-9]{0,8}$/.test(digits) ? { name: reference.slice(0, at), version: Number(digits) } : undefined
}

/** Why these files make no version of this kind, in one sentence; `undefined` when they do. */
export function refuseFiles(kind: ImageKind, files: NewVersion['files']): string | undefined {
  const count = (role: FileRole) => files.filter((file) => file.role === role).length
  const names = new Set(files.map((file) => file.name))
  if (names.size < files.length) return 'two files have the same name'
  if (kind === 'bundle') {
    if (count('kernel') !== 1) return `a bundle has exactly one kernel, not ${count('kernel')}`
    if (count('iso') > 0) return 'a bundle has a kernel and initrds, no iso'
  } else if (count('iso') !== 1 || files.length !== 1) return 'an iso image has exactly one file, with the role iso'
  return undefined
}

/** The library of images: all in memory, every change durable before it is seen. Changes happen one after another. */
export class Images {
  readonly blobs: BlobStore
  readonly #with: Dependencies
  readonly #images: Map<string, Image>
  /** When somebody was told that a blob is here; they may be about to build a version on that answer. */
  readonly #promised = new Map<string, number>()
  #last: Promise<unknown> = Promise.resolve()

  private constructor(dependencies: Dependencies, images: readonly Image[]) {
    this.#with = dependencies
    this.blobs = dependencies.blobs
    this.#images = new Map(images.map((image) => [image.name, image]))
  }

  static async open(dependencies: Dependencies): Promise<Images> {
    return new Images(dependencies, await dependencies.repository.all())
  }

  /** Sorted by name. */
  all(): Image[] {
    return [...this.#images.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  get(name: string): Image | undefined {
    return this.#images.get(name)
  }

  /** The version that `NAME@N` names, or the newest one of `NAME`. */
  resolve(reference: string): { image: Image; version: ImageVersion } | undefined {
    const parsed = parseImageReference(reference)
    const image = parsed && this.#images.get(parsed.name)
    const version = parsed?.version
      ? image?.versions.find(({ number }) => number === parsed.version)
      : image?.versions.at(-1)
    return image && version ? { image, version } : undefined
  }

  /** An image that has a file with these bytes, and what the file is in it. */
  describe(sha256: string): { image: string; role: FileRole } | undefined {
    for (const image of this.#images.values())
      for (const { files } of image.versions)
        for (const file of files) if (file.sha256 === sha256) return { image: image.name, role: file.role }
    return undefined
  }

  /** Names of the profiles that name this image. */
  usedBy(name: string): readonly string[] {
    return this.#with.usedBy(name)
  }

  /** Whether a blob is here. A yes keeps it from `collect` for a day, so that a version can be built on the answer. */
  async has(sha256: string): Promise<BlobStat | undefined> {
    const blob = await this.blobs.stat(sha256)
    if (blob) this.#promised.set(sha256, this.#with.clock.now())
    return blob
  }

  create(
    given: Readonly<{ name: string; kind: ImageKind; description: string; owner?: string; visibility?: Visibility }>,
  ): Promise<Image> {
    return this.#inTurn(() => {
      if (this.#images.has(given.name))
        throw new Refusal('conflict', `there is an image ${given.name} already`, {
          next: `choose another name, or add a version to ${given.name}`,
        })
      const now = this.#with.clock.now()
      return this.#save({
        owner: 'admin',
        visibility: 'public',
        sharedWith: [],
        labels: {},
        prune: null,
        ...given,
        versions: [],
        lastNumber: 0,
        createdAt: now,
        updatedAt: now,
      })
    })
  }

  update(name: string, patch: Readonly<{ description: string }>): Promise<Image> {
    return this.#inTurn(() =>
      this.#save({ ...this.#existing(name), description: patch.description, updatedAt: this.#with.clock.now() }),
    )
  }

  /** Refused (`in-use`) while a profile names the image. */
  remove(name: string): Promise<void> {
    return this.#inTurn(async () => {
      this.#existing(name)
      this.#refuseIfUsed(`image ${name}`, this.#with.usedBy(name))
      await this.#with.repository.remove(name)
      this.#images.delete(name)
      this.#with.events.publish({ topic: 'image', id: name, change: 'removed' })
    })
  }

  addVersion(name: string, given: NewVersion, by: string): Promise<Image> {
    return this.#inTurn(async () => {
      const image = this.#existing(name)
      const refused = refuseFiles(image.kind, given.files)
      if (refused) throw new Refusal('validation-failed', `no version of ${name} can be made: ${refused}`)
      const files: ImageFile[] = []
      for (const file of given.files) {
        const blob = await this.blobs.stat(file.sha256)
        if (!blob)
          throw new Refusal('not-found', `the bytes of ${file.name} (SHA-256 ${file.sha256}) were never uploaded`, {
            next: `upload them with PUT /api/v1/uploads/${file.sha256} and try again`,
          })
        files.push({ role: file.role, name: file.name, sha256: file.sha256, bytes: blob.bytes })
      }
      const now = this.#with.clock.now()
      const number = image.lastNumber + 1
      const version = {
        number,
        files,
        cmdline: given.cmdline,
        note: given.note,
        disk: null,
        pinned: false,
        source: 'upload',
        createdAt: now,
        createdBy: by,
      }
      return this.#save({ ...image, versions: [...image.versions, version], lastNumber: number, updatedAt: now })
    })
  }

  /** Refused (`in-use`) while a profile pins the version, or needs it because the image has no other. */
  removeVersion(name: string, number: number): Promise<Image> {
    return this.#inTurn(() => {
      const image = this.#existing(name)
      const versions = image.versions.filter((version) => version.number !== number)
      if (versions.length === image.versions.length)
        throw new Refusal('not-found', `image ${name} has no version ${number}`)
      this.#refuseIfUsed(`${name}@${number}`, this.#with.usedBy(name, number))
      if (versions.length === 0) this.#refuseIfUsed(`the only version of ${name}`, this.#with.usedBy(name))
      return this.#save({ ...image, versions, updatedAt: this.#with.clock.now() })
    })
  }

  /** Deletes blobs that no version refers to and that nobody stored or asked for within a day; returns what went. */
  collect(): Promise<{ blobs: number; bytes: number }> {
    return this.#inTurn(async () => {
      const storedBefore = this.#with.clock.now() - DAY_MS
      for (const [sha256, at] of this.#promised) if (at < storedBefore) this.#promised.delete(sha256)
      const referenced = new Set<string>()
      for (const image of this.#images.values())
        for (const version of image.versions) for (const file of version.files) referenced.add(file.sha256)
      const gone = { blobs: 0, bytes: 0 }
      for (const blob of await this.blobs.list()) {
        if (blob.storedAt >= storedBefore || referenced.has(blob.sha256) || this.#promised.has(blob.sha256)) continue
        if (!(await this.blobs.remove(blob.sha256, { storedBefore }))) continue
        gone.blobs++
        gone.bytes += blob.bytes
      }
      return gone
    })
  }

  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const result = this.#last.then(change)
    this.#last = result.catch(() => undefined)
    return result
  }

  #existing(name: string): Image {
    const image = this.#images.get(name)
    if (!image) throw new Refusal('not-found', `there is no image ${name}`, { next: 'reveille image list shows all' })
    return image
  }

  #refuseIfUsed(what: string, users: readonly string[]): void {
    if (users.length === 0) return
    throw new Refusal(
      'in-use',
      `${what} is in use by ${users.length === 1 ? 'profile' : 'profiles'} ${users.join(', ')}`,
      {
        next: 'let them name another image, or delete them first',
      },
    )
  }

  async #save(image: Image): Promise<Image> {
    await this.#with.repository.save(image)
    this.#images.set(image.name, image)
    this.#with.events.publish({ topic: 'image', id: image.name, change: 'saved' })
    return image
  }
}

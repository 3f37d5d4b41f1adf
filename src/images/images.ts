import type { Clock } from '../kit/clock.ts'
import { Refusal } from '../kit/errors.ts'
import type { ChunkStore } from './chunk-store.ts'
import { collect, type Gone, type Needed } from './collect.ts'
import { Disks, type InspectDisk } from './disks.ts'
import { HashSet } from './hash-set.ts'
import type { FileRole, Image, ImageFile, ImageKind, ImageVersion, PruneRule, Visibility } from './image.ts'
import type { BlobStat, BlobStore, ImageRepository } from './repository.ts'
import { parseImageReference, pruneable, refuseFiles } from './rules.ts'

/** What a new version is made of: files in order, their bytes uploaded before. */
export type NewVersion = Readonly<{
  files: readonly Readonly<{ role: FileRole; name: string; sha256: string }>[]
  cmdline: string
  note: string
  /** Where it came from; `upload` unless given. */
  source?: string
  /** SHA-256 of the raw content of a disk, when somebody has computed it. */
  sha256?: string | null
  pinned?: boolean
}>

/** What can be said of an image besides its name and kind. */
export type ImageDetails = Readonly<{
  description: string
  owner: string
  visibility: Visibility
  sharedWith: readonly string[]
  labels: Readonly<Record<string, string>>
  prune: PruneRule
}>

/**
 * Names of the profiles that name an image; with `version`, of those that pin just that one (`NAME@N`).
 */
export type ImageUsers = (name: string, version?: number) => readonly string[]

type Dependencies = Readonly<{
  repository: ImageRepository
  blobs: BlobStore
  chunks: ChunkStore
  clock: Clock
  events: { publish(event: { topic: 'image'; id: string; change: 'saved' | 'removed' }): void }
  usedBy: ImageUsers
  /** What else needs an image or, with `version`, just that version, in words such as `deployment d_12`. */
  heldBy?: ImageUsers | undefined
  /** SHA-256 of blobs that must stay though no version has them, such as chunk lists that deployments go by; their chunks stay too. */
  keeps?: (() => Iterable<string>) | undefined
  inspect?: InspectDisk | undefined
}>

/** The library of images: all in memory, every change durable before it is seen. Changes happen one after another. */
export class Images {
  readonly blobs: BlobStore
  readonly chunks: ChunkStore
  readonly disks: Disks
  readonly #with: Dependencies
  readonly #images: Map<string, Image>
  /** When somebody was told that a blob is here; they may be about to build a version on that answer. */
  readonly #promised = new Map<string, number>()
  /** Blobs that running transfers read, and by how many. */
  readonly #transfers = new Map<string, number>()
  /** The chunks of all versions; `undefined` until it is needed, and when a version went. */
  #known: HashSet | undefined
  #last: Promise<unknown> = Promise.resolve()

  private constructor(dependencies: Dependencies, images: readonly Image[]) {
    this.#with = dependencies
    this.blobs = dependencies.blobs
    this.chunks = dependencies.chunks
    this.disks = new Disks(dependencies)
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

  /** Versions (`NAME@N`) that have this chunk. Looks into all chunk lists. */
  async withChunk(sha256: string): Promise<string[]> {
    const found: string[] = []
    for (const { name, versions } of this.all())
      for (const { number, files } of versions)
        for (const file of files) {
          if (file.role !== 'chunks') continue
          // A list that is damaged itself is named by `verify`.
          if (await this.disks.names(file.sha256, sha256).catch(() => false)) found.push(`${name}@${number}`)
        }
    return found
  }

  /** Keeps a blob, and the chunks of it if it is a chunk list, from `collect` until the returned function is called. */
  hold(sha256: string): () => void {
    this.#transfers.set(sha256, (this.#transfers.get(sha256) ?? 0) + 1)
    let held = true
    return () => {
      const count = this.#transfers.get(sha256) ?? 0
      if (held && count > 1) this.#transfers.set(sha256, count - 1)
      else if (held) this.#transfers.delete(sha256)
      held = false
    }
  }

  /** Deletes a blob that was only needed for a moment, unless somebody else needs it too. */
  discard(sha256: string): Promise<void> {
    return this.#inTurn(async () => {
      if (!this.#needed().blobs.has(sha256) && !this.#promised.has(sha256)) await this.blobs.remove(sha256)
    })
  }

  /** Public and of `admin` unless given. */
  create(given: Readonly<{ name: string; kind: ImageKind }> & Partial<ImageDetails>): Promise<Image> {
    return this.#inTurn(() => {
      if (this.#images.has(given.name))
        throw new Refusal('conflict', `there is an image ${given.name} already`, {
          next: `choose another name, or add a version to ${given.name}`,
        })
      const now = this.#with.clock.now()
      return this.#save({
        description: '',
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

  /** A new prune rule works at once. */
  update(name: string, patch: Partial<ImageDetails>): Promise<Image> {
    return this.#inTurn(() =>
      this.#save(this.#pruned({ ...this.#existing(name), ...defined(patch), updatedAt: this.#with.clock.now() })),
    )
  }

  updateVersion(name: string, number: number, patch: Readonly<{ pinned?: boolean; note?: string }>): Promise<Image> {
    return this.#inTurn(() => {
      const image = this.#existing(name)
      if (!image.versions.some((version) => version.number === number)) throw noVersion(name, number)
      const versions = image.versions.map((version) =>
        version.number === number ? { ...version, ...defined(patch) } : version,
      )
      return this.#save({ ...image, versions, updatedAt: this.#with.clock.now() })
    })
  }

  /** Refused (`in-use`) while a profile names the image. */
  remove(name: string): Promise<void> {
    return this.#inTurn(async () => {
      this.#existing(name)
      this.#refuseIfUsed(`image ${name}`, name)
      await this.#with.repository.remove(name)
      this.#images.delete(name)
      this.#known = undefined
      this.#with.events.publish({ topic: 'image', id: name, change: 'removed' })
    })
  }

  /** The bytes must be here, of a disk all chunks; old versions go if the prune rule says so. */
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
      const list = files.find(({ role }) => role === 'chunks')
      const disk = list ? await this.disks.content(list.sha256, await this.#chunksKnown(), given.sha256 ?? null) : null
      const now = this.#with.clock.now()
      const number = image.lastNumber + 1
      const version = {
        number,
        files,
        cmdline: given.cmdline,
        note: given.note,
        disk,
        pinned: given.pinned ?? false,
        source: given.source ?? 'upload',
        createdAt: now,
        createdBy: by,
      }
      const versions = [...image.versions, version]
      const saved = await this.#save(this.#pruned({ ...image, versions, lastNumber: number, updatedAt: now }))
      if (list) for (const chunk of (await this.disks.list(list.sha256)).chunks) if (chunk) this.#known?.add(chunk)
      return saved
    })
  }

  /** Notes the SHA-256 of the raw content of a disk, once somebody has computed it. */
  learnSha256(name: string, number: number, sha256: string): Promise<void> {
    return this.#inTurn(async () => {
      const image = this.#images.get(name)
      const version = image?.versions.find((each) => each.number === number)
      if (!image || !version?.disk || version.disk.sha256 !== null) return
      const learned = { ...version, disk: { ...version.disk, sha256 } }
      await this.#save({ ...image, versions: image.versions.map((each) => (each === version ? learned : each)) })
    })
  }

  /** Lets go what the prune rules let go by now; returns how many versions. */
  async prune(): Promise<number> {
    let gone = 0
    for (const { name } of this.all())
      await this.#inTurn(async () => {
        const image = this.#images.get(name)
        const pruned = image && this.#pruned(image)
        if (!pruned || pruned === image) return
        gone += image.versions.length - pruned.versions.length
        await this.#save(pruned)
      })
    return gone
  }

  /** Refused (`in-use`) while a profile pins the version, or needs it because the image has no other. */
  removeVersion(name: string, number: number): Promise<Image> {
    return this.#inTurn(() => {
      const image = this.#existing(name)
      const versions = image.versions.filter((version) => version.number !== number)
      if (versions.length === image.versions.length) throw noVersion(name, number)
      this.#refuseIfUsed(`${name}@${number}`, name, number)
      if (versions.length === 0) this.#refuseIfUsed(`the only version of ${name}`, name)
      this.#known = undefined
      return this.#save({ ...image, versions, updatedAt: this.#with.clock.now() })
    })
  }

  /**
   * Deletes blobs and chunks that no version, deployment or running transfer needs and that nobody stored or asked for within a day;
   * returns what went.
   */
  async collect(): Promise<Gone> {
    return collect({
      blobs: this.blobs,
      chunks: this.chunks,
      disks: this.disks,
      clock: this.#with.clock,
      promised: this.#promised,
      inTurn: (work) => this.#inTurn(work),
      needed: () => this.#needed(),
    })
  }

  #needed(): Needed {
    const kept = [...(this.#with.keeps?.() ?? []), ...this.#transfers.keys()]
    const files = [...this.#images.values()].flatMap(({ versions }) => versions.flatMap((version) => version.files))
    return {
      blobs: new Set([...kept, ...files.map(({ sha256 }) => sha256)]),
      lists: new Set(files.filter(({ role }) => role === 'chunks').map(({ sha256 }) => sha256)),
      kept,
    }
  }

  async #chunksKnown(): Promise<HashSet> {
    if (this.#known) return this.#known
    const known = new HashSet()
    for (const sha256 of this.#needed().lists) {
      // A damaged list is named by `verify`; here it only makes a figure too large.
      const list = await this.disks.list(sha256).catch(() => undefined)
      for (const chunk of list?.chunks ?? []) if (chunk !== null) known.add(chunk)
    }
    this.#known = known
    return known
  }

  /** The image without what its prune rule lets go: itself when that is nothing. */
  #pruned(image: Image): Image {
    const gone = new Set(pruneable(image, (number) => this.#users(image.name, number).length > 0))
    if (gone.size === 0) return image
    this.#known = undefined
    return { ...image, versions: image.versions.filter(({ number }) => !gone.has(number)) }
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

  #users(name: string, version?: number): string[] {
    const profiles = this.#with.usedBy(name, version)
    const named =
      profiles.length > 0 ? [`${profiles.length === 1 ? 'profile' : 'profiles'} ${profiles.join(', ')}`] : []
    return [...named, ...(this.#with.heldBy?.(name, version) ?? [])]
  }

  #refuseIfUsed(what: string, name: string, version?: number): void {
    const users = this.#users(name, version)
    if (users.length === 0) return
    throw new Refusal('in-use', `${what} is in use by ${users.join(', ')}`, {
      next: 'let them name another image, or delete them first',
    })
  }

  async #save(image: Image): Promise<Image> {
    await this.#with.repository.save(image)
    this.#images.set(image.name, image)
    this.#with.events.publish({ topic: 'image', id: image.name, change: 'saved' })
    return image
  }
}

function noVersion(name: string, number: number): Refusal {
  return new Refusal('not-found', `image ${name} has no version ${number}`, {
    next: `see its versions: reveille image show ${name}`,
  })
}

/** What a patch leaves out stays as it is. */
function defined<T extends object>(patch: T): Partial<T> {
  return Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined)) as Partial<T>
}

// Wiring: FlatPool.open(DIRECTORY, { chunks, listOf, sweep: true }), for the engines tgt and lio, which serve paths: pool.path(id). What an engine
// writes through the path is not seen here: end its sessions (withdraw the target) before snapshot, revert, resize, publish(null) and remove.
import { randomBytes } from 'node:crypto'
import { mkdir, open, readdir, rename, rm, stat, statfs, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import type { ChunkStore } from '../../../images/chunk-store.ts'
import { absentAsUndefined, errorCode, syncDirectory } from '../../../images/durable/files.ts'
import { Refusal } from '../../../kit/errors.ts'
import type { ChunkList } from '../../../protocols/chunks/list.ts'
import type { BlockDevice } from '../../block-device.ts'
import { FileSizes } from '../../durable/file-sizes.ts'
import { type HeldLock, lockFile } from '../../durable/locks.ts'
import { MOST_VOLUME_BYTES } from '../../limits.ts'
import type { CreateVolume, PoolUsage, PublishedChunk, VolumePool } from '../../pool.ts'
import type { VolumeFacts } from '../../volume.ts'
import { type FlatManifest, readFlat, writeFlat } from './manifest.ts'
import { RawDevice } from './raw-device.ts'
import { blankRaw, copyRaw, publishRaw, unpackBase } from './raw-files.ts'

export type FlatPoolOptions = Readonly<{
  chunks: ChunkStore
  listOf: (sha256: string) => Promise<ChunkList | undefined>
  /** Deletes what a killed process left half made. Only before others use the directory. */
  sweep?: boolean
}>

type Opened = { writer: RawDevice | undefined; readers: Set<RawDevice>; snapshots: Set<RawDevice> }

const ID = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/

/**
 * Volumes as raw sparse files, each with all of its content: for target engines that serve paths. Copies share bytes where the file system has
 * reflinks (XFS, Btrfs); elsewhere they take the space and the time of what is in them.
 */
export class FlatPool implements VolumePool {
  readonly kind = 'flat'
  readonly #root: string
  readonly #options: FlatPoolOptions
  readonly #sizes: FileSizes
  readonly #opened = new Map<string, Opened>()
  #last: Promise<unknown> = Promise.resolve()

  private constructor(root: string, options: FlatPoolOptions) {
    this.#root = root
    this.#options = options
    this.#sizes = new FileSizes(join(root, 'volumes'))
  }

  static async open(root: string, options: FlatPoolOptions): Promise<FlatPool> {
    for (const folder of ['volumes', 'bases']) await mkdir(join(root, folder), { recursive: true, mode: 0o700 })
    await syncDirectory(root)
    if (options.sweep)
      for (const name of await readdir(join(root, 'volumes')))
        if (name.startsWith('.')) await rm(join(root, 'volumes', name), { recursive: true, force: true })
    return new FlatPool(root, options)
  }

  async usage(): Promise<PoolUsage> {
    const { blocks, bfree, bavail, bsize } = await statfs(this.#root)
    return { totalBytes: blocks * bsize, freeBytes: bavail * bsize, usedBytes: (blocks - bfree) * bsize }
  }

  async list(): Promise<string[]> {
    return (await readdir(join(this.#root, 'volumes'))).filter((name) => ID.test(name)).sort()
  }

  async path(id: string, snapshot?: string): Promise<string> {
    const manifest = await this.#manifest(id)
    if (snapshot === undefined) return join(this.#place(id), manifest.disk)
    const path = join(this.#place(id), snapshotOf(manifest, snapshot, id))
    // Of when the volume was smaller.
    if ((await stat(path)).size < manifest.bytes) await truncate(path, manifest.bytes)
    return path
  }

  async create(id: string, { bytes, base, limitBytes }: CreateVolume): Promise<void> {
    refuseSize(bytes)
    await this.#inTurn(async () => {
      if (await absentAsUndefined(stat(this.#place(id)))) {
        const known = await this.#manifest(id)
        if (known.bytes === bytes && known.base?.chunks === base?.chunks && known.limitBytes === limitBytes) return
        throw new Refusal('conflict', `there is a volume ${id} already, and it is another one`)
      }
      await this.#sizes.refuseBeyond(bytes)
      const source = base && (await unpackBase(base, join(this.#root, 'bases'), this.#options))
      await this.#make(id, { bytes, base, limitBytes }, source)
    })
  }

  clone(id: string, from: Readonly<{ id: string; snapshot: string | null }>): Promise<void> {
    return this.#inTurn(async () => {
      if (await absentAsUndefined(stat(this.#place(id))))
        throw new Refusal('conflict', `there is a volume ${id} already`)
      const manifest = await this.#manifest(from.id)
      const file = from.snapshot === null ? manifest.disk : snapshotOf(manifest, from.snapshot, from.id)
      await this.#still(from.id, () => this.#make(id, manifest, join(this.#place(from.id), file)))
    })
  }

  remove(id: string): Promise<void> {
    return this.#inTurn(async () => {
      const place = this.#place(id)
      if (!(await absentAsUndefined(stat(place)))) return
      if (this.#opened.has(id)) throw inUse(id)
      const lock = await this.#lock(id, 'exclusive')
      try {
        const gone = join(this.#root, 'volumes', `.gone-${id}-${randomBytes(6).toString('hex')}`)
        await rename(place, gone)
        await syncDirectory(join(this.#root, 'volumes'))
        await rm(gone, { recursive: true, force: true })
      } finally {
        await lock.release()
      }
    })
  }

  async facts(id: string): Promise<VolumeFacts> {
    const { disk, snapshots } = await this.#manifest(id)
    let ownBytes = 0
    for (const file of [disk, ...snapshots.map((snapshot) => snapshot.file)])
      ownBytes += ((await absentAsUndefined(stat(join(this.#place(id), file))))?.blocks ?? 0) * 512
    return { ownBytes, dirtyBytes: 0 }
  }

  snapshot(id: string, snapshot: string): Promise<void> {
    return this.#inTurn(async () => {
      const manifest = await this.#manifest(id)
      if (manifest.snapshots.some(({ name }) => name === snapshot))
        throw new Refusal('conflict', `volume ${id} has a snapshot ${snapshot} already`)
      const file = newFile()
      await this.#still(id, () => this.#copy(id, manifest.disk, file, manifest.bytes))
      await this.#replace(id, { ...manifest, snapshots: [...manifest.snapshots, { name: snapshot, file }] })
    })
  }

  removeSnapshot(id: string, snapshot: string): Promise<void> {
    return this.#inTurn(async () => {
      const manifest = await this.#manifest(id)
      snapshotOf(manifest, snapshot, id)
      await this.#replace(id, { ...manifest, snapshots: manifest.snapshots.filter(({ name }) => name !== snapshot) })
    })
  }

  revert(id: string, snapshot: string | null): Promise<void> {
    return this.#closed(id, async () => {
      const manifest = await this.#manifest(id)
      const { base, bytes } = manifest
      const disk = newFile()
      if (snapshot !== null) await this.#copy(id, snapshotOf(manifest, snapshot, id), disk, bytes)
      else if (base === null) await blankRaw(join(this.#place(id), disk), bytes)
      else {
        const from = await unpackBase(base, join(this.#root, 'bases'), this.#options)
        await copyRaw(from, join(this.#place(id), disk), bytes)
      }
      await this.#replace(id, { ...manifest, disk })
    })
  }

  async resize(id: string, bytes: number): Promise<void> {
    refuseSize(bytes)
    await this.#closed(id, async () => {
      const manifest = await this.#manifest(id)
      if (bytes > manifest.bytes) await this.#sizes.refuseBeyond(bytes)
      const path = join(this.#place(id), manifest.disk)
      // When it shrinks the manifest goes first: what it promises is always there.
      if (bytes < manifest.bytes) await writeFlat(this.#place(id), { ...manifest, bytes })
      await truncate(path, bytes)
      if (bytes > manifest.bytes) await writeFlat(this.#place(id), { ...manifest, bytes })
    })
  }

  limit(id: string, limitBytes: number | null): Promise<void> {
    return this.#inTurn(async () => this.#replace(id, { ...(await this.#manifest(id)), limitBytes }))
  }

  async overLimit(ids: readonly string[]): Promise<readonly string[]> {
    const taken = async (path: string) => ((await absentAsUndefined(stat(path)))?.blocks ?? 0) * 512
    const over: string[] = []
    for (const id of ids) {
      const found = await this.#manifest(id).catch(() => undefined)
      if (found?.limitBytes == null) continue
      const { disk, snapshots, base, limitBytes } = found
      const below = base ? await taken(join(this.#root, 'bases', `${base.chunks}.img`)) : 0
      let own = 0
      for (const file of [disk, ...snapshots.map((snapshot) => snapshot.file)])
        own += Math.max(0, (await taken(join(this.#place(id), file))) - below)
      if (own > limitBytes) over.push(id)
    }
    return over
  }

  publish(
    id: string,
    snapshot: string | null,
    progress: (doneBytes: number) => void,
  ): Promise<readonly PublishedChunk[]> {
    return this.#inTurn(async () => {
      const manifest = await this.#manifest(id)
      const list = manifest.base ? await this.#options.listOf(manifest.base.chunks) : undefined
      const { chunks } = this.#options
      if (snapshot !== null || !this.#opened.get(id)?.writer) {
        const file = snapshot === null ? manifest.disk : snapshotOf(manifest, snapshot, id)
        return publishRaw(join(this.#place(id), file), manifest.bytes, list, chunks, progress)
      }
      const file = newFile()
      await this.#still(id, () => this.#copy(id, manifest.disk, file, manifest.bytes))
      try {
        return await publishRaw(join(this.#place(id), file), manifest.bytes, list, chunks, progress)
      } finally {
        await rm(join(this.#place(id), file), { force: true })
      }
    })
  }

  open(
    id: string,
    { readOnly, snapshot }: Readonly<{ readOnly: boolean; snapshot?: string | undefined }>,
  ): Promise<BlockDevice> {
    return this.#inTurn(async () => {
      const manifest = await this.#manifest(id)
      const frozen = snapshot !== undefined
      const known = this.#opened.get(id)
      if (!frozen && (known?.writer || (!readOnly && known?.readers.size))) throw inUse(id)
      const file = frozen ? snapshotOf(manifest, snapshot, id) : manifest.disk
      const lock = frozen ? undefined : await this.#lock(id, readOnly ? 'shared' : 'exclusive')
      const path = join(this.#place(id), file)
      if (frozen && (await stat(path)).size < manifest.bytes) await truncate(path, manifest.bytes)
      const handle = await open(path, readOnly || frozen ? 'r' : 'r+')
      const opened = known ?? { writer: undefined, readers: new Set(), snapshots: new Set() }
      this.#opened.set(id, opened)
      const facts = { bytes: manifest.bytes, readOnly: readOnly || frozen }
      const device: RawDevice = new RawDevice(handle, facts, async () => {
        if (opened.writer === device) opened.writer = undefined
        opened.readers.delete(device)
        opened.snapshots.delete(device)
        if (!opened.writer && opened.readers.size + opened.snapshots.size === 0) this.#opened.delete(id)
        await lock?.release()
      })
      if (frozen) opened.snapshots.add(device)
      else if (readOnly) opened.readers.add(device)
      else opened.writer = device
      return device
    })
  }

  async close(): Promise<void> {
    for (const device of this.#devices()) await device.close()
  }

  /** For tests: lets go of everything as a killed process would. */
  async abandon(): Promise<void> {
    for (const device of this.#devices()) await device.drop()
  }

  #devices(): RawDevice[] {
    return [...this.#opened.values()].flatMap(({ writer, readers, snapshots }) => [
      ...(writer ? [writer] : []),
      ...readers,
      ...snapshots,
    ])
  }

  #place(id: string): string {
    if (!ID.test(id)) throw new Refusal('validation-failed', 'the id of a volume has letters, digits, _, . and -')
    return join(this.#root, 'volumes', id)
  }

  #manifest(id: string): Promise<FlatManifest> {
    return readFlat(this.#place(id), id)
  }

  #copy(id: string, from: string, to: string, bytes: number): Promise<void> {
    return copyRaw(join(this.#place(id), from), join(this.#place(id), to), bytes)
  }

  async #make(id: string, facts: CreateVolume, source: string | null): Promise<void> {
    const { bytes, base, limitBytes } = facts
    const volumes = join(this.#root, 'volumes')
    const temporary = join(volumes, `.new-${id}-${randomBytes(6).toString('hex')}`)
    const disk = newFile()
    try {
      await mkdir(temporary, { mode: 0o700 })
      if (source === null) await blankRaw(join(temporary, disk), bytes)
      else await copyRaw(source, join(temporary, disk), bytes)
      await writeFlat(temporary, { format: 1, bytes, base, limitBytes, disk, snapshots: [] })
      await rename(temporary, this.#place(id))
      await syncDirectory(volumes)
    } catch (error) {
      await rm(temporary, { recursive: true, force: true })
      if (errorCode(error) === 'ENOTEMPTY') throw new Refusal('conflict', `there is a volume ${id} already`)
      throw error
    }
  }

  /** Writes the manifest and deletes files that it does not name. */
  async #replace(id: string, next: FlatManifest): Promise<void> {
    await writeFlat(this.#place(id), next)
    const kept = new Set([next.disk, ...next.snapshots.map(({ file }) => file)])
    for (const name of await readdir(this.#place(id)))
      if (name.endsWith('.img') && !kept.has(name)) await rm(join(this.#place(id), name), { force: true })
  }

  /** Does something while nobody here writes. */
  #still<T>(id: string, work: () => Promise<T>): Promise<T> {
    const writer = this.#opened.get(id)?.writer
    return writer ? writer.still(work) : work()
  }

  #closed(id: string, work: () => Promise<void>): Promise<void> {
    return this.#inTurn(async () => {
      const opened = this.#opened.get(id)
      if (opened?.writer || opened?.readers.size) throw inUse(id)
      await this.#manifest(id)
      const lock = await this.#lock(id, 'exclusive')
      try {
        await work()
      } finally {
        await lock.release()
      }
    })
  }

  #lock(id: string, mode: 'shared' | 'exclusive'): Promise<HeldLock> {
    return lockFile(join(this.#place(id), 'lock'), mode, { waitMs: 2000, what: `volume ${id}` })
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work)
    this.#last = result.catch(() => undefined)
    return result
  }
}

function newFile(): string {
  return `${randomBytes(8).toString('hex')}.img`
}

function snapshotOf(manifest: FlatManifest, snapshot: string, id: string): string {
  const found = manifest.snapshots.find(({ name }) => name === snapshot)
  if (found) return found.file
  throw new Refusal('not-found', `volume ${id} has no snapshot ${snapshot}`)
}

function refuseSize(bytes: number): void {
  if (!Number.isSafeInteger(bytes) || bytes < 512 || bytes % 512 !== 0 || bytes > MOST_VOLUME_BYTES)
    throw new Refusal('validation-failed', `a volume of ${bytes} bytes is not possible`, {
      next: 'give a multiple of 512 bytes, at most 64 TiB',
    })
}

function inUse(id: string): Refusal {
  return new Refusal('in-use', `volume ${id} is open`, { next: 'end what uses it, then try again' })
}

// Wiring: FilePool.open(DIRECTORY, { chunks, listOf, cacheBytes }) with `chunks` a ChunkStore (in a worker: FileChunks.open(DIRECTORY, { shared: true }))
// and `listOf` finding a chunk list by its SHA-256, such as (sha256) => images.disks.list(sha256). The main process gives `sweep: true`, once,
// before it starts workers. Several processes may use one directory.
import { statfsSync } from 'node:fs'
import { mkdir, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import type { ChunkStore } from '../../../images/chunk-store.ts'
import { syncDirectory } from '../../../images/durable/files.ts'
import { Refusal } from '../../../kit/errors.ts'
import type { Log } from '../../../kit/log.ts'
import type { BlockDevice } from '../../block-device.ts'
import { FileSizes } from '../../durable/file-sizes.ts'
import { MOST_VOLUME_BYTES } from '../../limits.ts'
import type { CreateVolume, PoolUsage, PublishedChunk, VolumePool } from '../../pool.ts'
import type { VolumeBase, VolumeFacts } from '../../volume.ts'
import type { Base, ChunkListOf } from './base.ts'
import { BaseCache } from './base-cache.ts'
import { fullPool } from './descriptors.ts'
import { Directories, linkLayers } from './directories.ts'
import { entriesOf, freshLayer, type LayerEntry, type Manifest } from './manifest.ts'
import { currentOf, type Frozen, frozenBlocks, snapshotOf, topOf } from './manifest-changes.ts'
import { bootId } from './map-file.ts'
import { BLOCK_BYTES } from './map-page.ts'
import { Merges } from './merges.ts'
import { OpenVolumes, openHere } from './open-volumes.ts'
import { publishFrozen } from './publish.ts'
import { TopLayer } from './top-layer.ts'

export type FilePoolOptions = Readonly<{
  chunks: ChunkStore
  listOf: ChunkListOf
  /** Most bytes of unpacked bases. */
  cacheBytes: number
  /** Bytes of the file system that volumes leave free; 64 MiB unless given. */
  reserveBytes?: number
  /** Deletes what a killed process left half made. Only before others use the directory. */
  sweep?: boolean
  /** How long a lock of another process is waited for: one that dies lets go. 15 s unless given. */
  lockWaitMs?: number
  /** How often what was written is made durable by itself; 3 s unless given. */
  flushMs?: number
  /** Notes what machines read of a base when they boot, and fetches that for the next one: for those who serve machines. */
  learns?: boolean
  /** Told of flushes in the background that failed. */
  log?: Log
  /** Told whenever a volume was opened for writing, or closed again. */
  written?: (id: string, open: boolean) => void
  /** Stands for the boot of the kernel, for tests. */
  boot?: string
}>

/** How long a free space that was counted is believed, in time and in bytes promised since. */
const ROOM_MS = 250
const ROOM_BYTES = 32 * 2 ** 20

/**
 * Volumes as directories: a manifest, and layers of sparse files with maps, the topmost written, the others frozen. Clones share frozen layers by
 * hard links. Content of image versions lies in `bases/`.
 */
export class FilePool implements VolumePool {
  readonly kind = 'file'
  readonly #directory: string
  readonly #volumes: Directories
  readonly #sizes: FileSizes
  readonly #options: FilePoolOptions
  readonly #boot: string
  readonly #bases: BaseCache
  readonly #merges: Merges
  readonly #held: OpenVolumes
  readonly #turns = new Map<string, Promise<unknown>>()
  readonly #timer: NodeJS.Timeout
  #freeBytes = 0
  #promisedBytes = 0
  #freeAt = Number.NEGATIVE_INFINITY

  private constructor(directory: string, volumes: Directories, options: FilePoolOptions) {
    this.#directory = directory
    this.#volumes = volumes
    this.#sizes = new FileSizes(join(directory, 'volumes'))
    this.#options = options
    this.#boot = options.boot ?? bootId()
    this.#bases = new BaseCache(join(directory, 'bases'), {
      chunks: options.chunks,
      listOf: options.listOf,
      mostBytes: options.cacheBytes,
      boot: this.#boot,
    })
    this.#merges = new Merges({
      volumes,
      hasRoom: (bytes) => this.#hasRoom(bytes),
      inTurn: (id, work) => this.#inTurn(id, work),
      log: options.log,
    })
    this.#held = new OpenVolumes({
      volumes,
      merges: this.#merges,
      learns: options.learns ?? false,
      bases: this.#bases,
      boot: this.#boot,
      lockWaitMs: options.lockWaitMs ?? 15_000,
      hasRoom: (bytes) => this.#hasRoom(bytes),
      written: options.written ?? (() => {}),
    })
    this.#timer = setInterval(() => this.#flushAll(), options.flushMs ?? 3000).unref()
  }

  static async open(directory: string, options: FilePoolOptions): Promise<FilePool> {
    const volumes = await Directories.open(join(directory, 'volumes'), options.sweep ?? false)
    await mkdir(join(directory, 'bases'), { recursive: true, mode: 0o700 })
    await syncDirectory(directory)
    return new FilePool(directory, volumes, options)
  }

  async usage(): Promise<PoolUsage> {
    const { blocks, bfree, bavail, bsize } = await statfs(this.#directory)
    return { totalBytes: blocks * bsize, freeBytes: bavail * bsize, usedBytes: (blocks - bfree) * bsize }
  }

  list(): Promise<string[]> {
    return this.#volumes.list()
  }

  async create(id: string, { bytes, base, limitBytes }: CreateVolume): Promise<void> {
    refuseSize(bytes)
    if (await this.#volumes.has(id)) {
      const known = await this.#volumes.manifest(id)
      if (known.bytes === bytes && known.base?.chunks === base?.chunks && known.limitBytes === limitBytes) return
      throw new Refusal('conflict', `there is a volume ${id} already, and it is another one`)
    }
    if (base) await this.#withBase(base, async () => undefined)
    if (!this.#hasRoom(BLOCK_BYTES)) throw fullPool()
    await this.#sizes.refuseBeyond(bytes)
    const top = freshLayer()
    const most = Math.max(bytes, base?.bytes ?? 0)
    const content = { layers: [top], stack: [top.id], snapshots: [] }
    await this.#volumes.make(id, async () => ({ format: 1, id, bytes, most, base, limitBytes, ...content }))
  }

  clone(id: string, from: Readonly<{ id: string; snapshot: string | null }>): Promise<void> {
    return this.#inTurn(from.id, async () => {
      if (from.snapshot === null) await this.#held.freeze(from.id, (manifest) => manifest)
      await this.#volumes.locked(from.id, async () => {
        const manifest = await this.#volumes.manifest(from.id)
        const frozen = from.snapshot === null ? currentOf(manifest) : snapshotOf(manifest, from.snapshot)
        const { bytes, most, base, limitBytes } = manifest
        const lower = entriesOf(manifest, frozen.stack).map((entry) => ({ ...entry, own: false }))
        const place = this.#volumes.place(from.id)
        await this.#volumes.make(id, async (directory) => {
          await linkLayers(place, directory, lower)
          const top = await this.#topOver(from.id, manifest, frozen, directory)
          const content = { layers: [...lower, top], stack: [...frozen.stack, top.id], snapshots: [] }
          return { format: 1, id, bytes, most, base, limitBytes, ...content }
        })
      })
    })
  }

  remove(id: string): Promise<void> {
    return this.#inTurn(id, async () => {
      if (!(await this.#volumes.has(id))) return
      if (this.#held.has(id)) throw openHere(id)
      const locks = [await this.#volumes.lock(id, 'open', 'exclusive', 0)]
      try {
        locks.push(await this.#volumes.lock(id, 'lock', 'exclusive', 0))
        await this.#volumes.remove(id)
      } finally {
        for (const lock of locks) await lock.release()
      }
    })
  }

  async facts(id: string): Promise<VolumeFacts> {
    const writer = this.#held.writer(id)
    if (writer) return { ownBytes: writer.ownBytes, dirtyBytes: writer.dirtyBytes }
    const manifest = await this.#volumes.manifest(id)
    const top = new TopLayer(this.#volumes.place(id), topOf(manifest), this.#boot)
    const ownBytes = (frozenBlocks(manifest) + top.blocks) * BLOCK_BYTES
    top.close()
    return { ownBytes, dirtyBytes: 0 }
  }

  async snapshot(id: string, snapshot: string): Promise<void> {
    await this.#inTurn(id, () =>
      this.#held.freeze(id, (manifest, stack) => {
        if (manifest.snapshots.some(({ name }) => name === snapshot))
          throw new Refusal('conflict', `volume ${id} has a snapshot ${snapshot} already`)
        const { bytes } = manifest
        return { ...manifest, snapshots: [...manifest.snapshots, { name: snapshot, bytes, stack: [...stack] }] }
      }),
    )
  }

  async removeSnapshot(id: string, snapshot: string): Promise<void> {
    await this.#inTurn(id, () =>
      this.#volumes.change(id, async (manifest) => {
        snapshotOf(manifest, snapshot)
        return { ...manifest, snapshots: manifest.snapshots.filter(({ name }) => name !== snapshot) }
      }),
    )
  }

  revert(id: string, snapshot: string | null): Promise<void> {
    return this.#inTurn(id, () =>
      this.#held.closedOnly(id, () =>
        this.#volumes.change(id, async (manifest) => {
          const frozen = snapshot === null ? { stack: [], bytes: manifest.most } : snapshotOf(manifest, snapshot)
          const top = await this.#topOver(id, manifest, frozen)
          return { ...manifest, layers: [...manifest.layers, top], stack: [...frozen.stack, top.id] }
        }),
      ),
    )
  }

  async resize(id: string, bytes: number): Promise<void> {
    refuseSize(bytes)
    await this.#inTurn(id, async () => {
      const { bytes: before, most } = await this.#volumes.manifest(id)
      if (bytes > before) await this.#sizes.refuseBeyond(bytes)
      // What lies behind the end, from when it was larger or in its base, must not come back.
      const cut = bytes > before && before < most
      const resized = (manifest: Manifest) => ({ ...manifest, bytes, most: Math.max(manifest.most, bytes) })
      await this.#held.closedOnly(id, async () => {
        if (!cut) return void (await this.#volumes.change(id, async (manifest) => resized(manifest)))
        await this.#held.freezeClosed(id, (manifest) => manifest)
        await this.#volumes.change(id, async (manifest) => {
          const frozen = { ...currentOf(manifest), bytes: before }
          const top = await this.#held.cutAt(id, manifest, frozen)
          return { ...resized(manifest), layers: [...manifest.layers, top], stack: [...frozen.stack, top.id] }
        })
      })
    })
  }

  limit(id: string, limitBytes: number | null): Promise<void> {
    return this.#inTurn(id, async () => {
      await this.#volumes.change(id, async (manifest) => ({ ...manifest, limitBytes }))
      const writer = this.#held.writer(id)
      if (writer) writer.limitBytes = limitBytes
    })
  }

  async publish(
    id: string,
    snapshot: string | null,
    progress: (doneBytes: number) => void,
  ): Promise<readonly PublishedChunk[]> {
    const device = await this.#inTurn(id, async () => {
      if (snapshot !== null || !this.#held.writer(id)) return this.#held.openReader(id, snapshot, false)
      const manifest = await this.#held.freeze(id, (now) => now)
      return this.#held.openFrozen(id, manifest, currentOf(manifest))
    })
    try {
      return await publishFrozen(device, this.#options.chunks, progress)
    } finally {
      await device.close()
    }
  }

  open(
    id: string,
    { readOnly, snapshot }: Readonly<{ readOnly: boolean; snapshot?: string | undefined }>,
  ): Promise<BlockDevice> {
    return this.#inTurn(id, async () => {
      if (snapshot !== undefined || readOnly) return this.#held.openReader(id, snapshot ?? null, true)
      return this.#held.openWriter(id)
    })
  }

  /** Fetches chunks of a base that will be read soon, one after the other. */
  async warm(base: VolumeBase, chunks: Iterable<number>): Promise<void> {
    await this.#withBase(base, async (opened) => {
      for (const chunk of chunks) await opened.warm(chunk)
    })
  }

  /** Ids of volumes that are open for writing here. */
  written(): string[] {
    return this.#held.writers().map(([id]) => id)
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.#held.close()
    await this.#bases.close()
  }

  /** For tests: done when no old states are merged any more. */
  merged(): Promise<void> {
    return this.#merges.rest()
  }

  /** For tests: done when nothing is fetched ahead of need any more. */
  fetchedAhead(): Promise<void> {
    return this.#bases.fetchedAhead()
  }

  /** For tests: lets go of everything as a killed process would. */
  async abandon(): Promise<void> {
    clearInterval(this.#timer)
    await this.#held.close({ abandon: true })
    await this.#bases.close()
  }

  /** What is written next over a frozen state. */
  async #topOver(id: string, manifest: Manifest, frozen: Frozen, directory?: string): Promise<LayerEntry> {
    if (frozen.bytes >= Math.min(manifest.bytes, manifest.most)) return freshLayer()
    return this.#held.cutAt(id, manifest, frozen, directory)
  }

  async #withBase<T>(base: VolumeBase, work: (opened: Base) => Promise<T>): Promise<T> {
    const opened = await this.#bases.take(base)
    try {
      return await work(opened)
    } finally {
      this.#bases.release(base)
    }
  }

  #hasRoom(bytes: number): boolean {
    if (performance.now() - this.#freeAt > ROOM_MS || this.#promisedBytes > ROOM_BYTES) {
      const { bavail, bsize } = statfsSync(this.#directory)
      this.#freeBytes = bavail * bsize - (this.#options.reserveBytes ?? 64 * 2 ** 20)
      this.#freeAt = performance.now()
      this.#promisedBytes = 0
    }
    this.#promisedBytes += bytes
    return this.#promisedBytes <= this.#freeBytes
  }

  #flushAll(): void {
    for (const [id, writer] of this.#held.writers())
      if (writer.isDirty)
        writer
          .flush()
          .catch((error) =>
            this.#options.log?.error(
              { volume: id, error: String(error) },
              'what was written to a volume could not be made durable',
            ),
          )
  }

  /** What concerns one volume happens one after the other. */
  #inTurn<T>(id: string, work: () => Promise<T>): Promise<T> {
    const result = (this.#turns.get(id) ?? Promise.resolve()).then(work)
    const turn = result
      .then(
        () => undefined,
        () => undefined,
      )
      .then(() => {
        if (this.#turns.get(id) === turn) this.#turns.delete(id)
      })
    this.#turns.set(id, turn)
    return result
  }
}

function refuseSize(bytes: number): void {
  if (!Number.isSafeInteger(bytes) || bytes < 512 || bytes % 512 !== 0 || bytes > MOST_VOLUME_BYTES)
    throw new Refusal('validation-failed', `a volume of ${bytes} bytes is not possible`, {
      next: 'give a multiple of 512 bytes, at most 64 TiB',
    })
}

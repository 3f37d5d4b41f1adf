import { Refusal } from '../../../kit/errors.ts'
import { CHUNK_BYTES } from '../../../protocols/chunks/list.ts'
import type { HeldLock } from '../../durable/locks.ts'
import type { BaseCache } from './base-cache.ts'
import { writeAll, writeFailure } from './descriptors.ts'
import type { Directories } from './directories.ts'
import { FrozenLayer } from './frozen-layer.ts'
import { entriesOf, freshLayer, type LayerEntry, type Manifest } from './manifest.ts'
import {
  type Frozen,
  frozenBlocks,
  frozenManifest,
  type ManifestChange,
  snapshotOf,
  topOf,
} from './manifest-changes.ts'
import { BLOCK_BYTES, DATA } from './map-page.ts'
import type { Merges } from './merges.ts'
import { OpenVolume } from './open-volume.ts'
import { ReadVolume } from './read-volume.ts'
import { Stack } from './stack.ts'
import { TopLayer } from './top-layer.ts'

type Opened = { writer: OpenVolume | undefined; readers: Set<ReadVolume>; snapshots: Set<ReadVolume> }

type Dependencies = Readonly<{
  volumes: Directories
  bases: BaseCache
  boot: string
  lockWaitMs: number
  hasRoom: (bytes: number) => boolean
  merges: Merges
  /** Whether what machines read when they boot is noted, and fetched for the next ones. */
  learns: boolean
  /** A volume was opened for writing, or closed again. */
  written: (id: string, open: boolean) => void
}>

/** Which volumes this process has open, and how they are opened and frozen. Calls for one volume come one after the other. */
export class OpenVolumes {
  readonly #volumes: Directories
  readonly #bases: BaseCache
  readonly #boot: string
  readonly #lockWaitMs: number
  readonly #hasRoom: (bytes: number) => boolean
  readonly #merges: Merges
  readonly #learns: boolean
  readonly #written: (id: string, open: boolean) => void
  readonly #opened = new Map<string, Opened>()

  constructor({ volumes, bases, boot, lockWaitMs, hasRoom, merges, learns, written }: Dependencies) {
    this.#written = written
    this.#merges = merges
    this.#learns = learns
    this.#volumes = volumes
    this.#bases = bases
    this.#boot = boot
    this.#lockWaitMs = lockWaitMs
    this.#hasRoom = hasRoom
  }

  has(id: string): boolean {
    return this.#opened.has(id)
  }

  writer(id: string): OpenVolume | undefined {
    return this.#opened.get(id)?.writer
  }

  writers(): [string, OpenVolume][] {
    return [...this.#opened].flatMap(([id, { writer }]) => (writer ? [[id, writer]] : []) as [string, OpenVolume][])
  }

  /** Closes everything; `abandon`: without a flush, as a killed process would. */
  async close({ abandon = false } = {}): Promise<void> {
    for (const { writer, readers, snapshots } of [...this.#opened.values()]) {
      const closing = [...readers, ...snapshots].map((device) => device.close())
      await Promise.all([abandon ? writer?.abandon() : writer?.close(), ...closing])
    }
  }

  /** Freezes the current content. `change` gets the manifest with the stack of frozen layers, which is what it has now. */
  async freeze(id: string, change: ManifestChange): Promise<Manifest> {
    const writer = this.#opened.get(id)?.writer
    let after: Manifest | undefined
    const isFrozen = await writer?.freeze((blocks, blank) =>
      this.#volumes.locked(id, async () => {
        const before = await this.#volumes.manifest(id)
        after = frozenManifest(id, before, blocks, blank, change)
        await this.#volumes.write(id, before, after)
        return topOf(after).id === topOf(before).id
          ? undefined
          : new TopLayer(this.#volumes.place(id), topOf(after), this.#boot)
      }),
    )
    if (writer && isFrozen) {
      this.#merge(id, writer)
      return after!
    }
    await writer?.close()
    // Readers may have it open, writers elsewhere may not.
    const lock = await this.#volumes.lock(id, 'lock', 'shared', this.#lockWaitMs)
    try {
      return await this.freezeClosed(id, change)
    } finally {
      await lock.release()
    }
  }

  #merge(id: string, writer: OpenVolume): void {
    if (!writer.isClosing) this.#merges.begin(id, (ids, layer, fewer) => writer.merged(ids, layer, fewer))
  }

  /** The same while nobody writes; the caller has locked it. */
  freezeClosed(id: string, change: ManifestChange): Promise<Manifest> {
    return this.#volumes.change(id, async (manifest) => {
      const top = new TopLayer(this.#volumes.place(id), topOf(manifest), this.#boot)
      try {
        await top.flush()
        const after = frozenManifest(id, manifest, top.blocks, top.isBlank, change)
        top.settle()
        return after
      } finally {
        top.close()
      }
    })
  }

  /** Does something with a volume that nobody has open. */
  async closedOnly(id: string, work: () => Promise<unknown>): Promise<void> {
    const opened = this.#opened.get(id)
    if (opened?.writer || opened?.readers.size) throw openHere(id)
    const lock = await this.#volumes.lock(id, 'lock', 'exclusive', this.#lockWaitMs)
    try {
      await work()
    } finally {
      await lock.release()
    }
  }

  /**
   * A layer to go over a frozen state that ends before the volume does, in a directory: it hides what may lie behind that end. If the end is
   * within a block, it has that block.
   */
  async cutAt(
    id: string,
    manifest: Manifest,
    frozen: Frozen,
    directory = this.#volumes.place(id),
  ): Promise<LayerEntry> {
    const end = frozen.bytes
    const entry = freshLayer(Math.ceil(end / BLOCK_BYTES) * BLOCK_BYTES)
    if (end % BLOCK_BYTES === 0) return entry
    const device = await this.openFrozen(id, manifest, frozen)
    const block = new Uint8Array(BLOCK_BYTES)
    const start = end - (end % BLOCK_BYTES)
    try {
      await device.read(block.subarray(0, end - start), start)
    } finally {
      await device.close()
    }
    const top = new TopLayer(directory, entry, this.#boot)
    try {
      writeAll(top.dataFile(), block, start)
      const at = (start % CHUNK_BYTES) / BLOCK_BYTES
      top.mark(Math.floor(start / CHUNK_BYTES), at, at + 1, DATA)
      await top.flush()
      top.settle()
      return entry
    } catch (error) {
      throw writeFailure(error)
    } finally {
      top.close()
    }
  }

  async openWriter(id: string): Promise<OpenVolume> {
    if (this.#opened.has(id) && (this.#of(id).writer || this.#of(id).readers.size > 0)) throw openHere(id)
    const locks = await this.#openLocks(id, 'exclusive')
    try {
      const volume = await this.#volumes.locked(id, async () => {
        const manifest = await this.#volumes.manifest(id)
        await this.#volumes.sweep(id, manifest)
        return this.#build(id, manifest, locks)
      })
      this.#of(id).writer = volume
      this.#written(id, true)
      this.#merge(id, volume)
      return volume
    } catch (error) {
      for (const lock of locks) await lock.release()
      throw error
    }
  }

  async #build(id: string, manifest: Manifest, locks: readonly HeldLock[]): Promise<OpenVolume> {
    const directory = this.#volumes.place(id)
    const base = manifest.base && (await this.#bases.take(manifest.base))
    if (manifest.base && this.#learns) this.#bases.ahead(manifest.base)
    const layers: FrozenLayer[] = []
    try {
      for (const entry of entriesOf(manifest, manifest.stack.slice(0, -1)))
        layers.push(new FrozenLayer(directory, entry))
      const top = new TopLayer(directory, topOf(manifest), this.#boot)
      return new OpenVolume(new Stack(base ?? undefined, [...layers, top], { reader: id, learns: this.#learns }), top, {
        id,
        bytes: manifest.bytes,
        limitBytes: manifest.limitBytes,
        frozenBlocks: frozenBlocks(manifest),
        hasRoom: this.#hasRoom,
        closing: () => this.#merges.stop(id),
        closed: async () => {
          if (manifest.base) this.#bases.release(manifest.base)
          this.#of(id).writer = undefined
          this.#written(id, false)
          await this.#left(id, locks)
        },
      })
    } catch (error) {
      for (const layer of layers) layer.close()
      if (manifest.base) this.#bases.release(manifest.base)
      throw error
    }
  }

  /** `learns`: a machine may boot from it. */
  async openReader(id: string, snapshot: string | null, learns: boolean): Promise<ReadVolume> {
    if (snapshot === null && this.#opened.get(id)?.writer) throw openHere(id)
    const locks = await this.#openLocks(id, snapshot === null ? 'shared' : undefined)
    try {
      return await this.#volumes.locked(id, async () => {
        const manifest = await this.#volumes.manifest(id)
        const frozen = snapshot === null ? manifest : snapshotOf(manifest, snapshot)
        return this.openFrozen(id, manifest, frozen, { locks, learns: learns && this.#learns })
      })
    } catch (error) {
      for (const lock of locks) await lock.release()
      throw error
    }
  }

  /** A state for reading. Its files stay while it is open, whatever becomes of the volume. */
  async openFrozen(
    id: string,
    manifest: Manifest,
    { stack, bytes: end }: Frozen,
    { locks = [], learns = false }: Readonly<{ locks?: readonly HeldLock[]; learns?: boolean }> = {},
  ): Promise<ReadVolume> {
    const base = manifest.base && (await this.#bases.take(manifest.base))
    if (manifest.base && learns) this.#bases.ahead(manifest.base)
    const layers: FrozenLayer[] = []
    try {
      const boot = stack.at(-1) === manifest.stack.at(-1) ? this.#boot : undefined
      for (const entry of entriesOf(manifest, stack)) layers.push(new FrozenLayer(this.#volumes.place(id), entry, boot))
    } catch (error) {
      for (const layer of layers) layer.close()
      if (manifest.base) this.#bases.release(manifest.base)
      throw error
    }
    const of = stack.at(-1) === manifest.stack.at(-1) ? this.#of(id).readers : this.#of(id).snapshots
    const device = new ReadVolume(
      new Stack(base ?? undefined, layers, { reader: id, learns }),
      { bytes: manifest.bytes, end },
      async () => {
        if (manifest.base) this.#bases.release(manifest.base)
        of.delete(device)
        await this.#left(id, locks)
      },
    )
    of.add(device)
    return device
  }

  /** `undefined`: only frozen layers are opened, which nobody changes. */
  async #openLocks(id: string, content: 'shared' | 'exclusive' | undefined): Promise<HeldLock[]> {
    const locks = [await this.#volumes.lock(id, 'open', 'shared', this.#lockWaitMs)]
    try {
      if (content) locks.push(await this.#volumes.lock(id, 'lock', content, this.#lockWaitMs))
      return locks
    } catch (error) {
      for (const lock of locks) await lock.release()
      throw error
    }
  }

  #of(id: string): Opened {
    let opened = this.#opened.get(id)
    if (!opened) {
      opened = { writer: undefined, readers: new Set(), snapshots: new Set() }
      this.#opened.set(id, opened)
    }
    return opened
  }

  async #left(id: string, locks: readonly HeldLock[]): Promise<void> {
    const { writer, readers, snapshots } = this.#of(id)
    if (!writer && readers.size === 0 && snapshots.size === 0) this.#opened.delete(id)
    for (const lock of locks) await lock.release()
  }
}

export function openHere(id: string): Refusal {
  return new Refusal('in-use', `volume ${id} is open`, { next: 'end what uses it, then try again' })
}

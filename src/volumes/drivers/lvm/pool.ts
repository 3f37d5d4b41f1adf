import type { ChunkStore } from '../../../images/chunk-store.ts'
import { Refusal } from '../../../kit/errors.ts'
import type { ChunkList } from '../../../protocols/chunks/list.ts'
import type { BlockDevice } from '../../block-device.ts'
import { LEAST_VOLUME_BYTES, MOST_VOLUME_BYTES } from '../../limits.ts'
import type { CreateVolume, PoolUsage, PublishedChunk, VolumePool } from '../../pool.ts'
import type { VolumeBase, VolumeFacts } from '../../volume.ts'
import { fillFrom, listOfBase, publishFrom } from './content.ts'
import { PathDevice } from './device.ts'
import {
  baseName,
  checkId,
  makingName,
  type Place,
  replacedName,
  snapshotName,
  TAG,
  tagsOf,
  volumeName,
} from './names.ts'
import { type Held, idleBases } from './recovery.ts'
import type { LogicalVolume } from './report.ts'
import { Room } from './room.ts'
import { ThinVolumes } from './thin.ts'

export type LvmPoolOptions = Readonly<{
  /** `volumes.lvmGroup`. It must exist. */
  group: string
  /** `volumes.lvmThinPool`; made of most of the free space of the group when it is not there. */
  thinPool: string
  /** From here on (percent of data or of metadata) nothing new is made, and writes through this pool's devices are refused. */
  refusePercent: number
  chunks: ChunkStore
  listOf: (sha256: string) => Promise<ChunkList | undefined>
}>

type VolumePlace = Extract<Place, { kind: 'volume' }>
type Opened = { writer: PathDevice | undefined; readers: Set<PathDevice>; snapshots: Set<PathDevice> }

/**
 * Volumes as thin volumes of LVM: snapshots and clones share blocks and take a moment. Needs root. All that is known of a volume is in
 * the tags of its logical volume; nothing without the tag `reveille` is touched. LVM rounds up to whole extents: the device behind `path`
 * may be a little larger than the volume, and what is written there is not part of it. `ownBytes` counts the blocks that are shared with
 * the base.
 */
export class LvmPool implements VolumePool {
  readonly kind = 'lvm'
  readonly #options: LvmPoolOptions
  readonly #thin: ThinVolumes
  readonly #room: Room
  readonly #opened = new Map<string, Opened>()
  #line: Promise<unknown> = Promise.resolve()

  /** Makes the thin pool if there is none, and puts right what a killed server left half done. */
  static async open(options: LvmPoolOptions): Promise<LvmPool> {
    const pool = new LvmPool(options)
    await pool.#thin.prepare()
    return pool
  }

  private constructor(options: LvmPoolOptions) {
    this.#options = options
    this.#thin = new ThinVolumes(options.group, options.thinPool)
    this.#room = new Room(() => this.usage(), options.refusePercent)
  }

  async usage(): Promise<PoolUsage> {
    const pool = await this.#thin.volume(this.#options.thinPool)
    const totalBytes = pool?.bytes ?? 0
    // Full metadata is as bad as full data.
    const percent = Math.max(pool?.dataPercent ?? 0, pool?.metadataPercent ?? 0)
    const usedBytes = Math.round((totalBytes * percent) / 100)
    return { totalBytes, usedBytes, freeBytes: totalBytes - usedBytes }
  }

  async list(): Promise<string[]> {
    const held = await this.#thin.held()
    return held.flatMap(({ place, volume }) =>
      place.kind === 'volume' && volume.name === volumeName(place.id) ? [place.id] : [],
    )
  }

  async create(id: string, { bytes, base, limitBytes }: CreateVolume): Promise<void> {
    checkId(id)
    checkBytes(bytes)
    await this.#inTurn(async () => {
      const known = await this.#find(id)
      const wanted: VolumePlace = {
        ...{ kind: 'volume', id, bytes, base: base?.chunks ?? null, baseBytes: base?.bytes ?? 0 },
        limit: limitBytes,
      }
      if (known) {
        if (JSON.stringify(tagsOf(known.place)) === JSON.stringify(tagsOf(wanted))) return
        throw new Refusal('conflict', `there is a volume ${id} already, and it is another one`)
      }
      const list = base ? await listOfBase(base, this.#options.listOf) : undefined
      if (base) await this.#sweep(base.chunks)
      await this.#room.check()
      await this.#make(wanted, base && list ? await this.#base(base, list) : undefined)
    })
  }

  async clone(id: string, from: Readonly<{ id: string; snapshot: string | null }>): Promise<void> {
    checkId(id)
    await this.#inTurn(async () => {
      const source = await this.#mustFind(from.id)
      const origin = from.snapshot === null ? source : await this.#snapshot(from.id, from.snapshot)
      if (await this.#find(id)) throw new Refusal('conflict', `there is a volume ${id} already`)
      await this.#room.check()
      await this.#thin.settle(volumeName(from.id))
      await this.#make({ ...source.place, id }, origin)
    })
  }

  async remove(id: string): Promise<void> {
    checkId(id)
    await this.#inTurn(async () => {
      const held = await this.#thin.held()
      const own = held.filter(({ place }) => (place.kind === 'volume' || place.kind === 'snapshot') && place.id === id)
      const opened = this.#opened.get(id)
      if (own.length === 0) return
      if (opened) throw new Refusal('in-use', `the volume ${id} is open`)
      for (const { volume } of own)
        if (await this.#thin.isHeld(volume)) throw new Refusal('in-use', `another program has the volume ${id} open`)
      // The volume first: snapshots without one are removed at the next start.
      const [first, ...rest] = own.sort((a, b) => Number(b.place.kind === 'volume') - Number(a.place.kind === 'volume'))
      await this.#thin.remove(first!.volume.name)
      if (rest.length > 0) await this.#thin.remove(...rest.map(({ volume }) => volume.name))
    })
  }

  async facts(id: string): Promise<VolumeFacts> {
    const { volume } = await this.#mustFind(id)
    return { ownBytes: Math.round((volume.bytes * (volume.dataPercent ?? 0)) / 100), dirtyBytes: 0 }
  }

  async snapshot(id: string, snapshot: string): Promise<void> {
    await this.#inTurn(async () => {
      const { place, volume } = await this.#mustFind(id)
      const name = snapshotName(id, snapshot)
      if ((await this.#thin.held()).some((held) => held.volume.name === name))
        throw new Refusal('conflict', `the volume ${id} has a snapshot ${snapshot} already`)
      await this.#room.check()
      await this.#thin.settle(volumeName(id))
      await this.#thin.create(name, tagsOf({ kind: 'snapshot', id, snapshot, bytes: place.bytes }), volume.name)
    })
  }

  async removeSnapshot(id: string, snapshot: string): Promise<void> {
    await this.#inTurn(async () => {
      await this.#mustFind(id)
      const found = await this.#snapshot(id, snapshot)
      if (await this.#thin.isHeld(found.volume))
        throw new Refusal('in-use', `the snapshot ${snapshot} of ${id} is open`)
      await this.#thin.remove(found.volume.name)
    })
  }

  async revert(id: string, snapshot: string | null): Promise<void> {
    await this.#inTurn(async () => {
      const { place, volume } = await this.#mustFind(id)
      const origin = snapshot === null ? await this.#baseOf(place) : await this.#snapshot(id, snapshot)
      await this.#mustBeClosed(id, volume)
      await this.#room.check()
      await this.#make(place, origin, volume.name)
    })
  }

  async resize(id: string, bytes: number): Promise<void> {
    checkBytes(bytes)
    await this.#inTurn(async () => {
      const { place, volume } = await this.#mustFind(id)
      await this.#mustBeClosed(id, volume)
      if (bytes === place.bytes) return
      // What lies behind the end, now or later, must read as zeros.
      await this.#thin.zero(volume, Math.min(bytes, place.bytes))
      if (bytes > volume.bytes) await this.#thin.extend(volume.name, bytes)
      await this.#thin.retag(volume.name, place, { ...place, bytes })
    })
  }

  async limit(id: string, limitBytes: number | null): Promise<void> {
    await this.#inTurn(async () => {
      const { place, volume } = await this.#mustFind(id)
      await this.#thin.retag(volume.name, place, { ...place, limit: limitBytes })
    })
  }

  async overLimit(ids: readonly string[]): Promise<readonly string[]> {
    const held = await this.#thin.held()
    const taken = ({ bytes, dataPercent }: LogicalVolume) => (bytes * (dataPercent ?? 0)) / 100
    const bases = new Map(held.flatMap(({ place, volume }) => (place.kind === 'base' ? [[place.chunks, volume]] : [])))
    return held.flatMap(({ place, volume }) => {
      if (place.kind !== 'volume' || place.limit === null || volume.name !== volumeName(place.id)) return []
      const base = place.base === null ? undefined : bases.get(place.base)
      const own = taken(volume) - (base ? taken(base) : 0)
      return own > place.limit && ids.includes(place.id) ? [place.id] : []
    })
  }

  async publish(
    id: string,
    snapshot: string | null,
    progress: (doneBytes: number) => void,
  ): Promise<readonly PublishedChunk[]> {
    const { place } = await this.#mustFind(id)
    const list = place.base === null ? undefined : await this.#options.listOf(place.base)
    const frozen = makingName(`publish.${volumeName(id)}`)
    const from = await this.#inTurn(async () => {
      if (snapshot !== null) return this.#snapshot(id, snapshot)
      await this.#thin.settle(volumeName(id))
      await this.#thin.create(frozen, [TAG], volumeName(id))
      return { volume: { name: frozen }, place: { bytes: place.bytes } }
    })
    try {
      const device = await PathDevice.open(await this.#thin.device(from.volume.name), {
        ...{ bytes: from.place.bytes, readOnly: true, blockBytes: this.#thin.blockBytes },
      })
      return await publishFrom(device, list, this.#options.chunks, progress).finally(() => device.close())
    } finally {
      if (snapshot === null) await this.#inTurn(() => this.#thin.remove(frozen))
    }
  }

  async open(
    id: string,
    { readOnly, snapshot }: Readonly<{ readOnly: boolean; snapshot?: string | undefined }>,
  ): Promise<BlockDevice> {
    return this.#inTurn(async () => {
      const live = await this.#mustFind(id)
      const { place, volume } = snapshot === undefined ? live : await this.#snapshot(id, snapshot)
      const opened = this.#opened.get(id) ?? { writer: undefined, readers: new Set(), snapshots: new Set() }
      if (snapshot === undefined && (opened.writer || (!readOnly && opened.readers.size > 0)))
        throw new Refusal('in-use', `the volume ${id} is open`)
      const device: PathDevice = await PathDevice.open(await this.#thin.device(volume.name), {
        ...{ bytes: place.bytes, readOnly: readOnly || snapshot !== undefined, blockBytes: this.#thin.blockBytes },
        mayWrite: (bytes) => this.#room.take(bytes),
        closed: () => {
          if (opened.writer === device) opened.writer = undefined
          opened.readers.delete(device)
          opened.snapshots.delete(device)
          if (!opened.writer && opened.readers.size + opened.snapshots.size === 0) this.#opened.delete(id)
        },
      })
      this.#opened.set(id, opened)
      if (snapshot !== undefined) opened.snapshots.add(device)
      else if (readOnly) opened.readers.add(device)
      else opened.writer = device
      return device
    })
  }

  /** Block device of a volume, or of a snapshot, which must not be written to. */
  async path(id: string, snapshot?: string): Promise<string> {
    const { volume } = snapshot === undefined ? await this.#mustFind(id) : await this.#snapshot(id, snapshot)
    return this.#thin.device(volume.name)
  }

  async close(): Promise<void> {
    for (const { writer, readers, snapshots } of [...this.#opened.values()])
      for (const device of [writer, ...readers, ...snapshots]) await device?.close()
    await this.#line
  }

  /** Lets go of everything as a killed process would. */
  async abandon(): Promise<void> {
    for (const { writer, readers, snapshots } of [...this.#opened.values()])
      for (const device of [writer, ...readers, ...snapshots]) await device?.drop()
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#line.then(work)
    this.#line = done.catch(() => {})
    return done
  }

  async #find(id: string): Promise<{ volume: LogicalVolume; place: VolumePlace } | undefined> {
    checkId(id)
    for (const { volume, place } of await this.#thin.held())
      if (place.kind === 'volume' && volume.name === volumeName(id)) return { volume, place }
    return undefined
  }

  async #mustFind(id: string): Promise<{ volume: LogicalVolume; place: VolumePlace }> {
    const found = await this.#find(id)
    if (!found) throw new Refusal('not-found', `the pool has no volume ${id}`)
    return found
  }

  async #snapshot(id: string, snapshot: string): Promise<Held> {
    const name = snapshotName(id, snapshot)
    const found = (await this.#thin.held()).find(({ volume }) => volume.name === name)
    if (!found) throw new Refusal('not-found', `the volume ${id} has no snapshot ${snapshot}`)
    return found
  }

  async #mustBeClosed(id: string, volume: LogicalVolume): Promise<void> {
    const opened = this.#opened.get(id)
    if (opened?.writer || (opened?.readers.size ?? 0) > 0 || (!opened && (await this.#thin.isHeld(volume))))
      throw new Refusal('in-use', `the volume ${id} is open`)
  }

  /** One with this content (of nothing: zeros), this size and these tags; all or nothing. `replaced` goes in the same step. */
  async #make(place: VolumePlace, origin: Held | undefined, replaced?: string): Promise<void> {
    const name = volumeName(place.id)
    const making = makingName(name)
    await this.#thin.create(making, tagsOf(place), origin?.volume.name, place.bytes)
    try {
      if (origin && origin.place.bytes > place.bytes)
        await this.#thin.zero({ ...origin.volume, name: making }, place.bytes)
      else if (origin && origin.volume.bytes < place.bytes) await this.#thin.extend(making, place.bytes)
      const old = replacedName(name)
      if (replaced !== undefined) await this.#thin.rename(replaced, old)
      await this.#thin.rename(making, name)
      // From here on it is done; what stays of the old one goes at the next start.
      if (replaced !== undefined) await this.#thin.remove(old).catch(() => {})
    } catch (error) {
      await this.#thin.remove(making).catch(() => {})
      if (replaced !== undefined) await this.#thin.rename(replacedName(name), name).catch(() => {})
      throw error
    }
  }

  /** Bases stay for a volume that is made anew; they go before another one needs their room. */
  async #sweep(wanted: string): Promise<void> {
    const all = (await this.#thin.held()).map(({ volume }) => volume)
    if (all.some(({ name }) => name === baseName(wanted))) return
    const idle = idleBases(all)
    if (idle.length > 0) await this.#thin.remove(...idle)
  }

  async #baseOf(place: VolumePlace): Promise<Held | undefined> {
    if (place.base === null) return undefined
    const base: VolumeBase = { image: '', version: 0, chunks: place.base, bytes: place.baseBytes }
    return this.#base(base, await listOfBase(base, this.#options.listOf))
  }

  /** Thin volume with the content of an image version: unpacked once, then only copied from. */
  async #base(base: VolumeBase, list: ChunkList): Promise<Held> {
    const name = baseName(base.chunks)
    const there = (await this.#thin.held()).find(({ volume }) => volume.name === name)
    if (there) return there
    const making = makingName(name)
    const place: Place = { kind: 'base', chunks: base.chunks, bytes: base.bytes }
    await this.#thin.create(making, tagsOf(place), undefined, base.bytes)
    try {
      const device = await PathDevice.open(await this.#thin.device(making), {
        ...{ bytes: base.bytes, readOnly: false, blockBytes: this.#thin.blockBytes },
        mayWrite: (bytes) => this.#room.take(bytes),
      })
      await fillFrom(device, list, this.#options.chunks).finally(() => device.close())
      await this.#thin.rename(making, name)
    } catch (error) {
      await this.#thin.remove(making).catch(() => {})
      throw error
    }
    const volume = await this.#thin.volume(name)
    if (!volume) throw new Refusal('not-available', 'LVM made a volume that it does not show')
    return { volume, place }
  }
}

function checkBytes(bytes: number): void {
  if (!(bytes >= LEAST_VOLUME_BYTES && bytes <= MOST_VOLUME_BYTES && bytes % 512 === 0))
    throw new Refusal('validation-failed', `a volume cannot have ${bytes} bytes`, {
      next: 'sizes are whole sectors of 512 bytes, from 1 MiB to 64 TiB',
    })
}

import type { Clock } from '../kit/clock.ts'
import { Refusal } from '../kit/errors.ts'
import type { Log } from '../kit/log.ts'
import { baseOf, nameOfBase, type ResolveImage } from './bases.ts'
import type { BlockDevice } from './block-device.ts'
import { refuseExamined, refuseExported } from './holding.ts'
import type { VolumeLedger } from './ledger.ts'
import { blankVolume, defined, type NewVolume, refuseUnusable, type VolumePatch } from './new-volume.ts'
import { reconcile, unlessGone, unlessOpen, without } from './pending.ts'
import type { PoolUsage, VolumePool } from './pool.ts'
import { judgeRoom, type Room, refuseIfFull, type Thresholds } from './room.ts'
import type { Targets } from './targets.ts'
import { Turns } from './turns.ts'
import {
  MOST_SNAPSHOTS,
  type PendingChange,
  type Volume,
  type VolumeBase,
  type VolumeCondition,
  type VolumeFacts,
} from './volume.ts'

export type { NewVolume, VolumePatch } from './new-volume.ts'

type Dependencies = Readonly<{
  ledger: VolumeLedger
  pool: VolumePool
  targets: Targets
  resolveImage: ResolveImage
  /** Names of the profiles whose disks name a volume. */
  usedBy?: ((name: string) => readonly string[]) | undefined
  thresholds: Thresholds
  /** The pool does not see what the engine writes: nobody may be logged in while content is frozen or copied. */
  still?: boolean | undefined
  clock: Clock
  log: Log
}>

/**
 * The volumes: what is said of them is in the ledger, their bytes in the pool. What changes both is noted in the ledger first, so that after
 * a crash it is as before or as after. Changes of one volume happen one after another.
 */
export class Volumes {
  readonly ledger: VolumeLedger
  readonly targets: Targets
  readonly #with: Dependencies
  readonly #turns = new Turns()
  readonly #problem: string | undefined

  private constructor(dependencies: Dependencies, problem: string | undefined) {
    this.#with = dependencies
    this.#problem = problem
    this.ledger = dependencies.ledger
    this.targets = dependencies.targets
  }

  static async open(dependencies: Dependencies): Promise<Volumes> {
    return new Volumes(dependencies, await reconcile(dependencies))
  }

  /** Why volumes cannot be served as they should, in a sentence; `undefined` when they can. */
  get problem(): string | undefined {
    return this.#problem
  }

  get pool(): VolumePool {
    return this.#with.pool
  }

  facts(id: string): Promise<VolumeFacts> {
    return this.#with.pool.facts(id)
  }

  async room(): Promise<Room & PoolUsage> {
    const usage = await this.#with.pool.usage()
    return { ...usage, ...judgeRoom(usage, this.#with.thresholds) }
  }

  /** Does work that nothing else on this volume comes between. Do not nest. */
  alone<T>(id: string, work: (volume: Volume) => Promise<T>): Promise<T> {
    return this.#turns.take(id, () => work(this.ledger.known(id)))
  }

  async create(given: NewVolume, by: string): Promise<Volume> {
    const release = this.ledger.reserve(given.name)
    try {
      const { clone = null, image = null } = given
      if (clone && image) throw new Refusal('validation-failed', 'a volume is made of an image or as a clone, not both')
      refuseIfFull(await this.room())
      if (clone) return await this.#clone(given, clone, by)
      const base = image === null ? null : baseOf(image, this.#with.resolveImage)
      const bytes = given.bytes ?? base?.bytes
      if (bytes === undefined)
        throw new Refusal('validation-failed', 'an empty volume needs a size', {
          problems: [{ path: 'bytes', message: 'give a size, an image, or a volume to clone' }],
        })
      if (base && bytes < base.bytes)
        throw new Refusal('validation-failed', `${nameOfBase(base)} has ${base.bytes} bytes, more than ${bytes}`, {
          problems: [{ path: 'bytes', message: `at least ${base.bytes}` }],
        })
      const volume = this.#blank(given, { bytes, base, untouched: true }, by)
      await this.ledger.write({ save: { volumes: [volume] } })
      return await this.#made(volume, () => this.pool.create(volume.id, volume))
    } finally {
      release()
    }
  }

  update(id: string, patch: VolumePatch): Promise<Volume> {
    return this.alone(id, async (volume) => {
      if (patch.condition !== undefined) await this.#allowCondition(volume, patch.condition)
      const renamed = patch.name !== undefined && patch.name !== volume.name
      if (renamed) this.#refuseNamed(volume, [volume.name])
      const release = renamed ? this.ledger.reserve(patch.name as string) : () => undefined
      try {
        if (patch.limitBytes !== undefined && patch.limitBytes !== volume.limitBytes) {
          const { limitBytes } = patch
          await this.#changed(volume, { kind: 'limit', limitBytes }, () => this.pool.limit(id, limitBytes), {
            limitBytes,
          })
        }
        const { scsi, limitBytes: _, ...rest } = defined(patch)
        return await this.ledger.change(id, {
          ...rest,
          ...(scsi ? { scsi: { ...volume.scsi, ...defined(scsi) } } : {}),
        })
      } finally {
        release()
      }
    })
  }

  /** Refused while it is exported, somebody is logged in, or a maintenance needs it. */
  remove(id: string): Promise<void> {
    return this.alone(id, async (volume) => {
      if (volume.use.kind === 'maintenance')
        throw new Refusal('in-use', `the volume ${volume.name} is the master of a maintenance`, {
          next: 'publish or discard the maintenance',
        })
      this.#refuseNamed(volume, [volume.name, id])
      await this.#drop(volume)
    })
  }

  /** Ends sessions and everything that it is given for, then deletes it. */
  removeForced(id: string): Promise<void> {
    return this.alone(id, async (volume) => {
      for (const each of this.ledger.holding(id)) await this.targets.detach(each)
      await this.#drop(volume)
    })
  }

  snapshot(id: string, name: string, note: string, by: string): Promise<Volume> {
    return this.alone(id, async (volume) => {
      refuseUnusable(volume)
      if (volume.snapshots.some((each) => each.name === name))
        throw new Refusal('conflict', `the volume ${volume.name} has a snapshot ${name} already`, {
          next: 'choose another name',
        })
      if (volume.snapshots.length >= MOST_SNAPSHOTS)
        throw new Refusal(
          'too-large',
          `the volume ${volume.name} has ${MOST_SNAPSHOTS} snapshots, the most there may be`,
          {
            next: 'delete some of them first',
          },
        )
      refuseIfFull(await this.room())
      const made = { name, note, createdBy: by, createdAt: this.#with.clock.now() }
      return this.#changed(
        volume,
        { kind: 'snapshot', name },
        () => this.#still(volume, () => this.pool.snapshot(id, name)),
        {
          snapshots: [...volume.snapshots, made],
          active: name,
        },
      )
    })
  }

  removeSnapshot(id: string, name: string): Promise<Volume> {
    return this.alone(id, async (volume) => {
      this.#refuseUnknownSnapshot(volume, name)
      const used = this.ledger
        .holding(id)
        .some(({ disks }) => disks.some((disk) => disk.volume === id && disk.snapshot === name))
      if (used)
        throw new Refusal('in-use', `the snapshot ${name} of ${volume.name} is exported`, {
          next: 'end that export first',
        })
      return this.#changed(
        volume,
        { kind: 'remove-snapshot', name },
        () => unlessGone(this.pool.removeSnapshot(id, name)),
        without(volume, name),
      )
    })
  }

  /** Back to a snapshot, or to what it began with. What was set aside is in service again. */
  revert(id: string, snapshot: string | null, { kick }: Readonly<{ kick: boolean }>): Promise<Volume> {
    return this.alone(id, async (volume) => {
      refuseUnusable(volume)
      if (snapshot !== null) this.#refuseUnknownSnapshot(volume, snapshot)
      refuseExamined(volume, this.ledger.holding(id))
      const condition = volume.condition === 'modified' ? 'ready' : volume.condition
      return this.targets.paused(volume, { kick }, () =>
        this.#changed(volume, { kind: 'revert', snapshot }, () => this.pool.revert(id, snapshot), {
          active: snapshot,
          condition,
          resetAtBoot: false,
          // A volume that began as a clone or was restored has more below its first layer than its base.
          untouched: volume.untouched,
        }),
      )
    })
  }

  /** Drops content and snapshots. Over an image: that version again, or `base`. */
  recreate(id: string, { kick, base, bytes }: Readonly<{ kick: boolean; base?: VolumeBase; bytes?: number }>) {
    return this.alone(id, async (volume) => {
      refuseExamined(volume, this.ledger.holding(id))
      const frozen = this.ledger.holding(id).find(({ disks }) => disks.some(({ snapshot }) => snapshot !== null))
      if (frozen)
        throw new Refusal('in-use', `a snapshot of ${volume.name} is exported`, { next: 'end that export first' })
      const next = {
        ...volume,
        base: base ?? volume.base,
        bytes: bytes ?? volume.bytes,
        pending: { kind: 'recreate' } as const,
      }
      return this.targets.paused(volume, { kick }, async () => {
        await this.ledger.change(id, next)
        await unlessOpen(this.ledger, volume, () => this.pool.remove(id))
        await this.pool.create(id, next)
        const fresh = { snapshots: [], active: null, untouched: true, resetAtBoot: false, condition: 'ready' as const }
        return this.ledger.change(id, { ...fresh, pending: null })
      })
    })
  }

  resize(id: string, bytes: number, { shrink }: Readonly<{ shrink: boolean }>): Promise<Volume> {
    return this.alone(id, async (volume) => {
      refuseUnusable(volume)
      if (bytes < volume.bytes && !shrink)
        throw new Refusal(
          'validation-failed',
          `the volume ${volume.name} has ${volume.bytes} bytes; its end would be cut off`,
          {
            next: 'make its filesystems smaller first, then allow it: --shrink',
            problems: [{ path: 'shrink', message: 'needed to cut off the end' }],
          },
        )
      if (bytes > volume.bytes) refuseIfFull(await this.room())
      return this.targets.paused(volume, { kick: false }, () =>
        this.#changed(volume, { kind: 'resize', bytes }, () => this.pool.resize(id, bytes), { bytes }),
      )
    })
  }

  /** Does work on a state that is frozen for it and goes afterwards; changes of the volume go on meanwhile. */
  async frozen<T>(id: string, work: (snapshot: string) => Promise<T>): Promise<T> {
    const name = `copy-${this.ledger.newId('j').slice(2)}`
    await this.alone(id, (volume) =>
      this.#changed(volume, { kind: 'snapshot', name }, () => this.#still(volume, () => this.pool.snapshot(id, name)), {
        frozen: [...volume.frozen, name],
      }),
    )
    try {
      return await work(name)
    } finally {
      await this.alone(id, async (volume) => {
        await unlessGone(this.pool.removeSnapshot(id, name))
        await this.ledger.change(id, { frozen: volume.frozen.filter((each) => each !== name) })
      })
    }
  }

  /** Does work on the content of this moment, or of a snapshot. */
  reading<T>(volume: Volume, snapshot: string | null, work: () => Promise<T>): Promise<T> {
    return snapshot === null && this.#with.still ? this.alone(volume.id, () => this.#still(volume, work)) : work()
  }

  #still<T>(volume: Volume, work: () => Promise<T>): Promise<T> {
    return this.#with.still ? this.targets.paused(volume, { kick: false }, work) : work()
  }

  /** Lets all of the content be replaced; if that fails, or is interrupted, the volume is `damaged`. `bytes`: what it must have room for. */
  overwrite(id: string, bytes: number, work: (device: BlockDevice) => Promise<void>): Promise<void> {
    return this.alone(id, async (volume) => {
      refuseExamined(volume, this.ledger.holding(id))
      if (bytes > volume.bytes)
        throw new Refusal('too-large', `the file has ${bytes} bytes, more than ${volume.name} with ${volume.bytes}`, {
          next: `make the volume larger first: reveille volume resize ${volume.name}`,
        })
      await this.targets.paused(volume, { kick: false }, async () => {
        const device = await this.pool.open(id, { readOnly: false })
        try {
          await this.ledger.change(id, { pending: { kind: 'restore' }, untouched: false })
          await work(device)
        } catch (error) {
          await this.ledger.change(id, { pending: null, condition: 'damaged' })
          throw error
        } finally {
          await device.close()
        }
        const condition = volume.condition === 'damaged' ? 'ready' : volume.condition
        await this.ledger.change(id, { pending: null, active: null, condition })
      })
    })
  }

  async #clone(given: NewVolume, from: Readonly<{ volume: string; snapshot: string | null }>, by: string) {
    return this.alone(this.ledger.known(from.volume).id, async (source) => {
      refuseUnusable(source)
      if (from.snapshot !== null) this.#refuseUnknownSnapshot(source, from.snapshot)
      const { base, bytes } = source
      const volume = this.#blank({ scsi: source.scsi, ...given }, { base, bytes, untouched: false }, by)
      await this.ledger.write({ save: { volumes: [volume] } })
      const made = await this.#made(volume, async () => {
        const copy = () => this.pool.clone(volume.id, { id: source.id, snapshot: from.snapshot })
        await (from.snapshot === null ? this.#still(source, copy) : copy())
        if (volume.limitBytes !== null) await this.pool.limit(volume.id, volume.limitBytes)
        if (given.bytes != null && given.bytes > bytes) await this.pool.resize(volume.id, given.bytes)
      })
      return given.bytes != null && given.bytes > bytes ? this.ledger.change(made.id, { bytes: given.bytes }) : made
    })
  }

  #blank(given: NewVolume, content: Pick<Volume, 'base' | 'bytes' | 'untouched'>, by: string): Volume {
    return blankVolume(given, { ...content, id: this.ledger.newId('v'), by, now: this.#with.clock.now() })
  }

  /** Makes the bytes of a volume that is noted; without them it is forgotten again. */
  async #made(volume: Volume, work: () => Promise<void>): Promise<Volume> {
    try {
      await work()
    } catch (error) {
      await this.pool.remove(volume.id).catch(() => undefined)
      await this.ledger.write({ remove: { volumes: [volume.id] } })
      throw error
    }
    return this.ledger.change(volume.id, { pending: null })
  }

  async #drop(volume: Volume): Promise<void> {
    const given = this.ledger.holding(volume.id).find((each) => each.for.kind !== 'boot')
    if (given)
      throw new Refusal('in-use', `the volume ${volume.name} is exported`, {
        next: `end that first: reveille volume unexport ${volume.name} ${given.id}`,
      })
    await this.targets.refuseInSession(volume)
    await this.targets.detachIdleBoots(volume.id)
    await this.ledger.change(volume.id, { pending: { kind: 'remove' } })
    await unlessOpen(this.ledger, volume, () => this.pool.remove(volume.id))
    await this.ledger.write({ remove: { volumes: [volume.id] } })
  }

  /** Notes a change, makes it, and says so; a refused one has changed nothing. */
  async #changed(volume: Volume, pending: PendingChange, work: () => Promise<void>, after: Partial<Volume>) {
    await this.ledger.change(volume.id, { pending })
    try {
      await unlessOpen(this.ledger, volume, work)
    } catch (error) {
      await this.ledger.change(volume.id, { pending: null })
      throw error
    }
    return this.ledger.change(volume.id, { ...after, pending: null })
  }

  async #allowCondition(volume: Volume, condition: VolumeCondition): Promise<void> {
    if (condition === volume.condition) return
    if (volume.condition === 'damaged')
      throw new Refusal('wrong-state', `the volume ${volume.name} is damaged`, {
        next: `begin anew: reveille volume recreate ${volume.name}`,
      })
    refuseExamined(volume, this.ledger.holding(volume.id))
    if (condition === 'ready') return
    refuseExported(volume, this.ledger.holding(volume.id), condition)
    await this.targets.refuseInSession(volume)
    await this.targets.detachIdleBoots(volume.id)
  }

  #refuseNamed({ name }: Volume, references: readonly string[]): void {
    const [profile] = references.flatMap((each) => this.#with.usedBy?.(each) ?? [])
    if (profile !== undefined)
      throw new Refusal('in-use', `the volume ${name} is a disk of the profile ${profile}`, {
        next: 'name another volume in that profile first',
      })
  }

  #refuseUnknownSnapshot(volume: Volume, name: string): void {
    if (volume.snapshots.some((each) => each.name === name)) return
    throw new Refusal('not-found', `the volume ${volume.name} has no snapshot ${name}`, {
      next: `see its snapshots: reveille volume show ${volume.name}`,
    })
  }
}

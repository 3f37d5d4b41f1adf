import { randomBytes } from 'node:crypto'
import type { Clock } from '../kit/clock.ts'
import { Refusal } from '../kit/errors.ts'
import { ManyBy } from '../kit/many-by.ts'
import { orMeant } from '../kit/nearest.ts'
import type { Attachment } from './attachment.ts'
import type { Maintenance, Rollout } from './maintenance.ts'
import type { VolumeChange, VolumeRepository } from './repository.ts'
import type { Volume } from './volume.ts'

type Dependencies = Readonly<{
  repository: VolumeRepository
  clock: Clock
  events: { publish(event: { topic: 'volume'; id: string; change: 'saved' | 'removed' }): void }
}>

/** `/api/v1/volumes/sessions` is the list of sessions. */
const NOT_NAMES: ReadonlySet<string> = new Set(['sessions'])

/** All that is known of volumes and of what they are given to: in memory, every change durable before it is seen. */
export class VolumeLedger {
  readonly #with: Dependencies
  readonly #volumes = new Map<string, Volume>()
  readonly #byName = new Map<string, string>()
  readonly #overlays = new Map<string, string>()
  readonly #attachments = new Map<string, Attachment>()
  readonly #byIqn = new Map<string, string>()
  /** Ids by what is asked for: overlays and boots by machine, attachments by volume. There may be one of each for every machine. */
  readonly #overlaysOf = new ManyBy<string, string>()
  readonly #bootsOf = new ManyBy<string, string>()
  readonly #heldBy = new ManyBy<string, string>()
  readonly #maintenances = new Map<string, Maintenance>()
  readonly #rollouts = new Map<string, Rollout>()
  /** Names on their way into the store. */
  readonly #reserved = new Set<string>()
  #last: Promise<unknown> = Promise.resolve()

  private constructor(dependencies: Dependencies) {
    this.#with = dependencies
  }

  static async open(dependencies: Dependencies): Promise<VolumeLedger> {
    const ledger = new VolumeLedger(dependencies)
    const { volumes, attachments, maintenances, rollouts } = await dependencies.repository.all()
    for (const volume of volumes) ledger.#putVolume(volume)
    for (const attachment of attachments) ledger.#putAttachment(attachment)
    for (const each of maintenances) ledger.#maintenances.set(each.id, each)
    for (const each of rollouts) ledger.#rollouts.set(each.id, each)
    return ledger
  }

  /** Sorted by name. */
  volumes(): Volume[] {
    return [...this.#volumes.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  get(id: string): Volume | undefined {
    return this.#volumes.get(id)
  }

  /** By id or name. */
  find(reference: string): Volume | undefined {
    return this.#volumes.get(reference) ?? this.#volumes.get(this.#byName.get(reference) ?? '')
  }

  /** The volume, refused (`not-found`) when there is none. */
  known(reference: string): Volume {
    const volume = this.find(reference)
    if (!volume)
      throw new Refusal('not-found', `there is no volume ${reference}`, {
        next: orMeant(reference, this.#byName.keys(), 'list them: reveille volume list'),
      })
    return volume
  }

  overlay(machine: string, profile: string, lun: number): Volume | undefined {
    return this.#volumes.get(this.#overlays.get(overlayKey(machine, profile, lun)) ?? '')
  }

  /** Sorted by name. */
  overlaysOf(machine: string): Volume[] {
    const overlays = [...this.#overlaysOf.of(machine)].flatMap((id) => this.#volumes.get(id) ?? [])
    return overlays.sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  attachments(): Attachment[] {
    return [...this.#attachments.values()]
  }

  attachment(id: string): Attachment | undefined {
    return this.#attachments.get(id)
  }

  byIqn(iqn: string): Attachment | undefined {
    return this.#attachments.get(this.#byIqn.get(iqn) ?? '')
  }

  /** What a volume is given to now. */
  holding(volume: string): Attachment[] {
    return [...this.#heldBy.of(volume)].flatMap((id) => this.#attachments.get(id) ?? [])
  }

  bootsOf(machine: string): Attachment[] {
    return [...this.#bootsOf.of(machine)].flatMap((id) => this.#attachments.get(id) ?? [])
  }

  /** The newest first. */
  maintenances(): Maintenance[] {
    return [...this.#maintenances.values()].sort((a, b) => b.startedAt - a.startedAt || (a.id < b.id ? -1 : 1))
  }

  maintenance(id: string): Maintenance | undefined {
    return this.#maintenances.get(id)
  }

  /** The newest first. */
  rollouts(): Rollout[] {
    return [...this.#rollouts.values()].sort((a, b) => b.startedAt - a.startedAt || (a.id < b.id ? -1 : 1))
  }

  rollout(id: string): Rollout | undefined {
    return this.#rollouts.get(id)
  }

  /** Keeps a name for a volume that is being made; refused (`conflict`) when it is taken. The returned function gives it back. */
  reserve(name: string): () => void {
    if (NOT_NAMES.has(name))
      throw new Refusal('validation-failed', `${name} is a word of the API, not a name of a volume`, {
        next: 'choose another name',
      })
    if (this.taken(name))
      throw new Refusal('conflict', `there is a volume ${name} already`, { next: 'choose another name' })
    this.#reserved.add(name)
    return () => void this.#reserved.delete(name)
  }

  taken(name: string): boolean {
    return this.#byName.has(name) || this.#reserved.has(name) || this.#volumes.has(name)
  }

  newId(prefix: 'v' | 'a' | 't' | 'r' | 'j'): string {
    return `${prefix}_${randomBytes(8).toString('hex')}`
  }

  /** One change after another. A function is asked when its turn comes: what it reads here then is what it changes. */
  write(change: VolumeChange | (() => VolumeChange)): Promise<void> {
    const work = () => this.#write(typeof change === 'function' ? change() : change)
    const result = this.#last.then(work)
    this.#last = result.catch(() => undefined)
    return result
  }

  /** Waits until the changes that were asked for before are seen. */
  async settled(): Promise<void> {
    await this.#last
  }

  async #write(change: VolumeChange): Promise<void> {
    await this.#with.repository.write(change)
    const told = new Set<string>()
    for (const id of change.remove?.attachments ?? []) {
      const gone = this.#attachments.get(id)
      if (!gone) continue
      this.#attachments.delete(id)
      this.#unindex(gone)
      for (const { volume } of gone.disks) told.add(volume)
    }
    for (const id of change.remove?.volumes ?? []) {
      this.#dropVolume(id)
      told.delete(id)
      this.#with.events.publish({ topic: 'volume', id, change: 'removed' })
    }
    for (const volume of change.save?.volumes ?? []) {
      this.#putVolume(volume)
      told.add(volume.id)
    }
    for (const attachment of change.save?.attachments ?? []) {
      this.#putAttachment(attachment)
      for (const { volume } of attachment.disks) told.add(volume)
    }
    for (const each of change.save?.maintenances ?? []) {
      this.#maintenances.set(each.id, each)
      told.add(each.id)
    }
    for (const each of change.save?.rollouts ?? []) {
      this.#rollouts.set(each.id, each)
      told.add(each.id)
    }
    for (const id of told) this.#with.events.publish({ topic: 'volume', id, change: 'saved' })
  }

  /** Changes what is there now of a volume; `not-found` when it went meanwhile. */
  async change(id: string, patch: Partial<Volume>): Promise<Volume> {
    let after: Volume | undefined
    await this.write(() => {
      after = this.changed(id, patch)
      return { save: { volumes: [after] } }
    })
    return after as unknown as Volume
  }

  /** A volume as it will be with a change, for `write`. */
  changed(id: string, patch: Partial<Volume>): Volume {
    return { ...this.known(id), ...patch, id, updatedAt: this.#with.clock.now() }
  }

  #putVolume(volume: Volume): void {
    this.#dropVolume(volume.id)
    this.#volumes.set(volume.id, volume)
    this.#byName.set(volume.name, volume.id)
    if (volume.use.kind !== 'overlay') return
    this.#overlays.set(overlayKey(volume.use.machine, volume.use.profile, volume.use.lun), volume.id)
    this.#overlaysOf.add(volume.use.machine, volume.id)
  }

  #dropVolume(id: string): void {
    const before = this.#volumes.get(id)
    if (!before) return
    this.#volumes.delete(id)
    this.#byName.delete(before.name)
    if (before.use.kind !== 'overlay') return
    this.#overlays.delete(overlayKey(before.use.machine, before.use.profile, before.use.lun))
    this.#overlaysOf.remove(before.use.machine, id)
  }

  #putAttachment(attachment: Attachment): void {
    const { id, iqn, disks } = attachment
    const before = this.#attachments.get(id)
    if (before) this.#unindex(before)
    this.#attachments.set(id, attachment)
    this.#byIqn.set(iqn, id)
    for (const { volume } of disks) this.#heldBy.add(volume, id)
    if (attachment.for.kind === 'boot') this.#bootsOf.add(attachment.for.machine, id)
  }

  #unindex(attachment: Attachment): void {
    const { id, iqn, disks } = attachment
    this.#byIqn.delete(iqn)
    for (const { volume } of disks) this.#heldBy.remove(volume, id)
    if (attachment.for.kind === 'boot') this.#bootsOf.remove(attachment.for.machine, id)
  }
}

function overlayKey(machine: string, profile: string, lun: number): string {
  return `${machine}/${profile}/${lun}`
}

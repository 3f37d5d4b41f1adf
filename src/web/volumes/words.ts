import type { IscsiSession } from '../../api/contract/iscsi.ts'
import type { Volume, VolumeJob } from '../../api/contract/volumes.ts'
import { bytes, clock, count } from '../parts/words.ts'

/** What volumes are, who has them, and what an action takes away, as sentences. Pure, so that tests can hold them to it. */

export type Condition = Volume['condition']
export type Use = Volume['use']
export type VolumeFilter = {
  q?: string | undefined
  use?: Use | undefined
  condition?: Condition | undefined
  machine?: string | undefined
  label?: string | undefined
}

export const CONDITION_HINTS: Readonly<Record<Condition, string>> = {
  ready: 'May be served.',
  modified: 'Its boots are used up, or somebody set it aside. It is not served until it is reverted.',
  mounted: 'Handed read-only to another machine for examination.',
  offline: 'Taken out of service by a person.',
  damaged: 'Its base is missing or has changed, so that its content cannot be trusted. It is not served.',
}

export const USE_WORDS: Readonly<Record<Use, string>> = { own: 'own', overlay: 'overlay', maintenance: 'maintenance' }

const GIB = 1024 ** 3

/** What a person types in GiB, in whole sectors. */
export function fromGiB(gib: number | null): number | null {
  return gib === null || !(gib > 0) ? null : Math.round((gib * GIB) / 512) * 512
}

export function toGiB(size: number | null): number | null {
  return size === null ? null : size / GIB
}

/** What a volume is made of: `debian@3`, `empty`. */
export function baseText({ base }: Pick<Volume, 'base'>): string {
  return base ? `${base.image}@${base.version}` : 'empty'
}

/** Who is logged in to it now. */
export function attachedTo(volume: Pick<Volume, 'exports'>): readonly string[] {
  return volume.exports.filter((each) => each.sessions > 0).map((each) => each.for)
}

/** What is lost when a volume goes back to a snapshot, or to its base (`null`). */
export function lostByRevert(volume: Volume, snapshot: string | null): string {
  const at = volume.snapshots.find(({ name }) => name === snapshot)
  const since = at
    ? `since the snapshot ${at.name} was taken (${clock(at.createdAt)})`
    : volume.base
      ? `since it was made of ${baseText(volume)}`
      : 'since it was made'
  const then = at || volume.base ? '' : ' It is empty again.'
  return `Everything that was written to ${volume.name} ${since} is lost, but for what snapshots hold.${then} Snapshots stay.`
}

export function lostByDelete(volume: Volume): string {
  const own = volume.ownBytes === null ? 'Its content' : `Its content (${bytes(volume.ownBytes)} of its own)`
  const snapshots = volume.snapshots.length > 0 ? ` and its ${count(volume.snapshots.length, 'snapshot')}` : ''
  const base = volume.base ? ` The image version ${baseText(volume)} stays.` : ''
  return `${own}${snapshots} ${snapshots ? 'are' : 'is'} deleted.${base} This cannot be undone.`
}

/** Something that only the volume holds: then deleting it is worth typing its name. */
export function holdsWork(volume: Volume): boolean {
  return (volume.ownBytes ?? 1) > 0 && volume.use !== 'overlay'
}

const DOING: Readonly<Record<VolumeJob['what'], string>> = { publish: 'Publish', dump: 'Dump', restore: 'Restore' }

export function jobTitle(job: Pick<VolumeJob, 'what' | 'volume' | 'image'>): string {
  return job.what === 'publish' && job.image
    ? `Publish ${job.volume} as ${job.image}`
    : `${DOING[job.what]} ${job.volume}`
}

/** A time in microseconds: `85 µs`, `1.2 ms`, `34 ms`, `1.1 s`; nothing where nothing was measured. */
export function latency(us: number): string {
  if (us <= 0) return ''
  if (us < 1000) return `${Math.round(us)} µs`
  if (us < 1_000_000) return `${(us / 1000).toFixed(us < 10_000 ? 1 : 0)} ms`
  return `${(us / 1_000_000).toFixed(1)} s`
}

/** Reads and writes of a session or many, a second. */
export function busy(sessions: readonly IscsiSession[]) {
  const sum = (of: (session: IscsiSession) => number) => sessions.reduce((total, each) => total + of(each), 0)
  return {
    iops: sum((each) => each.readsPerSecond + each.writesPerSecond),
    read: sum((each) => each.readBytesPerSecond),
    written: sum((each) => each.writtenBytesPerSecond),
  }
}

/** The part of what was read that came from the warm cache; `null` where nothing was read. */
export function hitShare({ cacheHitBytes, cacheMissBytes }: IscsiSession): number | null {
  const all = cacheHitBytes + cacheMissBytes
  return all > 0 ? cacheHitBytes / all : null
}

/** A share in whole per cent that never rounds up to 100 % while something missed. */
export function percent(share: number): string {
  return `${share < 1 ? Math.min(99, Math.round(share * 100)) : 100} %`
}

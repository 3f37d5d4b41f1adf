import { Refusal } from '../kit/errors.ts'
import { DEFAULT_SCSI, type ScsiIdentity, type Volume, type VolumeCondition, type VolumeUse } from './volume.ts'

export type NewVolume = Readonly<{
  name: string
  /** One of image, clone and bytes at least. */
  image?: string | null
  clone?: Readonly<{ volume: string; snapshot: string | null }> | null
  bytes?: number | null
  limitBytes?: number | null
  labels?: Readonly<Record<string, string>>
  notes?: string
  scsi?: { [Key in keyof ScsiIdentity]?: string | undefined }
  bootsLeft?: number | null
  use?: VolumeUse
}>

export type VolumePatch = Readonly<{
  name?: string | undefined
  labels?: Readonly<Record<string, string>> | undefined
  notes?: string | undefined
  scsi?: { [Key in keyof ScsiIdentity]?: string | undefined } | undefined
  limitBytes?: number | null | undefined
  bootsLeft?: number | null | undefined
  condition?: Extract<VolumeCondition, 'ready' | 'modified' | 'offline'> | undefined
}>

/** A volume as it begins. */
export function blankVolume(
  given: NewVolume,
  {
    id,
    by,
    now,
    ...content
  }: Readonly<{ id: string; by: string; now: number }> & Pick<Volume, 'base' | 'bytes' | 'untouched'>,
): Volume {
  return {
    id,
    name: given.name,
    use: given.use ?? { kind: 'own' },
    condition: 'ready',
    owner: by,
    labels: given.labels ?? {},
    notes: given.notes ?? '',
    scsi: { ...DEFAULT_SCSI, ...defined(given.scsi ?? {}) },
    snapshots: [],
    active: null,
    limitBytes: given.limitBytes ?? null,
    bootsLeft: given.bootsLeft ?? null,
    lastAttachedAt: null,
    resetAtBoot: false,
    pending: { kind: 'create' },
    frozen: [],
    createdAt: now,
    updatedAt: now,
    ...content,
  }
}

/** A volume that is damaged, or that a change under way has hold of, is not worked on. */
export function refuseUnusable(volume: Volume): void {
  if (volume.condition === 'damaged')
    throw new Refusal('corrupt', `the volume ${volume.name} is damaged: its base or its content is missing`, {
      next: `begin anew: reveille volume recreate ${volume.name}`,
    })
  if (volume.pending)
    throw new Refusal('wrong-state', `a change of the volume ${volume.name} is not finished (${volume.pending.kind})`, {
      next: 'wait for it; after a failure, restart the server: it is finished then',
    })
}

/** What a patch leaves out stays as it is. */
export function defined<T extends object>(patch: T): { [Key in keyof T]?: Exclude<T[Key], undefined> } {
  return Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined)) as never
}

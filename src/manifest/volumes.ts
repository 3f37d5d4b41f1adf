import { isDeepStrictEqual } from 'node:util'
import type { Manifest } from '../api/contract/server.ts'
import { Refusal } from '../kit/errors.ts'
import { baseOf, nameOfBase, type ResolveImage } from '../volumes/bases.ts'
import type { NewVolume, VolumePatch } from '../volumes/new-volume.ts'
import { DEFAULT_SCSI, type Volume } from '../volumes/volume.ts'

export type DeclaredVolume = Manifest['volumes'][number]
/** What is needed of `Volumes`. */
export type VolumeKeeper = Readonly<{
  ledger: { find(reference: string): Volume | undefined; overlaysOf(machine: string): readonly Volume[] }
  create(given: NewVolume, by: string): Promise<unknown>
  update(id: string, patch: VolumePatch): Promise<unknown>
}>
export type PlannedVolume = Readonly<{
  name: string
  change: 'create' | 'update' | 'none'
  fields: readonly string[]
  declared: DeclaredVolume
  before: Volume | undefined
}>

/**
 * What volumes become when they are made to match a manifest. Content is never changed by that: a volume that is there, but over another image or
 * of another size, is refused.
 */
export function planVolumes(
  declared: readonly DeclaredVolume[],
  volumes: Readonly<{ ledger: Pick<VolumeKeeper['ledger'], 'find'> }>,
  resolve: ResolveImage,
): PlannedVolume[] {
  const names = new Set<string>()
  return declared.map((each) => {
    if (names.has(each.name)) throw new Refusal('conflict', `the manifest names the volume ${each.name} twice`)
    names.add(each.name)
    const before = volumes.ledger.find(each.name)
    if (!before) {
      refuseNew(each, resolve)
      return { name: each.name, change: 'create', fields: Object.keys(each), declared: each, before }
    }
    refuseOther(each, before)
    const fields = changedFields(each, before)
    return { name: each.name, change: fields.length > 0 ? 'update' : 'none', fields, declared: each, before }
  })
}

/** Makes them so. Volumes that are not named are left alone. */
export async function applyVolumes(
  plan: readonly PlannedVolume[],
  volumes: VolumeKeeper,
  by: string,
): Promise<readonly PlannedVolume[]> {
  for (const { change, declared, before } of plan) {
    if (change === 'create') await volumes.create(declared, by)
    else if (change === 'update' && before) await volumes.update(before.id, saidOf(declared))
  }
  return plan
}

function refuseNew({ name, image, bytes }: DeclaredVolume, resolve: ResolveImage): void {
  if (image === null) {
    if (bytes === null)
      throw new Refusal('validation-failed', `the volume ${name} needs an image or a size`, {
        next: 'add image: NAME, or bytes: NUMBER',
      })
    return
  }
  const base = baseOf(image, resolve)
  if (bytes !== null && bytes < base.bytes)
    throw new Refusal('validation-failed', `the volume ${name} is smaller than ${nameOfBase(base)}`, {
      next: `give it at least ${base.bytes} bytes`,
    })
}

/** What cannot be changed without losing content, or without somebody being logged out. */
function refuseOther({ name, image, bytes }: DeclaredVolume, before: Volume): void {
  if (before.use.kind !== 'own')
    throw new Refusal('conflict', `the volume ${name} belongs to a machine or a maintenance`, {
      next: 'give the volume of the manifest another name',
    })
  const [wanted = '', version] = image?.split('@') ?? []
  const { base } = before
  const same = version === undefined ? (base?.image ?? '') === wanted : base !== null && nameOfBase(base) === image
  if (!same)
    throw new Refusal('conflict', `the volume ${name} lies over ${base ? nameOfBase(base) : 'nothing'}, not ${image}`, {
      next: 'create it anew by hand if what it holds may be lost',
    })
  if (bytes !== null && bytes !== before.bytes)
    throw new Refusal('conflict', `the volume ${name} has ${before.bytes} bytes, not ${bytes}`, {
      next: `change its size by hand: reveille volume resize ${name}`,
    })
}

function saidOf({ labels, notes, limitBytes, scsi }: DeclaredVolume) {
  return { labels, notes, limitBytes, scsi: { ...DEFAULT_SCSI, ...scsi } }
}

function changedFields(declared: DeclaredVolume, before: Volume): string[] {
  return Object.entries(saidOf(declared))
    .filter(([field, value]) => !isDeepStrictEqual(value, before[field as keyof Volume]))
    .map(([field]) => field)
}

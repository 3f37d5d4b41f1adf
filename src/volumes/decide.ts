import type { DisklessDisk, Profile } from '../profiles/profile.ts'
import type { Attachment } from './attachment.ts'
import { nameOfBase } from './bases.ts'
import { clashing, purposeOf } from './holding.ts'
import type { Maintenance, Rollout } from './maintenance.ts'
import type { Volume, VolumeBase } from './volume.ts'

/** What the decision goes by, all from memory. */
export type DiskFacts = Readonly<{
  machine: Readonly<{ id: string; name: string; tags: readonly string[] }>
  profile: Profile
  /** The machine's own overlay for a LUN of this profile. */
  overlay: (lun: number) => Volume | undefined
  volume: (name: string) => Volume | undefined
  /** Volumes with the label `rotation: NAME`. */
  rotation: (name: string) => readonly Volume[]
  attachments: readonly Attachment[]
  /** Targets that somebody is logged in to. */
  live: ReadonlySet<string>
  /** The maintenance of this profile that is not over. */
  maintenance: Maintenance | undefined
  /** The newest rollout of this profile. */
  rollout: Rollout | undefined
  /** The version that a reference names; a sentence when it cannot be had. */
  base: (reference: string) => VolumeBase | string
  machineName: (id: string) => string
}>

/** What is to be done for one disk. */
export type PlannedDisk = Readonly<{ lun: number; readOnly: boolean }> &
  (
    | Readonly<{ does: 'create'; base: VolumeBase; bytes: number; limitBytes: number | null }>
    /** `revert`: drop the machine's writes; `rebase`: begin anew over another version. */
    | Readonly<{
        does: 'use' | 'revert' | 'rebase'
        volume: Volume
        base: VolumeBase | null
        /** Makes it larger; of a new beginning its size. */
        bytes: number | null
        limitBytes: number | null | undefined
      }>
  )

export type DiskPlan =
  | Readonly<{
      outcome: 'disks'
      disks: readonly PlannedDisk[]
      /** Attachments of other machines, which nobody uses, that must go first. */
      displaced: readonly string[]
      remarks: readonly string[]
    }>
  | Readonly<{ outcome: 'refused'; reason: string; next: string }>

type Refused = Extract<DiskPlan, { outcome: 'refused' }>
type Chosen = Readonly<{ disk: PlannedDisk; remark: string | null; displaced?: readonly string[] }>

export function disksOf(profile: Profile): readonly DisklessDisk[] {
  return profile.kind === 'diskless' || profile.kind === 'live' || profile.kind === 'wim' ? profile.disks : []
}

/** What a machine's disks are for a boot of a profile. Everything that stands against it refuses the boot, with who or what it is. */
export function decideDisks(facts: DiskFacts): DiskPlan {
  const { profile, maintenance, machine } = facts
  const disks = disksOf(profile)
  if (disks.length === 0)
    return refused(`the profile ${profile.name} has no disks`, 'give it some, or boot another one')
  if (maintenance && maintenance.machine !== machine.id && maintenance.others === 'refuse')
    return refused(
      `${profile.name} is being maintained on ${facts.machineName(maintenance.machine)}`,
      'wait until it is published or discarded',
    )
  const planned: PlannedDisk[] = []
  const displaced: string[] = []
  const remarks: string[] = []
  for (const [lun, disk] of disks.entries()) {
    const chosen = choose(disk, lun, planned, facts)
    if ('outcome' in chosen) return chosen
    planned.push(chosen.disk)
    displaced.push(...(chosen.displaced ?? []))
    if (chosen.remark !== null) remarks.push(chosen.remark)
  }
  return { outcome: 'disks', disks: planned, displaced: [...new Set(displaced)], remarks }
}

function choose(disk: DisklessDisk, lun: number, before: readonly PlannedDisk[], facts: DiskFacts): Chosen | Refused {
  if (disk.use === 'overlay') {
    const { maintenance, machine } = facts
    if (lun === 0 && maintenance?.machine === machine.id) return master(maintenance, facts)
    return overlay(disk, lun, facts)
  }
  if (disk.use === 'rotation') return inTurn(disk.rotation, lun, before, facts)
  const volume = facts.volume(disk.volume)
  if (!volume) return refused(`there is no volume ${disk.volume}`, 'create it, or take it out of the profile')
  return named(volume, { lun, readOnly: disk.access === 'shared-read-only' }, before, facts)
}

/** The writable master, for the machine of a maintenance. */
function master(maintenance: Maintenance, facts: DiskFacts): Chosen | Refused {
  if (maintenance.state === 'publishing')
    return refused('the master is being published', 'boot again when that is done')
  const volume = facts.volume(maintenance.volume)
  if (!volume) return refused('the master of the maintenance is gone', 'discard the maintenance and start another')
  const chosen = named(volume, { lun: 0, readOnly: false }, [], facts)
  if ('outcome' in chosen) return chosen
  return { ...chosen, remark: `it boots the master of ${maintenance.image}@${maintenance.from}, writable` }
}

function overlay(disk: Extract<DisklessDisk, { use: 'overlay' }>, lun: number, facts: DiskFacts): Chosen | Refused {
  const { machine, profile } = facts
  const volume = facts.overlay(lun)
  const reference = versionFor(disk.image, lun, facts)
  const base = facts.base(reference)
  if (typeof base === 'string') {
    // What it has goes on: only a new beginning needs the version.
    const goesOn = volume && disk.policy !== 'reset-at-boot' && !volume.resetAtBoot && volume.condition === 'ready'
    if (goesOn)
      return { disk: using('use', volume, lun, null, disk.limitBytes), remark: `${reference} is not there: ${base}` }
    return refused(base, `push ${reference}, or name another version in the profile`)
  }
  const bytes = disk.bytes ?? base.bytes
  if (bytes < base.bytes)
    return refused(`the disk of ${profile.name} is smaller than ${nameOfBase(base)}`, 'make it larger in the profile')
  const { limitBytes } = disk
  if (!volume)
    return {
      disk: { does: 'create', lun, readOnly: false, base, bytes, limitBytes },
      remark: `a new disk over ${nameOfBase(base)} was made for it`,
    }
  const usable = refuseUse(volume, { lun, readOnly: false }, facts)
  if ('outcome' in usable) return usable
  const resets = disk.policy === 'reset-at-boot' || volume.resetAtBoot
  const { displaced } = usable
  if (resets && (volume.base?.chunks !== base.chunks || volume.bytes > bytes))
    return {
      disk: { ...using('rebase', volume, lun, bytes, limitBytes), base },
      remark: `its disk begins anew over ${nameOfBase(base)}`,
      displaced,
    }
  const growTo = bytes > volume.bytes ? bytes : null
  if (resets && !volume.untouched)
    return {
      disk: using('revert', volume, lun, growTo, limitBytes),
      remark: `its disk was reset to ${nameOfBase(base)}`,
      displaced,
    }
  const older = volume.base && volume.base.chunks !== base.chunks ? `, until it is reset to ${nameOfBase(base)}` : ''
  const on = volume.base ? `its disk over ${nameOfBase(volume.base)} goes on${older}` : 'its disk goes on'
  return { disk: using('use', volume, lun, growTo, limitBytes), remark: `${machine.name}: ${on}`, displaced }
}

/** The version of the OS image for this machine: that of the canaries, what everybody keeps during a maintenance, or what the profile says. */
export function versionFor(
  reference: string,
  lun: number,
  { machine, maintenance, rollout }: Pick<DiskFacts, 'machine' | 'maintenance' | 'rollout'>,
): string {
  const [image = reference, pinned] = reference.split('@')
  if (lun !== 0) return reference
  if (
    rollout?.image === image &&
    rollout.state === 'canary' &&
    rollout.canary !== null &&
    machine.tags.includes(rollout.canary)
  )
    return `${image}@${rollout.to}`
  if (pinned === undefined && maintenance?.image === image) return `${image}@${maintenance.from}`
  return reference
}

/** The volume whose turn it is: never used first, then the one not used for longest; of equals the first by name. */
function inTurn(rotation: string, lun: number, before: readonly PlannedDisk[], facts: DiskFacts): Chosen | Refused {
  const all = facts.rotation(rotation)
  if (all.length === 0)
    return refused(
      `no volume has the label rotation: ${rotation}`,
      `label some: reveille volume set NAME --label rotation=${rotation}`,
    )
  const free = all.filter(
    (volume) =>
      !before.some((disk) => disk.does !== 'create' && disk.volume.id === volume.id) &&
      !('outcome' in refuseUse(volume, { lun, readOnly: false }, facts)),
  )
  const [next] = [...free].sort(
    (a, b) => (a.lastAttachedAt ?? -1) - (b.lastAttachedAt ?? -1) || (a.name < b.name ? -1 : 1),
  )
  if (!next) {
    const [first] = all
    const why = first && refuseUse(first, { lun, readOnly: false }, facts)
    const example = why && 'outcome' in why ? `; ${why.reason}` : ''
    return refused(
      `none of the ${all.length} volumes of the rotation ${rotation} is free${example}`,
      'revert those that were set aside, or add some',
    )
  }
  const chosen = named(next, { lun, readOnly: false }, before, facts)
  return 'outcome' in chosen
    ? chosen
    : { ...chosen, remark: `it is the turn of ${next.name} in the rotation ${rotation}` }
}

function named(
  volume: Volume,
  { lun, readOnly }: Readonly<{ lun: number; readOnly: boolean }>,
  before: readonly PlannedDisk[],
  facts: DiskFacts,
): Chosen | Refused {
  if (before.some((disk) => disk.does !== 'create' && disk.volume.id === volume.id && !(disk.readOnly && readOnly)))
    return refused(`the volume ${volume.name} is twice in the profile`, 'take one of them out')
  const usable = refuseUse(volume, { lun, readOnly }, facts)
  if ('outcome' in usable) return usable
  return {
    disk: { ...using('use', volume, lun, null, undefined), readOnly },
    remark: null,
    displaced: usable.displaced,
  }
}

/** Whether this machine may have a volume now: whose idle attachments must go for it, or why not. */
function refuseUse(
  volume: Volume,
  { readOnly }: Readonly<{ lun: number; readOnly: boolean }>,
  { attachments, live, machine, machineName }: DiskFacts,
): Refused | Readonly<{ displaced: readonly string[] }> {
  if (volume.pending)
    return refused(`the volume ${volume.name} is being changed (${volume.pending.kind})`, 'boot again in a moment')
  if (volume.condition !== 'ready')
    return refused(`the volume ${volume.name} is ${volume.condition}`, CONDITION_NEXT[volume.condition])
  if (!readOnly && volume.bootsLeft === 0)
    return refused(`the boots of the volume ${volume.name} are used up`, 'revert it, and give it boots again')
  const own = (each: Attachment) => each.for.kind === 'boot' && each.for.machine === machine.id
  const others = clashing({ volume: volume.id, readOnly, snapshot: null }, attachments).filter((each) => !own(each))
  const holder = others.find((each) => each.for.kind !== 'boot' || live.has(each.iqn))
  if (holder)
    return refused(
      `the volume ${volume.name} is given to ${purposeOf(holder, machineName)}`,
      'shut that system down or end that export first',
    )
  return { displaced: others.map(({ id }) => id) }
}

const CONDITION_NEXT: Record<Volume['condition'], string> = {
  ready: 'boot again',
  modified: 'revert it to put it back into service',
  mounted: 'end its examination and revert it',
  offline: 'put it into service again: set its condition to ready',
  damaged: 'recreate it, or name another volume',
}

function using(
  does: 'use' | 'revert' | 'rebase',
  volume: Volume,
  lun: number,
  bytes: number | null,
  limitBytes: number | null | undefined,
): Extract<PlannedDisk, { volume: Volume }> {
  return { does, lun, readOnly: false, volume, base: null, bytes, limitBytes }
}

function refused(reason: string, next: string): Refused {
  return { outcome: 'refused', reason, next }
}

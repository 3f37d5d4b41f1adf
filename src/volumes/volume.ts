/** Where a volume's first content comes from. `chunks` is the SHA-256 of the chunk list of that version: the content itself, whatever happens to the name. */
export type VolumeBase = Readonly<{ image: string; version: number; chunks: string; bytes: number }>

/** A frozen state of a volume. The newest is last; `active` in `Volume` tells which one the volume goes on from. */
export type Snapshot = Readonly<{ name: string; createdAt: number; createdBy: string; note: string }>

/**
 * `ready`: may be served. `modified`: its boots are used up, or somebody set it aside; not served until it is reverted. `mounted`: handed
 * read-only to another machine for examination. `offline`: taken out of service by a person. `damaged`: its base is missing or changed.
 */
export const VOLUME_CONDITIONS = ['ready', 'modified', 'mounted', 'offline', 'damaged'] as const
export type VolumeCondition = (typeof VOLUME_CONDITIONS)[number]

/** What INQUIRY tells of the disk: at most 8, 16 and 4 printable ASCII characters (SPC-5, 6.6.2). */
export type ScsiIdentity = Readonly<{ vendor: string; product: string; revision: string }>

/** Whose volume it is: a person's own, or the overlay of a machine for one disk of a diskless profile. */
export type VolumeUse =
  | Readonly<{ kind: 'own' }>
  | Readonly<{ kind: 'overlay'; machine: string; profile: string; lun: number }>
  /** Written by one machine, to be published as the next version of its base. */
  | Readonly<{ kind: 'maintenance'; maintenance: string }>

/**
 * A change that is about to be made to the bytes, noted before it is begun, so that a server that was killed knows what to finish or
 * to take back: unfinished `create` and `snapshot` are taken back, a half `restore` is damage, the others are done again.
 */
export type PendingChange =
  | Readonly<{ kind: 'create' | 'remove' | 'recreate' | 'restore' }>
  | Readonly<{ kind: 'snapshot' | 'remove-snapshot'; name: string }>
  | Readonly<{ kind: 'revert'; snapshot: string | null }>
  | Readonly<{ kind: 'resize'; bytes: number }>
  | Readonly<{ kind: 'limit'; limitBytes: number | null }>

/** A disk that is served over iSCSI: copy-on-write over an image version, or empty at first. Times are milliseconds since 1970. */
export type Volume = Readonly<{
  /** `v_` and random letters; also its serial number as a disk. */
  id: string
  name: string
  bytes: number
  base: VolumeBase | null
  use: VolumeUse
  condition: VolumeCondition
  owner: string
  labels: Readonly<Record<string, string>>
  notes: string
  scsi: ScsiIdentity
  snapshots: readonly Snapshot[]
  /** Name of the snapshot whose content it went on from last; `null`: from its base, or from nothing. */
  active: string | null
  /** Most bytes of its own that it may take; writes beyond are refused as on a full disk. `null`: as many as the pool has. */
  limitBytes: number | null
  /** Boots left before it is set aside; `null`: unlimited. */
  bootsLeft: number | null
  lastAttachedAt: number | null
  /** Its content is just what it began with: nobody ever wrote to it, so that it can be made again. */
  untouched: boolean
  /** Reset it before its machine boots the next time. */
  resetAtBoot: boolean
  pending: PendingChange | null
  /** Frozen states that work under way reads from, by their names in the pool; they go with that work, or at the next start. */
  frozen: readonly string[]
  createdAt: number
  updatedAt: number
}>

/** What a pool knows of a volume now. `ownBytes`: what it takes itself on disk; `dirtyBytes`: written but not yet flushed. */
export type VolumeFacts = Readonly<{ ownBytes: number; dirtyBytes: number }>

export const MOST_SNAPSHOTS = 100
export const DEFAULT_SCSI: ScsiIdentity = { vendor: 'REVEILLE', product: 'VOLUME', revision: '1' }

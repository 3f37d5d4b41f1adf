import type { Chap } from './engine.ts'

/** One disk as it is attached. */
export type AttachedDisk = Readonly<{ lun: number; volume: string; readOnly: boolean; snapshot: string | null }>

/**
 * Volumes given to somebody: to a machine for a boot of a diskless profile, or by `reveille volume export` to an initiator. Each is one iSCSI
 * target. Kept in the store, so that sessions come back by themselves after a restart.
 */
export type Attachment = Readonly<{
  /** `a_` and random letters. */
  id: string
  iqn: string
  for:
    | Readonly<{ kind: 'boot'; machine: string; profile: string }>
    | Readonly<{ kind: 'export'; by: string }>
    /** A quarantined volume, read-only, for this machine to look at. */
    | Readonly<{ kind: 'examination'; machine: string }>
  /** `null`: any initiator (only for exports). */
  initiator: string | null
  /** Address it must come from; `null`: any. */
  address: string | null
  chap: Chap | null
  disks: readonly AttachedDisk[]
  createdAt: number
}>

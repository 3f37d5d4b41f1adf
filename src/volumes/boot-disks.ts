import type { Profile } from '../profiles/profile.ts'

/** A machine that is about to boot with disks of ours. */
export type DiskRequest = Readonly<{
  /** Id of the machine. */
  machine: string
  /** A profile of kind `diskless`, or `live` or `wim` with disks. */
  profile: Profile
  /** Address or name of this server as the machine knows it, without port. */
  host: string
  /** Where the request came from, dotted decimal. */
  address: string
}>

/** All that iPXE and the system need to log in. Holds a secret: for the boot script, and for a config that is given once. */
export type BootDisks = Readonly<{
  host: string
  port: number
  /** What the machine must call itself. */
  initiator: string
  target: string
  /** Its first disk has this LUN, the others follow, in the order of the profile's disks: 0, or what the engine adds (1 for tgt). */
  firstLun: number
  luns: number
  chap: Readonly<{ user: string; secret: string }> | null
  /** What was done for it, one sentence each, without secrets; for people. */
  remarks: readonly string[]
}>

export type DiskAnswer =
  | Readonly<{ outcome: 'disks'; disks: BootDisks }>
  /** The machine must not boot this now. `reason` and `next` are sentences for its screen, printable ASCII, without secrets. */
  | Readonly<{ outcome: 'refused'; reason: string; next: string }>

/** Gives machines their disks when they boot. */
export interface DiskDesk {
  /**
   * Makes ready what the profile's disks are for this machine: overlays are made or reset, sessions of its last boot are ended, and the
   * target is there when this is done. Asked again before the machine logged in, it answers the same. Throws only for faults of ours.
   */
  prepare(request: DiskRequest): Promise<DiskAnswer>
  /** What `prepare` would answer, with a made-up secret; changes nothing. */
  preview(request: DiskRequest): DiskAnswer
  /** What the machine's boot of this profile was given last, with its secret; `undefined`: nothing, or it was taken back. */
  given(request: DiskRequest): BootDisks | undefined
}

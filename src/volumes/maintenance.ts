/** One machine boots the newest version of a diskless profile's OS image writable, to publish what it made of it. One per profile. */
export type Maintenance = Readonly<{
  /** `t_` and random letters. */
  id: string
  profile: string
  machine: string
  image: string
  /** The version it began with, and the one it was published as. */
  from: number
  published: number | null
  volume: string
  /** What happens to other machines of the profile meanwhile: they keep booting `from`, or are parked. */
  others: 'keep' | 'refuse'
  state: 'open' | 'publishing' | 'published' | 'discarded'
  startedBy: string
  startedAt: number
  endedAt: number | null
}>

/** A profile goes from one image version to another: first for the machines with a tag, then for all. */
export type Rollout = Readonly<{
  /** `r_` and random letters. */
  id: string
  profile: string
  image: string
  from: number
  to: number
  /** Machines with this tag get `to` already. */
  canary: string | null
  state: 'canary' | 'all' | 'rolled-back'
  startedBy: string
  startedAt: number
  updatedAt: number
}>

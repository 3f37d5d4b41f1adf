import type { Attachment } from './attachment.ts'
import type { Maintenance, Rollout } from './maintenance.ts'
import type { Volume } from './volume.ts'

/** Durable when a call returns. */
export interface VolumeRepository {
  all(): Promise<{
    volumes: readonly Volume[]
    attachments: readonly Attachment[]
    maintenances: readonly Maintenance[]
    rollouts: readonly Rollout[]
  }>
  /** All of it or nothing. */
  write(change: VolumeChange): Promise<void>
}

export type VolumeChange = Readonly<{
  save?: Readonly<{
    volumes?: readonly Volume[]
    attachments?: readonly Attachment[]
    maintenances?: readonly Maintenance[]
    rollouts?: readonly Rollout[]
  }>
  /** By id. */
  remove?: Readonly<{ volumes?: readonly string[]; attachments?: readonly string[] }>
}>

/** `boot` and `boot-once` set the profile; `switch` is boot-once and a power cycle; the others are what they say. */
export const BATCH_ACTIONS = ['on', 'off', 'cycle', 'soft', 'reset', 'boot', 'boot-once', 'switch'] as const
export type BatchAction = (typeof BATCH_ACTIONS)[number]

export type BatchMachine = Readonly<{
  /** Id and, for when it is gone, name. */
  machine: string
  name: string
  state: 'waiting' | 'running' | 'succeeded' | 'failed' | 'skipped'
  detail: string
}>

/** One action on many machines. It survives a restart: machines whose turn has not come are done then. */
export type Batch = Readonly<{
  /** `b_` and random letters. */
  id: string
  action: BatchAction
  profile: string | null
  staggerMs: number
  kick: boolean
  state: 'running' | 'finished' | 'cancelled'
  machines: readonly BatchMachine[]
  orderedBy: string
  startedAt: number
  endedAt: number | null
}>

export interface BatchRepository {
  all(): Promise<readonly Batch[]>
  /** Entries of machines that are the same objects as when it was saved last are known to be unchanged. */
  save(batch: Batch): Promise<void>
  remove(ids: readonly string[]): Promise<void>
}

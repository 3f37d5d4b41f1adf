import type { Inventory } from '../machines/inventory.ts'
import type { Deployment, DeploymentState, LogLine } from './deployment.ts'
import type { DiskRecord } from './disk-records.ts'

/** One boot of the management OS, kept when its pass is fetched. Times: milliseconds since 1970. */
export type AgentBoot = Readonly<{
  id: string
  /** Id of the machine. */
  machine: string
  deployment: string
  createdAt: number
  expiresAt: number
  /** Set by its first hello; both, or neither. */
  nonce: string | null
  serverNonce: string | null
}>

export type NumberedLine = LogLine & Readonly<{ n: number }>
export type TakenInventory = Readonly<{ takenAt: number; inventory: Inventory }>

/** What is written together: all of it survives, or none. */
export type DeploymentChange = Readonly<{
  deployments?: readonly Deployment[]
  lines?: readonly Readonly<{ deployment: string; line: NumberedLine }>[]
  boots?: readonly AgentBoot[]
  bootsGone?: readonly string[]
  inventory?: TakenInventory & Readonly<{ machine: string }>
  disks?: readonly DiskRecord[]
  disksGone?: readonly Pick<DiskRecord, 'machine' | 'serial' | 'partition'>[]
  /** A machine that is forgotten: its inventory, disks and boots go; its deployments stay, as history. */
  machineGone?: string
}>

/** Newest first. `before`: sequence of the last one seen. `machines`, `profile` and `by` are joined by "or". */
export type DeploymentQuery = Readonly<{
  limit: number
  before?: number | undefined
  machine?: string | undefined
  states?: readonly DeploymentState[] | undefined
  search?: Readonly<{ machines: readonly string[]; text: string }> | undefined
}>

/** Keeps deployments and what belongs to them. A resolved promise means: it survives `kill -9` and power loss. */
export interface DeploymentRepository {
  /** Those that something may still happen with (`isSettled`). */
  unsettled(): Promise<Deployment[]>
  get(id: string): Promise<Deployment | undefined>
  list(query: DeploymentQuery): Promise<Deployment[]>
  /** The highest sequence ever given; 0 before the first. */
  lastSequence(): Promise<number>
  commit(change: DeploymentChange): Promise<void>
  /** Lines behind `after`, oldest first. */
  log(deployment: string, after: number, limit: number): Promise<NumberedLine[]>
  /** The number of the last line; 0 without one. */
  lastLine(deployment: string): Promise<number>
  boots(): Promise<AgentBoot[]>
  inventory(machine: string): Promise<TakenInventory | undefined>
  disks(): Promise<DiskRecord[]>
  /**
   * Deletes settled deployments ordered before `orderedBefore`, with their logs, at most `most`, and returns their ids. The newest of all
   * stays, so that sequences go on.
   */
  prune(limits: Readonly<{ orderedBefore: number; most: number }>): Promise<string[]>
  /** Machines of which an inventory is kept. */
  inventoried(): Promise<string[]>
}

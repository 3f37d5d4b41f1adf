import type { Log } from '../../kit/log.ts'
import type { BlockDevice } from '../../volumes/block-device.ts'
import type { LoginReport, Target, TargetLun } from '../../volumes/engine.ts'

/**
 * The first Login PDU of a connection, read but not answered. The socket is paused then and has no listeners of ours, so that it can be
 * handed to another process together with `received`.
 */
export type FirstLogin = Readonly<{
  /** Every byte that was read, the first Login PDU in front. */
  received: Uint8Array
  initiator: string | null
  target: string | null
  sessionType: string | null
}>

/** How the serving side is told what it needs; the same in one process and in a worker. */
export type DiskServerOptions = Readonly<{
  /**
   * Opens a LUN; called at the first login to its target. A failure refuses the login (`Refusal.detail` goes to the report). It is closed when
   * the target is withdrawn, or `idleMs` after the last session of the target ended.
   */
  openLun: (lun: TargetLun, target: Target) => Promise<BlockDevice>
  /** What became of logins and sessions. */
  report: (report: LoginReport) => void
  log: Log
  /** Milliseconds; 5,000 when absent. */
  idleMs?: number | undefined
  /** Most bytes for answers and written data of all connections together; 256 MiB when absent. */
  memoryBytes?: number | undefined
  /** Seconds without a PDU after which the initiator is asked whether it is there; as many more and it is given up. 15 when absent. */
  keepAliveSeconds?: number | undefined
  /** Begins the ids of sessions, to make them unique among workers. */
  idPrefix?: string | undefined
}>

export const LOGIN_TIMEOUT_MS = 15_000

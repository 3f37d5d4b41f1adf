import type { ScsiIdentity } from './volume.ts'

/** One disk of a target. `serial` is the id of the volume. */
export type TargetLun = Readonly<{
  lun: number
  volume: string
  readOnly: boolean
  /** A frozen state of the volume, for reading. */
  snapshot?: string | undefined
  serial: string
  scsi: ScsiIdentity
}>

/** CHAP (RFC 7143, 12.1.3): what the initiator proves; with `mutual`, what we prove in turn. Secrets have 12 to 16 letters and digits. */
export type Chap = Readonly<{
  user: string
  secret: string
  mutual?: Readonly<{ user: string; secret: string }> | undefined
}>

/** What may be logged in to, and by whom. LUN 0 is always there. */
export type Target = Readonly<{
  iqn: string
  /** Names of initiators that may log in; `null`: any. */
  initiators: readonly string[] | null
  /** Addresses (dotted decimal) they may come from; `null`: any. */
  addresses: readonly string[] | null
  chap: Chap | null
  luns: readonly TargetLun[]
}>

/** Since the session began. Latencies in microseconds, of the last minute. */
export type SessionCounters = Readonly<{
  reads: number
  writes: number
  bytesRead: number
  bytesWritten: number
  readP50: number
  readP99: number
  writeP50: number
  writeP99: number
  inFlight: number
  /** Bytes of base data that were in the cache, and that had to be fetched from the chunk store. */
  cacheHitBytes: number
  cacheMissBytes: number
}>

/** An initiator that is logged in. `id` is unique while the server runs. */
export type Session = Readonly<{
  id: string
  target: string
  initiator: string
  address: string
  since: number
  counters: SessionCounters | null
}>

/** What becomes of logins, for boot traces and for `why`: one line each. */
export type LoginReport = Readonly<{
  target: string
  initiator: string
  address: string
  outcome: 'accepted' | 'refused' | 'ended'
  detail: string
}>

/**
 * Serves targets over iSCSI. One suite in test/conformance runs on every implementation: builtin, tgt, lio. `apply` and `withdraw` are
 * idempotent; after a restart of the server everything is applied again and initiators come back by themselves.
 */
export interface TargetEngine {
  readonly name: 'builtin' | 'tgt' | 'lio'
  /** Where initiators connect, as host and port; host `0.0.0.0` means any of ours. */
  readonly portal: Readonly<{ host: string; port: number }>
  /**
   * What initiators must add to the numbers of LUNs: 1 for tgt, whose LUN 0 is a controller of its own; 0 if it is not there. Every URI, iPXE
   * script and iBFT names the sum.
   */
  readonly firstLun?: number
  /** Creates the target, or makes it so. Running sessions go on if they still may; others are ended. */
  apply(target: Target): Promise<void>
  /** Ends its sessions and removes it; its volumes are closed when this is done. Unknown names are fine. */
  withdraw(iqn: string): Promise<void>
  sessions(): Promise<readonly Session[]>
  /** Ends one session; the initiator is told where the protocol can. It may log in again while the target is there. */
  kick(session: string): Promise<void>
  stop(): Promise<void>
}

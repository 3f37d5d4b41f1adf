import type { Nexus } from '../../protocols/scsi/logical-unit.ts'
import { Plan } from '../../protocols/scsi/plan.ts'
import type { DiskLun } from './disk-lun.ts'

const NO_CDB = new Uint8Array(16)

/** A SCSI command from its header to its answer. Used again for later commands, so that a fast read makes nothing new. */
export class Task {
  readonly plan = new Plan()
  tag = 0
  lunNumber = 0
  /** `undefined`: there is no such LUN. */
  lun: DiskLun | undefined
  nexus: Nexus | undefined
  /** Kept only for commands with a parameter list. */
  cdb: Uint8Array = NO_CDB
  cmdSN = 0
  /** What the initiator announced to send or to take (Expected Data Transfer Length), by direction. */
  expectedIn = 0
  expectedOut = 0
  /** Data from the initiator: how much is wanted, asked for and there. */
  want = 0
  asked = 0
  have = 0
  parts: Uint8Array[] = []
  /** Bytes counted in the memory of the process. */
  charged = 0
  /** Unsolicited data is still to come. */
  unsolicited = false
  transfer = 0
  r2tSN = 0
  dataSN = 0
  expectedDataSN = 0
  isRunning = false
  isAborted = false
  startedAt = 0
  /** Called when an aborted task that was running has come to rest. */
  settled: (() => void)[] | undefined

  reset(): void {
    this.plan.reset()
    this.lun = undefined
    this.nexus = undefined
    this.cdb = NO_CDB
    this.expectedIn = 0
    this.expectedOut = 0
    this.want = 0
    this.asked = 0
    this.have = 0
    if (this.parts.length > 0) this.parts = []
    this.charged = 0
    this.unsolicited = false
    this.transfer = 0
    this.r2tSN = 0
    this.dataSN = 0
    this.expectedDataSN = 0
    this.isRunning = false
    this.isAborted = false
    this.settled = undefined
  }
}

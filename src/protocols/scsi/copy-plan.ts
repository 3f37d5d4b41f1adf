const NO_SENSE = new Uint8Array(0)

/** Where data is copied from or to: an Identification Descriptor CSCD descriptor (SPC-4, 6.4.5.6). */
export type CopyTarget = Readonly<{
  /** A null device (SPC-3, 6.3.6.1): nothing may be sent to it. */
  isNull: boolean
  deviceType: number
  codeSet: number
  association: number
  type: number
  name: Uint8Array
  /** 0: as the unit says. */
  blockBytes: number
}>

/** Block device to block device (SPC-4, 6.4.6.4), in bytes of the disks; by CSCD descriptor IDs. */
export type CopySegment = Readonly<{ source: number; destination: number; from: number; to: number; bytes: number }>

/** `id`: the list identifier; `undefined` when the copy has none. */
export type CopyList = Readonly<{
  id: number | undefined
  targets: readonly CopyTarget[]
  segments: readonly CopySegment[]
}>

/** A copy that was understood and has to be done, with the record of how far it is. */
export type CopyPlan = Readonly<{ list: CopyList; operation: CopyOperation }>

/** A copy under way, or its result. */
export class CopyOperation {
  /** Segments that were begun, and bytes that were written. */
  segments = 0
  bytes = 0
  state: 'running' | 'done' | 'failed' = 'running'
  /** The status its command was answered with, and the sense data. */
  status = 0
  sense: Uint8Array = NO_SENSE
  /** Whether somebody may still ask for its status, and for the details of its failure. */
  hasStatus = true
  hasDetails = false

  finish(): undefined {
    this.state = 'done'
  }

  /** It ended early, and its command is answered with this. */
  fail(status: number, sense: Uint8Array = NO_SENSE): undefined {
    this.state = 'failed'
    this.status = status
    this.sense = sense
    this.hasDetails = true
  }
}

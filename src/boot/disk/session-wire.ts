import type { Log } from '../../kit/log.ts'
import { crc32c } from '../../protocols/iscsi/crc32c.ts'
import type { OperationalParameters } from '../../protocols/iscsi/negotiate.ts'
import { BHS_BYTES } from '../../protocols/iscsi/opcodes.ts'
import type { Sequence } from '../../protocols/iscsi/responses.ts'
import type { Counters } from './counters.ts'
import type { Memory } from './memory.ts'
import type { Output } from './output.ts'

/** Where the PDUs of a session go: the output of its connection, with the digests that were agreed upon. */
export class SessionWire {
  readonly output: Output
  readonly parameters: OperationalParameters
  readonly sequence: Sequence
  readonly memory: Memory
  readonly counters: Counters
  readonly log: Log
  /** Bytes of a header with its digest. */
  readonly headBytes: number

  constructor(
    output: Output,
    parameters: OperationalParameters,
    sequence: Sequence,
    memory: Memory,
    counters: Counters,
    log: Log,
  ) {
    this.output = output
    this.parameters = parameters
    this.sequence = sequence
    this.memory = memory
    this.counters = counters
    this.log = log
    this.headBytes = BHS_BYTES + (parameters.headerDigest ? 4 : 0)
  }

  /** Reserves a PDU with so much data; its header begins there, its data `headBytes` on. */
  reserve(dataBytes: number): number {
    const tail = dataBytes === 0 ? 0 : (-dataBytes & 3) + (this.parameters.dataDigest ? 4 : 0)
    return this.output.reserve(this.headBytes + dataBytes + tail)
  }

  /** Completes a PDU in the last reservation: padding and digests. */
  seal(at: number, dataBytes: number): void {
    this.sealIn(this.output.bytes, at, dataBytes)
  }

  sealIn(into: Buffer, at: number, dataBytes: number): void {
    const { headerDigest, dataDigest } = this.parameters
    if (headerDigest) into.writeUInt32LE(crc32c(into, at, at + BHS_BYTES), at + BHS_BYTES)
    if (dataBytes === 0) return
    const start = at + this.headBytes
    let end = start + dataBytes
    for (let padding = -dataBytes & 3; padding > 0; padding--) into[end++] = 0
    if (dataDigest) into.writeUInt32LE(crc32c(into, start, end), end)
  }
}

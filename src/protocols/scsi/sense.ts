/** Sense keys (SPC-5, table 58) in the high byte, additional sense code and qualifier below: 0xKKAAQQ. */
export const SENSE = {
  none: 0x000000,
  stopped: 0x020402,
  writeError: 0x030c00,
  readError: 0x031100,
  internalFailure: 0x044400,
  /** A list identifier that is in use. */
  operationInProgress: 0x050016,
  parameterListLength: 0x051a00,
  invalidOperationCode: 0x052000,
  outOfRange: 0x052100,
  invalidField: 0x052400,
  noSuchLun: 0x052500,
  invalidParameter: 0x052600,
  invalidRelease: 0x052604,
  tooManyTargets: 0x052606,
  unsupportedTarget: 0x052607,
  tooManySegments: 0x052608,
  unsupportedSegment: 0x052609,
  tooManyRegistrations: 0x055504,
  powerOn: 0x062900,
  reset: 0x062903,
  nexusLoss: 0x062907,
  modeChanged: 0x062a01,
  reservationsPreempted: 0x062a03,
  reservationsReleased: 0x062a04,
  registrationsPreempted: 0x062a05,
  capacityChanged: 0x062a09,
  commandsCleared: 0x062f00,
  lunsChanged: 0x063f0e,
  writeProtected: 0x072700,
  noSpace: 0x072707,
  copyAborted: 0x0a0000,
  unreachableCopyTarget: 0x0a0804,
  copyDeviceFailed: 0x0a0d01,
  copyDeviceNotReachable: 0x0a0d02,
  copyDeviceType: 0x0a0d03,
  copyInvalidParameter: 0x0a2600,
  /** "Data phase error": what the initiator sent did not fit what was asked for. */
  dataPhase: 0x0b4b00,
  dataDigest: 0x0b4705,
  miscompare: 0x0e1d00,
} as const
export type SenseCode = number

export const SENSE_BYTES = 18

/**
 * Writes sense data of fixed format (SPC-5, 4.4.3). `information`: what the INFORMATION field says, such as the offset of a miscompare;
 * -1: nothing.
 */
export function encodeSense(into: Uint8Array, at: number, code: SenseCode, information = -1): void {
  into.fill(0, at, at + SENSE_BYTES)
  into[at] = information >= 0 ? 0xf0 : 0x70
  into[at + 2] = code >>> 16
  if (information >= 0) {
    into[at + 3] = information >>> 24
    into[at + 4] = information >>> 16
    into[at + 5] = information >>> 8
    into[at + 6] = information
  }
  into[at + 7] = SENSE_BYTES - 8
  into[at + 12] = code >>> 8
  into[at + 13] = code
}

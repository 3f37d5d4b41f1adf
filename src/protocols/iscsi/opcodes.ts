/** Bytes of a basic header segment (RFC 7143, 11.2). */
export const BHS_BYTES = 48

/** What initiators send (RFC 7143, 11.2.1.2). */
export const REQUEST = {
  nopOut: 0x00,
  command: 0x01,
  taskManagement: 0x02,
  login: 0x03,
  text: 0x04,
  dataOut: 0x05,
  logout: 0x06,
  snack: 0x10,
} as const

/** What targets send. */
export const RESPONSE = {
  nopIn: 0x20,
  command: 0x21,
  taskManagement: 0x22,
  login: 0x23,
  text: 0x24,
  dataIn: 0x25,
  logout: 0x26,
  readyToTransfer: 0x31,
  asynchronous: 0x32,
  reject: 0x3f,
} as const

/** Byte 0 of a request: deliver it at once, outside the order of CmdSN. */
export const IMMEDIATE = 0x40
/** Byte 1: last PDU of a sequence. */
export const FINAL = 0x80
/** "No task" and "no transfer" (RFC 7143, 11.2.1.8). */
export const RESERVED_TAG = 0xffffffff

/** RFC 7143, 11.17.1. */
export const REJECT = {
  dataDigestError: 0x02,
  snack: 0x03,
  protocolError: 0x04,
  notSupported: 0x05,
  immediateCommand: 0x06,
  taskInProgress: 0x07,
  invalidField: 0x09,
} as const

/** RFC 7143, 11.5.1. */
export const TASK_FUNCTION = {
  abortTask: 1,
  abortTaskSet: 2,
  clearAca: 3,
  clearTaskSet: 4,
  logicalUnitReset: 5,
  targetWarmReset: 6,
  targetColdReset: 7,
  taskReassign: 8,
} as const

/** RFC 7143, 11.6.1. */
export const TASK_RESPONSE = {
  complete: 0,
  noSuchTask: 1,
  noSuchLun: 2,
  stillAllegiant: 3,
  reassignNotSupported: 4,
  notSupported: 5,
  notAuthorised: 6,
  rejected: 255,
} as const

/** RFC 7143, 11.9.1. */
export const ASYNC_EVENT = { scsi: 0, logout: 1, dropConnection: 2, dropSession: 3, negotiate: 4 } as const

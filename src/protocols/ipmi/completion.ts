/** IPMI 2.0 table 5-2. Codes 80h to BEh mean what their command says. */
export const COMPLETION = {
  ok: 0x00,
  busy: 0xc0,
  unknownCommand: 0xc1,
  unknownForLun: 0xc2,
  timeout: 0xc3,
  noSpace: 0xc4,
  badReservation: 0xc5,
  truncated: 0xc6,
  badLength: 0xc7,
  tooLong: 0xc8,
  outOfRange: 0xc9,
  tooManyBytes: 0xca,
  notPresent: 0xcb,
  invalidField: 0xcc,
  illegalForSensor: 0xcd,
  noAnswer: 0xce,
  duplicate: 0xcf,
  inUpdate: 0xd0,
  inFirmwareUpdate: 0xd1,
  initializing: 0xd2,
  noDestination: 0xd3,
  insufficientPrivilege: 0xd4,
  notInThisState: 0xd5,
  disabled: 0xd6,
  unspecified: 0xff,
} as const

const MEANINGS: Readonly<Record<number, string>> = {
  [COMPLETION.ok]: 'it was done',
  [COMPLETION.busy]: 'it is busy',
  [COMPLETION.unknownCommand]: 'it does not know this command',
  [COMPLETION.unknownForLun]: 'it does not know this command for this unit',
  [COMPLETION.timeout]: 'it took too long inside',
  [COMPLETION.noSpace]: 'it has no space left',
  [COMPLETION.badReservation]: 'the reservation was cancelled',
  [COMPLETION.truncated]: 'the request was cut off',
  [COMPLETION.badLength]: 'the request has the wrong length',
  [COMPLETION.tooLong]: 'the request is longer than it takes',
  [COMPLETION.outOfRange]: 'a value is out of range',
  [COMPLETION.tooManyBytes]: 'it cannot return so many bytes at once',
  [COMPLETION.notPresent]: 'it has no such sensor, record or data',
  [COMPLETION.invalidField]: 'it does not take this value',
  [COMPLETION.illegalForSensor]: 'this command does not fit this sensor or record',
  [COMPLETION.noAnswer]: 'it could not give an answer',
  [COMPLETION.duplicate]: 'it had this request before',
  [COMPLETION.inUpdate]: 'its sensor records are being changed',
  [COMPLETION.inFirmwareUpdate]: 'its firmware is being updated',
  [COMPLETION.initializing]: 'it is still starting',
  [COMPLETION.noDestination]: 'what should do it cannot be reached',
  [COMPLETION.insufficientPrivilege]: 'the privilege of the session is not enough',
  [COMPLETION.notInThisState]: 'it cannot do this in its present state',
  [COMPLETION.disabled]: 'this is switched off there',
  [COMPLETION.unspecified]: 'it failed and does not say why',
}

/** What a completion code says, as the end of "the BMC answered: ...". */
export function completionMeaning(code: number): string {
  return MEANINGS[code] ?? (code >= 0x80 && code <= 0xbe ? 'a code of this command' : 'a code of its maker')
}

/** A command was answered, or is to be answered, with a completion code other than 00h. */
export class CompletionError extends Error {
  override name = 'CompletionError'
  readonly code: number

  constructor(code: number, what = '') {
    const digits = code.toString(16).toUpperCase().padStart(2, '0')
    super(`${what === '' ? '' : `${what}: `}completion code ${digits}h, ${completionMeaning(code)}`)
    this.code = code
  }
}

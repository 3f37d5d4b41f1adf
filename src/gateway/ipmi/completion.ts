import { DecodeError, type ErrorCode, Refusal } from '../../kit/errors.ts'
import { COMPLETION, CompletionError } from '../../protocols/ipmi/completion.ts'

/** What a client is told when a back end refuses. Codes that are not here: FFh. */
const CODES: Readonly<Partial<Record<ErrorCode, number>>> = {
  'validation-failed': COMPLETION.invalidField,
  'wrong-credentials': COMPLETION.noDestination,
  forbidden: COMPLETION.insufficientPrivilege,
  'not-found': COMPLETION.unknownCommand,
  'method-not-allowed': COMPLETION.unknownCommand,
  conflict: COMPLETION.notInThisState,
  'in-use': COMPLETION.notInThisState,
  'wrong-state': COMPLETION.notInThisState,
  'too-large': COMPLETION.noSpace,
  'no-space': COMPLETION.noSpace,
  'range-not-satisfiable': COMPLETION.outOfRange,
  'too-many-requests': COMPLETION.busy,
  'not-available': COMPLETION.noDestination,
}

/** The completion code for what a command threw; `undefined`: a fault of ours, to be logged, and FFh for the client. */
export function completionOf(error: unknown): number | undefined {
  if (error instanceof CompletionError) return error.code
  if (error instanceof Refusal) return CODES[error.code]
  if (error instanceof DecodeError) return COMPLETION.badLength
  return undefined
}

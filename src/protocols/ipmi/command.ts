import { ByteReader } from '../../kit/bytes.ts'
import { DecodeError } from '../../kit/errors.ts'
import { COMPLETION, CompletionError } from './completion.ts'
import type { PrivilegeLevel } from './net-fn.ts'

/**
 * One command of IPMI, seen from both sides. Answers are without their completion code: it is 00h where there is an answer.
 * `decodeRequest` throws `CompletionError` with the code that a BMC answers; `decodeAnswer` throws `DecodeError`, and takes
 * answers that are longer than it knows.
 */
export type Command<Request, Answer> = Readonly<{
  name: string
  netFn: number
  command: number
  /** The least that IPMI 2.0 appendix G asks for; 0: none, not even a session. */
  privilege: PrivilegeLevel | 0
  encodeRequest: (request: Request) => Uint8Array
  decodeRequest: (data: Uint8Array) => Request
  encodeAnswer: (answer: Answer) => Uint8Array
  decodeAnswer: (data: Uint8Array) => Answer
}>

// biome-ignore lint/suspicious/noConfusingVoidType: a command without data has nothing to hand over
export type Nothing = void

/** A request of `least` to `most` bytes. @throws CompletionError (C7h) for any other length */
export function requestReader(data: Uint8Array, least: number, most = least): ByteReader {
  if (data.length < least || data.length > most) throw new CompletionError(COMPLETION.badLength)
  return new ByteReader(data)
}

/** An answer of at least `least` bytes. @throws DecodeError */
export function answerReader(data: Uint8Array, least: number): ByteReader {
  if (data.length < least) throw new DecodeError(`an answer of ${data.length} bytes came, ${least} are needed`)
  return new ByteReader(data)
}

/** @throws CompletionError (CCh) where `holds` is false */
export function checkField(holds: boolean): asserts holds {
  if (!holds) throw new CompletionError(COMPLETION.invalidField)
}

const NO_BYTES = new Uint8Array(0)

export const noData = {
  encode: (): Uint8Array => NO_BYTES,
  decodeRequest: (data: Uint8Array): void => {
    requestReader(data, 0)
  },
  decodeAnswer: (): void => {},
} as const

export const bytesOf = (...bytes: readonly number[]): Uint8Array => Uint8Array.from(bytes)

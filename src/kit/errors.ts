/** A peer sent bytes that do not follow its protocol: drop them and count; never a fault of ours. */
export class DecodeError extends Error {
  override name = 'DecodeError'
}

/**
 * Every refusal a user can meet, in one list. The key is the stable `code` of an API answer; the value is its HTTP status
 * and RFC 9457 `title`. The API maps codes to statuses here and nowhere else.
 */
export const ERROR_CODES = {
  'validation-failed': { status: 400, title: 'The request is not valid' },
  'not-authenticated': { status: 401, title: 'Log in or send a token' },
  'wrong-credentials': { status: 401, title: 'Wrong user name or password' },
  forbidden: { status: 403, title: 'Your role or token does not allow this' },
  'csrf-refused': { status: 403, title: 'The request did not come from the console' },
  'not-found': { status: 404, title: 'There is no such thing' },
  'method-not-allowed': { status: 405, title: 'This method is not understood here' },
  conflict: { status: 409, title: 'It clashes with something that exists' },
  'in-use': { status: 409, title: 'It is in use' },
  'wrong-state': { status: 409, title: 'Its state does not allow this' },
  'checksum-mismatch': { status: 409, title: 'The bytes do not match their checksum' },
  'too-large': { status: 413, title: 'Larger than the limit' },
  'unsupported-media-type': { status: 415, title: 'This content type is not understood' },
  'range-not-satisfiable': { status: 416, title: 'The range lies outside the content' },
  corrupt: { status: 500, title: 'Stored bytes are damaged' },
  'too-many-requests': { status: 429, title: 'Too many requests; wait a moment' },
  internal: { status: 500, title: 'Reveille failed; the log says more' },
  'not-available': { status: 503, title: 'This is not available now' },
  'no-space': { status: 507, title: 'The disk is full' },
} as const

export type ErrorCode = keyof typeof ERROR_CODES

/**
 * A refusal meant for the user. `detail` says what happened and where; `next` says what to do about it.
 * Neither may hold a secret.
 */
export class Refusal extends Error {
  override name = 'Refusal'
  readonly code: ErrorCode
  readonly next: string | undefined
  /** Problems field by field, for `validation-failed`. */
  readonly problems: readonly { path: string; message: string }[]

  constructor(
    code: ErrorCode,
    detail: string,
    more: { next?: string; problems?: readonly { path: string; message: string }[] } = {},
  ) {
    super(detail)
    this.code = code
    this.next = more.next
    this.problems = more.problems ?? []
  }
}

import type { Refusal } from '../../kit/errors.ts'

export type Json = Readonly<Record<string, unknown>>
export type RedfishAnswer = Readonly<{
  status: number
  headers: Readonly<Record<string, string>>
  /** An object is sent as JSON, a text as it is (then `content-type` is in the headers). */
  body?: Json | string
}>

/** Said to everybody alike, so that it tells nothing of who has an account. */
const AS_WHOM =
  'Give the name and password of an account. Where several machines have an account of that name, write it as NAME@MACHINE.'

/**
 * Messages of the DMTF's Base registry (DSP8011) that are used here, each with its status and severity. `%1` and so on are the
 * arguments.
 */
const MESSAGES = {
  AccessUnauthorized: [401, 'Critical', 'Authentication is needed for %1.'],
  NoValidSession: [401, 'Critical', 'There is no valid session; log in again.'],
  InsufficientPrivilege: [403, 'Critical', 'The account has not the privilege for this.'],
  ResourceMissingAtURI: [404, 'Critical', 'There is no resource at %1.'],
  OperationNotAllowed: [405, 'Critical', 'This method is not allowed on this resource.'],
  PreconditionFailed: [412, 'Critical', 'The ETag supplied did not match the ETag of the resource.'],
  PreconditionRequired: [428, 'Critical', 'This change needs an If-Match header.'],
  HeaderInvalid: [412, 'Critical', 'The header %1 has a value that is not supported.'],
  MalformedJSON: [400, 'Critical', 'The body is not the JSON object that was expected.'],
  UnrecognizedRequestBody: [400, 'Critical', 'The body is not the JSON object that was expected.'],
  PayloadTooLarge: [413, 'Critical', 'The body is larger than %1 bytes.'],
  UnsupportedMediaType: [415, 'Critical', 'A body must be application/json.'],
  PropertyUnknown: [400, 'Warning', 'The property %1 is not known here.'],
  PropertyNotWritable: [400, 'Warning', 'The property %1 cannot be written.'],
  PropertyValueTypeError: [400, 'Warning', 'The value of the property %1 has the wrong type.'],
  PropertyValueNotInList: [400, 'Warning', 'The value %1 of the property %2 is not in the list of acceptable values.'],
  PropertyValueFormatError: [400, 'Warning', 'The value of the property %1 has a format that is not accepted.'],
  PropertyValueConflict: [400, 'Warning', 'The property %1 cannot be written together with what %2 is.'],
  PropertyMissing: [400, 'Warning', 'The property %1 is required.'],
  ActionNotSupported: [400, 'Critical', 'The action %1 is not supported.'],
  ActionParameterMissing: [400, 'Critical', 'The action %1 requires the parameter %2.'],
  ActionParameterUnknown: [400, 'Warning', 'The action %1 does not know the parameter %2.'],
  ActionParameterValueTypeError: [400, 'Warning', 'The parameter %2 of the action %1 has the wrong type.'],
  ActionParameterValueNotInList: [
    400,
    'Warning',
    'The value %1 of the parameter %2 is not acceptable for the action %3.',
  ],
  ActionParameterNotSupported: [400, 'Warning', 'The parameter %1 of the action %2 is not supported.'],
  QueryParameterUnsupported: [501, 'Warning', 'The query parameter %1 is not supported.'],
  SessionLimitExceeded: [503, 'Critical', 'There are too many sessions already.'],
  ServiceTemporarilyUnavailable: [503, 'Critical', 'The service is unavailable for a moment. Retry in %1 seconds.'],
  ResourceInStandby: [503, 'Critical', 'What is behind this resource does not answer: %1'],
  ResourceInUse: [409, 'Warning', 'The state of the resource does not allow this: %1'],
  OperationFailed: [400, 'Critical', 'What is behind this resource cannot do it: %1'],
  InternalError: [500, 'Critical', 'The service failed; its log says more.'],
} as const

export type MessageId = keyof typeof MESSAGES

/** A problem of a request, to be thrown or collected. `property`: JSON pointer of what it is about. */
export class Problem extends Error {
  readonly id: MessageId
  readonly values: readonly string[]
  readonly property: string | undefined
  readonly headers: Readonly<Record<string, string>>

  constructor(
    id: MessageId,
    values: readonly string[] = [],
    more: { property?: string; headers?: Readonly<Record<string, string>> } = {},
  ) {
    super(MESSAGES[id][2].replace(/%(\d)/g, (_, index: string) => shown(values[Number(index) - 1] ?? '')))
    this.id = id
    this.values = values.map(shown)
    this.property = more.property
    this.headers = more.headers ?? {}
  }

  get status(): number {
    return MESSAGES[this.id][0]
  }
}

/** DSP0266 §"Error responses": `error` with `code`, `message` and `@Message.ExtendedInfo`. */
export function problemAnswer(problems: readonly Problem[]): RedfishAnswer {
  const [first] = problems
  if (!first) throw new Error('no problem')
  return {
    status: first.status,
    headers: first.headers,
    body: {
      error: {
        code: problems.length === 1 ? `Base.1.8.${first.id}` : 'Base.1.8.GeneralError',
        message: problems.length === 1 ? first.message : 'See @Message.ExtendedInfo for what is wrong.',
        '@Message.ExtendedInfo': problems.map(extendedInfo),
      },
    },
  }
}

/** As `@Message.ExtendedInfo` lists it, in errors and in resources. */
export function extendedInfo(problem: Problem): Json {
  return {
    '@odata.type': '#Message.v1_0_8.Message',
    MessageId: `Base.1.8.${problem.id}`,
    Message: problem.message,
    MessageArgs: problem.values,
    RelatedProperties: problem.property === undefined ? [] : [problem.property],
    Severity: MESSAGES[problem.id][1],
    Resolution: problem.id === 'AccessUnauthorized' ? AS_WHOM : 'None.',
  }
}

/** What a back end refused, as Redfish says it. */
export function problemOf(refusal: Refusal): Problem {
  const said = refusal.next === undefined ? refusal.message : `${refusal.message} ${refusal.next}`
  switch (refusal.code) {
    case 'not-available':
    case 'too-many-requests':
      return new Problem('ResourceInStandby', [said], { headers: { 'retry-after': '10' } })
    case 'wrong-state':
    case 'conflict':
    case 'in-use':
      return new Problem('ResourceInUse', [said])
    case 'internal':
    case 'corrupt':
    case 'no-space':
      return new Problem('InternalError')
    default:
      return new Problem('OperationFailed', [said])
  }
}

function shown(text: string): string {
  return text.replace(/[\x00-\x1f\x7f]/g, '?').slice(0, 400)
}

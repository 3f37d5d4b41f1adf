import type { z } from 'zod'
import { nearest } from '../../kit/nearest.ts'

const NOUNS: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
  null: 'null',
}

/**
 * What is wrong with a value, said to whoever wrote it: for the `error` of a `safeParse`. Where a schema has words of its own, those
 * count. An unknown field is named by the caller, from `keys` of the issue. Values are not repeated: they may be secrets.
 */
export const wording: z.core.$ZodErrorMap = (issue) => {
  switch (issue.code) {
    case 'invalid_type': {
      const wanted = NOUNS[issue.expected] ?? issue.expected
      if (issue.input === undefined) return `it is missing (${wanted})`
      return `it must be ${wanted}${typeof issue.input === 'number' ? '' : `, and is ${nounOf(issue.input)}`}`
    }
    case 'invalid_value':
      return oneOf(issue.values, issue.input)
    case 'invalid_union':
      if (Array.isArray(issue.options)) return oneOf(issue.options, issue.input)
      return issue.input === undefined ? 'it is missing' : 'it has none of the forms that it may have'
    case 'unrecognized_keys': {
      const meant = nearest(issue.keys[0] ?? '', fieldsOf(issue.inst))
      return `there is no such field${meant === undefined ? '' : `; did you mean ${meant}?`}`
    }
    case 'too_big':
      return amount(issue.origin, issue.inclusive === false ? 'less than' : 'at most', issue.maximum)
    case 'too_small':
      return amount(issue.origin, issue.inclusive === false ? 'more than' : 'at least', issue.minimum)
    case 'not_multiple_of':
      return `it must be a multiple of ${issue.divisor}`
    default:
      return undefined
  }
}

function nounOf(value: unknown): string {
  if (value === null) return 'null'
  return NOUNS[Array.isArray(value) ? 'array' : typeof value] ?? typeof value
}

function oneOf(values: readonly unknown[], given: unknown): string {
  const listed = values.map(String).join(', ')
  const wanted = values.length === 1 ? listed : `one of ${listed}`
  return given === undefined ? `it is missing (${wanted})` : `it must be ${wanted}`
}

function amount(origin: string, how: string, limit: number | bigint): string {
  if (origin === 'string') return `it must have ${how} ${limit} ${limit === 1 ? 'character' : 'characters'}`
  if (origin === 'array') return `it must have ${how} ${limit} ${limit === 1 ? 'entry' : 'entries'}`
  return `it must be ${how} ${limit}`
}

function fieldsOf(schema: unknown): string[] {
  const shape = (schema as { _zod?: { def?: { shape?: object } } } | undefined)?._zod?.def?.shape
  return shape === undefined ? [] : Object.keys(shape)
}

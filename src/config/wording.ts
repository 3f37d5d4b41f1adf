import type { z } from 'zod'
import { SETTINGS } from './describe.ts'

const TYPES: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a section of NAME: VALUE lines',
}

function bounds(path: readonly PropertyKey[], issue: { minimum?: unknown; maximum?: unknown }): string {
  const setting = SETTINGS.find(({ name }) => name === path.join('.'))
  if (setting && setting.least !== null && setting.most !== null) return `from ${setting.least} to ${setting.most}`
  return issue.minimum === undefined ? `at most ${issue.maximum}` : `at least ${issue.minimum}`
}

/** What the schema wants at the place of an issue, to go on from "it must be". */
export function wanted(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.message.startsWith('Invalid') ? (TYPES[issue.expected] ?? issue.expected) : issue.message
    case 'invalid_value':
      return `one of ${issue.values.map(String).join(', ')}`
    case 'too_small':
      if (issue.origin === 'number' || issue.origin === 'int') return bounds(issue.path, issue)
      return issue.origin === 'string' ? `at least ${issue.minimum} characters long` : `at least ${issue.minimum} long`
    case 'too_big':
      if (issue.origin === 'number' || issue.origin === 'int') return bounds(issue.path, issue)
      return issue.origin === 'string' ? `at most ${issue.maximum} characters long` : `at most ${issue.maximum} long`
    default:
      return issue.message
  }
}

/** `networks[0].subnet`: a path as people write it. */
export function pathName(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, part) => (typeof part === 'number' ? `${text}[${part}]` : text ? `${text}.${String(part)}` : String(part)),
    '',
  )
}

/** A value in one short line. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'not set'
  return text.length > 80 ? `${text.slice(0, 77)}...` : text
}

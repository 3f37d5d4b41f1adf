import { isDeepStrictEqual } from 'node:util'
import { createTwoFilesPatch } from 'diff'
import type { Applied } from '../api/contract/server.ts'

export type Difference = Applied['changes'][number]['differences'][number]
type Change = 'create' | 'update' | 'none' | 'remove'
/** What becomes of one thing. */
export type Planned = Readonly<{
  thing: string
  change: Change
  fields: readonly string[]
  differences: readonly Difference[]
}>

/** Of one text, and of one value as JSON. Longer ones are cut: a difference is for people. */
const MOST_UNIFIED = 65_536
const MOST_SHOWN = 2000

/** What is different in these fields, before and after. */
export function differencesOf(fields: readonly string[], before: object, after: object): Difference[] {
  return fields.map((field) => {
    const [old, next] = [before, after].map((each) => (each as Record<string, unknown>)[field])
    if (isText(old) && isText(next)) return unified(field, old, next)
    return { field, before: shown(old), after: shown(next), unified: null }
  })
}

/** How a text changes. */
export function unified(field: string, before: string, after: string): Difference {
  const patch = createTwoFilesPatch(field, field, before, after, 'before', 'after')
  const text = patch.slice(patch.indexOf('--- '))
  return {
    field,
    before: null,
    after: null,
    unified: text.length > MOST_UNIFIED ? `${text.slice(0, MOST_UNIFIED)}\n... and more\n` : text,
  }
}

/** Texts by name: those that come, go and change. */
export function textDifferences(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): Difference[] {
  const names = [...new Set([...before.keys(), ...after.keys()])]
  return names
    .filter((name) => before.get(name) !== after.get(name))
    .map((name) => unified(name, before.get(name) ?? '', after.get(name) ?? ''))
}

/** Names of the fields of `after` that `before` has otherwise. */
export function otherFields(before: object, after: object): string[] {
  const old = before as Record<string, unknown>
  return Object.entries(after)
    .filter(([field, value]) => !isDeepStrictEqual(value, old[field]))
    .map(([field]) => field)
}

const isText = (value: unknown): value is string => typeof value === 'string' && value.includes('\n')

function shown(value: unknown): string | null {
  if (value === undefined) return null
  const text = JSON.stringify(value)
  return text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)}…` : text
}

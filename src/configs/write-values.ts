import type { DocumentEntry, DocumentNode, Place, Problem } from '../protocols/ignition/document.ts'
import { fillIn, plain, soleStandIn } from './template.ts'

export type Values = ReadonlyMap<string, unknown>

/** What a value may not be, where it stands. `line`: from 0. */
export type Misfit = Readonly<{ line: number; message: string }>
/** A text with values in place of stand-ins, and those that could not be put there. */
export type Filled = Readonly<{ text: string; misfits: readonly Misfit[] }>

/** A tree with values in place of stand-ins. A scalar that is one value, without quotes, takes its type; within other text it is text. */
export function fillTree(node: DocumentNode, values: Values): DocumentNode {
  const text = (of: string) => fillIn(of, values, plain)
  switch (node.kind) {
    case 'list':
      return { ...node, items: node.items.map((item) => fillTree(item, values)) }
    case 'map':
      return {
        ...node,
        entries: node.entries.map((each) => ({ ...each, key: text(each.key), value: fillTree(each.value, values) })),
      }
    case 'scalar': {
      if (typeof node.value !== 'string') return node
      const sole = node.quoted ? undefined : soleStandIn(node.value)
      if (sole !== undefined && values.has(sole)) {
        const value = values.get(sole)
        return typeof value === 'string' ? { ...node, value: text(value), text: text(value) } : treeOf(value, node)
      }
      const filled = text(node.value)
      return filled === node.value ? node : { ...node, value: filled, text: filled }
    }
  }
}

function treeOf(value: unknown, { at }: DocumentNode): DocumentNode {
  if (Array.isArray(value))
    return { kind: 'list', at, items: value.map((item) => treeOf(item, { kind: 'list', at, items: [] })) }
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).map(([key, item]): DocumentEntry => {
      return { key, keyAt: at, value: treeOf(item, { kind: 'map', at, entries: [] }) }
    })
    return { kind: 'map', at, entries }
  }
  const known = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : null
  return { kind: 'scalar', at, value: known, text: plain(value), quoted: typeof value === 'string' }
}

/** A tree as JSON would have it. */
export function valueOfTree(node: DocumentNode): unknown {
  if (node.kind === 'map') return Object.fromEntries(node.entries.map(({ key, value }) => [key, valueOfTree(value)]))
  return node.kind === 'list' ? node.items.map(valueOfTree) : node.value
}

/**
 * What values made of a tree that cannot be: two entries of one name in a map, or a stand-in that was changed before it was filled
 * in (behind a backslash within quotes).
 */
export function misfitsOfTree(node: DocumentNode, values: Values): Omit<Problem, 'severity' | 'hint'>[] {
  const found: Omit<Problem, 'severity' | 'hint'>[] = []
  const check = (text: string, at: Place | null, path: string) => {
    if (hasRemains(text, values)) found.push({ path, at, message: BROKEN })
  }
  const walk = (each: DocumentNode, path: string): void => {
    if (each.kind === 'scalar') check(typeof each.value === 'string' ? each.value : '', each.at, path)
    else if (each.kind === 'list') for (const [index, item] of each.items.entries()) walk(item, `${path}[${index}]`)
    else {
      const names = new Set<string>()
      for (const { key, keyAt, value } of each.entries) {
        check(key, keyAt, path)
        if (names.has(key)) found.push({ path, at: keyAt, message: 'a value makes a second entry of the same name' })
        names.add(key)
        walk(value, `${path}.${key}`)
      }
    }
  }
  walk(node, '$')
  return found
}

export const BROKEN = 'a value could not be put in its place: a backslash stands before it'

/** Whether a text holds what remains of a stand-in. */
export function hasRemains(text: string, values: Values): boolean {
  for (const [core] of text.matchAll(/[a-p]{16}(?=zq)/g)) if (values.has(`rvl${core}zq`)) return true
  return false
}

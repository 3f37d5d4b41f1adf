import type { DocumentEntry, DocumentNode } from '../protocols/ignition/document.ts'
import { fillIn, plain, STAND_IN, soleStandIn } from './template.ts'

type Values = ReadonlyMap<string, unknown>

/** What a value may not be, where it stands. `line`: from 0. */
export type Misfit = Readonly<{ line: number; message: string }>

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

/** XML 1.0 §2.2: what no document may hold, even escaped. */
const NOT_XML = /[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/

/** A text of XML with values escaped for content and for attributes alike. */
export function fillXml(text: string, values: Values): { text: string; misfits: Misfit[] } {
  return fillLines(text, values, (value) => {
    if (NOT_XML.test(value)) return { misfit: 'a value has characters that XML cannot hold' }
    return { text: value.replace(/[&<>"']/g, (each) => `&#${each.charCodeAt(0)};`) }
  })
}

/** A text of lines (preseed, kickstart): a value is no more than a part of its line. */
export function fillPlainLines(text: string, values: Values): { text: string; misfits: Misfit[] } {
  return fillLines(text, values, (value) =>
    /[\x00-\x08\x0a-\x1f\x7f\u2028\u2029]/.test(value)
      ? { misfit: 'a value has a line break or a control character, which would end its line' }
      : { text: value },
  )
}

function fillLines(
  text: string,
  values: Values,
  write: (value: string) => { text: string } | { misfit: string },
): { text: string; misfits: Misfit[] } {
  const misfits: Misfit[] = []
  const lines = text.split('\n').map((line, index) =>
    line.replace(STAND_IN, (word) => {
      if (!values.has(word)) return word
      const written = write(fillIn(word, values, plain))
      if ('text' in written) return written.text
      misfits.push({ line: index, message: written.misfit })
      return ''
    }),
  )
  return { text: lines.join('\n'), misfits }
}

/** What every shell takes as it is, within quotes and outside. */
const HARMLESS = /^[A-Za-z0-9_.,:/@%+=-]+$/

/**
 * A shell script with values quoted for where they stand (POSIX.1-2017 §2.2): outside of quotes in single quotes, within double ones
 * with backslashes. What is quoted is followed from the first line on; here-documents count as unquoted text, where a value that
 * needs quotes is quoted visibly.
 */
export function fillShell(text: string, values: Values): { text: string; misfits: Misfit[] } {
  const misfits: Misfit[] = []
  let quote: '' | '"' | "'" = ''
  let out = ''
  let line = 0
  for (let at = 0; at < text.length; ) {
    const word = /^rvl[a-p]{16}zq/.exec(text.slice(at, at + 21))?.[0]
    if (word !== undefined && values.has(word)) {
      const value = fillIn(word, values, plain)
      if (value.includes('\0')) misfits.push({ line, message: 'a value has a NUL, which no shell can hold' })
      else out += quoted(value, quote)
      at += word.length
      continue
    }
    const character = text[at]!
    if (character === '\n') line += 1
    if (quote === '' && character === '#' && /(^|[\s;(])$/.test(out.slice(-1))) {
      // A comment ends with its line, and its quotes are none.
      const end = text.indexOf('\n', at)
      const stop = end < 0 ? text.length : end
      const comment = fillPlainLines(text.slice(at, stop), values)
      misfits.push(...comment.misfits.map((each) => ({ ...each, line })))
      out += comment.text
      at = stop
      continue
    }
    if (character === '\\' && quote !== "'") {
      out += text.slice(at, at + 2)
      if (text[at + 1] === '\n') line += 1
      at += 2
      continue
    }
    if (quote === '' && (character === '"' || character === "'")) quote = character
    else if (character === quote) quote = ''
    out += character
    at += 1
  }
  return { text: out, misfits }
}

function quoted(value: string, within: '' | '"' | "'"): string {
  if (HARMLESS.test(value)) return value
  if (within === '"') return value.replace(/[\\"$`]/g, '\\$&')
  const inner = value.replaceAll("'", "'\\''")
  return within === "'" ? inner : `'${inner}'`
}

import { randomBytes } from 'node:crypto'
import { Liquid, type LiquidError } from 'liquidjs'
import type { Rendering, Scope, TemplateEngine, TemplateProblem } from '../template.ts'

const RENDER_MS = 2000
const MOST_MEMORY = 16 * 1024 * 1024
const MOST_PROBLEMS = 25

/** Marks of lines are spaces that nobody types: whitespace control takes them away with the other spaces. */
const MARK = /\u2008([\u2000-\u2007]+)\u200a/g
const MARKED = /[\u2000-\u200a]/
const MOST_LINES = 1_000_000

/** Liquid, as shopkeepers know it: variables, filters, conditions, loops, includes; no access to files and to anything else. */
export const liquid: TemplateEngine = {
  render({ part, content }, scope, snippets) {
    const parts = [part, ...snippets.keys()]
    const texts = [content, ...snippets.values()]
    const marked = texts.map((text, index) => (MARKED.test(text) ? text : withMarks(text, index * MOST_LINES)))
    const templates = Object.fromEntries(parts.slice(1).map((name, index) => [name, marked[index + 1] ?? '']))
    const attempt = new Attempt(marked[0] ?? '', templates)
    const given: Record<string, unknown> = { ...Object.getOwnPropertyDescriptors(scope) }
    const problems: TemplateProblem[] = []
    // A variable that does not exist ends a rendering; it is given an empty value then, so that all of them are told at once.
    const known = Object.create(null, given as PropertyDescriptorMap) as Record<string, unknown>
    for (;;) {
      const outcome = attempt.render(known)
      if ('text' in outcome) return { ...unmarked(outcome.text, parts), values: outcome.values, problems }
      problems.push(problemOf(outcome.error, parts, texts, marked, scope))
      const missing = /^undefined variable: ([\w.-]+)/.exec(outcome.error.message)?.[1]
      if (missing === undefined || problems.length >= MOST_PROBLEMS || !supply(known, missing.split('.')))
        return { text: '', values: new Map(), origins: [], problems }
    }
  },
}

class Attempt {
  readonly #engine: Liquid
  readonly #text: string
  #values = new Map<string, unknown>()

  constructor(text: string, templates: Record<string, string>) {
    this.#text = text
    this.#engine = new Liquid({
      templates,
      strictVariables: true,
      strictFilters: true,
      ownPropertyOnly: true,
      lenientIf: true,
      parseLimit: 4 * 1024 * 1024,
      renderLimit: RENDER_MS,
      memoryLimit: MOST_MEMORY,
      outputEscape: (value: unknown) => this.#standIn(value),
    })
    // It would put a value into the text as it is, where it could become anything.
    Reflect.deleteProperty(this.#engine.filters, 'raw')
  }

  render(scope: object): { text: string; values: Map<string, unknown> } | { error: LiquidError } {
    this.#values = new Map()
    try {
      const text = this.#engine.parseAndRenderSync(this.#text, scope) as string
      return { text, values: this.#values }
    } catch (error) {
      return { error: error as LiquidError }
    }
  }

  #standIn(value: unknown): string {
    const letters = [...randomBytes(8)].flatMap((byte) => [byte >> 4, byte & 15]).map((n) => 'abcdefghijklmnop'[n])
    const word = `rvl${letters.join('')}zq`
    this.#values.set(word, value)
    return word
  }
}

function problemOf(
  error: LiquidError,
  parts: readonly string[],
  texts: readonly string[],
  marked: readonly string[],
  scope: Scope,
): TemplateProblem {
  const [line = 1, column = 1] = error.token?.getPosition?.() ?? []
  const index = Math.max(0, marked.indexOf(error.token?.input ?? ''))
  const written = texts[index]?.split('\n')[line - 1]
  // The mark of the line stands before it.
  const shift = written === marked[index]?.split('\n')[line - 1] ? 0 : markAt(index * MOST_LINES + line - 1).length
  const message = error.message.replace(/, (file:\S+, )?line:\d+, col:\d+$/, '').split('\n')[0] ?? ''
  return {
    at: { part: parts[index] ?? parts[0]!, line, column: Math.max(1, column - shift) },
    message: message.replace(/^ENOENT: Failed to lookup "(.*)" in ".*"$/, 'there is no snippet $1'),
    hint: hintFor(message, scope),
  }
}

function hintFor(message: string, scope: Scope): string {
  const path = /^undefined variable: ([\w.-]+)/.exec(message)?.[1]?.split('.')
  if (!path) return ''
  let there: unknown = scope
  for (const name of path.slice(0, -1)) {
    if (typeof there !== 'object' || there === null || !Object.hasOwn(there, name)) return names('there is', scope)
    there = Object.getOwnPropertyDescriptor(there, name)?.value
  }
  return path.length === 1 ? names('there is', scope) : names(`${path.slice(0, -1).join('.')} has`, there)
}

function names(start: string, of: unknown): string {
  return typeof of === 'object' && of !== null ? `${start} ${Object.keys(of).sort().join(', ')}` : ''
}

/** Gives an empty value to a path that does not exist. */
function supply(scope: Record<string, unknown>, path: readonly string[]): boolean {
  let at = scope
  for (const [index, name] of path.entries()) {
    if (index === path.length - 1) Object.defineProperty(at, name, { value: '', enumerable: true, configurable: true })
    else {
      const next = Object.hasOwn(at, name) ? Object.getOwnPropertyDescriptor(at, name)?.value : undefined
      if (next !== undefined && (typeof next !== 'object' || next === null)) return false
      // What was handed in is not changed.
      const copy = Object.create(null, next ? Object.getOwnPropertyDescriptors(next) : {}) as Record<string, unknown>
      Object.defineProperty(at, name, { value: copy, enumerable: true, configurable: true })
      at = copy
    }
  }
  return true
}

function markAt(n: number): string {
  return `\u2008${[...n.toString(8)].map((digit) => String.fromCharCode(0x2000 + Number(digit))).join('')}\u200a`
}

/** A mark before each line that does not begin inside a tag. */
function withMarks(text: string, first: number): string {
  let inside: '' | '}}' | '%}' = ''
  return text
    .split('\n')
    .map((line, index) => {
      const mark = inside === '' ? markAt(first + index) : ''
      for (let at = 0; at < line.length; ) {
        const next = inside === '' ? /\{[{%]/g : inside === '}}' ? /\}\}/g : /%\}/g
        next.lastIndex = at
        const found = next.exec(line)
        if (!found) break
        inside = inside !== '' ? '' : found[0] === '{{' ? '}}' : '%}'
        at = found.index + 2
      }
      return mark + line
    })
    .join('\n')
}

function unmarked(text: string, parts: readonly string[]): Pick<Rendering, 'text' | 'origins'> {
  let known = { part: parts[0] ?? '', line: 1 }
  const origins: { part: string; line: number }[] = []
  const lines = text.split('\n').map((line) => {
    const [mark] = line.matchAll(MARK)
    if (mark) {
      const digits = [...mark[1]!].map((each) => each.charCodeAt(0) - 0x2000).join('')
      const n = Number.parseInt(digits, 8)
      known = { part: parts[Math.floor(n / MOST_LINES)] ?? known.part, line: (n % MOST_LINES) + 1 }
    }
    origins.push(known)
    return line.replace(MARK, '')
  })
  return { text: lines.join('\n'), origins }
}

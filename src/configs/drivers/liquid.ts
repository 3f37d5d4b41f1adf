import { randomBytes } from 'node:crypto'
import { CaptureTag, type Context, Liquid, type LiquidError } from 'liquidjs'
import { fillIn, plain, type Rendering, type Scope, type TemplateEngine, type TemplateProblem } from '../template.ts'

/** Of a template, with all the attempts that it takes to find its faults. */
const RENDER_MS = 2000
const MOST_MEMORY = 16 * 1024 * 1024
/** Characters of all values that a template puts into its text. */
const MOST_OUTPUT = 16 * 1024 * 1024
const MOST_PROBLEMS = 25
/** Templates whose parsed form is kept: one is rendered for many machines in a row. */
const MOST_KEPT = 16

/** Marks of lines are spaces that nobody types: whitespace control takes them away with the other spaces. */
const MARK = /\u2008([\u2000-\u2007]+)\u200a/g
const MARKED = /[\u2000-\u200a]/
const MOST_LINES = 1_000_000

/** Liquid, as shopkeepers know it: variables, filters, conditions, loops, includes; no access to files and to anything else. */
export const liquid: TemplateEngine = {
  render({ part, content }, scope, snippets) {
    const template = preparedOf(part, content, snippets)
    const given: Record<string, unknown> = { ...Object.getOwnPropertyDescriptors(scope) }
    const problems: TemplateProblem[] = []
    // A variable that does not exist ends a rendering; it is given an empty value then, so that all of them are told at once.
    const known = Object.create(null, given as PropertyDescriptorMap) as Record<string, unknown>
    const until = performance.now() + RENDER_MS
    for (;;) {
      const outcome = template.render(known, until - performance.now())
      if ('text' in outcome) return { ...template.unmarked(outcome.text), values: outcome.values, problems }
      const problem = problemOf(outcome.error, template, scope)
      if (problems.length === 0 || !isOutOfTime(outcome.error)) problems.push(problem)
      const missing = /^undefined variable: ([\w.-]+)/.exec(outcome.error.message)?.[1]
      const isLast = missing === undefined || problems.length >= MOST_PROBLEMS || performance.now() >= until
      if (isLast || !supply(known, missing.split('.'))) return { text: '', values: new Map(), origins: [], problems }
    }
  },
}

const isOutOfTime = ({ message }: LiquidError) => message.startsWith('template render limit')

/** Newest last. */
const kept: Template[] = []

function preparedOf(part: string, content: string, snippets: ReadonlyMap<string, string>): Template {
  const at = kept.findIndex((each) => each.isOf(part, content, snippets))
  const template = at < 0 ? new Template(part, content, snippets) : kept[at]!
  if (at >= 0) kept.splice(at, 1)
  kept.push(template)
  if (kept.length > MOST_KEPT) kept.shift()
  return template
}

/** A template with the snippets that it may include, parsed once. */
class Template {
  /** Its own name and those of the snippets, their texts, and the texts with marks. */
  readonly parts: readonly string[]
  readonly texts: readonly string[]
  readonly marked: readonly string[]
  readonly #isMarked: boolean
  readonly #engine: Liquid
  #parsed: ReturnType<Liquid['parse']> | undefined
  #values = new Map<string, unknown>()
  #left = 0

  constructor(part: string, content: string, snippets: ReadonlyMap<string, string>) {
    this.parts = [part, ...snippets.keys()]
    this.texts = [content, ...snippets.values()]
    // Who types such spaces wants to keep them; places are those of the rendered text then.
    this.#isMarked = !this.texts.some((text) => MARKED.test(text))
    this.marked = this.#isMarked ? this.texts.map((text, index) => withMarks(text, index * MOST_LINES)) : this.texts
    const templates = Object.fromEntries(this.parts.slice(1).map((name, index) => [name, this.marked[index + 1] ?? '']))
    this.#engine = new Liquid({
      templates,
      cache: true,
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
    const settle = (text: string) => this.#settled(text)
    // What is captured is a value like others: it is compared, filtered, and put in as a whole.
    this.#engine.registerTag(
      'capture',
      class extends CaptureTag {
        override *render(context: Context): Generator<unknown, void, string> {
          yield* super.render(context)
          const scope = context.bottom() as Record<string, unknown>
          const { content } = this.identifier
          scope[content] = settle(String(scope[content]))
        }
      },
    )
  }

  isOf(part: string, content: string, snippets: ReadonlyMap<string, string>): boolean {
    if (this.parts[0] !== part || this.texts[0] !== content || this.parts.length !== snippets.size + 1) return false
    let index = 1
    for (const [name, text] of snippets) {
      if (this.parts[index] !== name || this.texts[index] !== text) return false
      index += 1
    }
    return true
  }

  render(scope: object, ms: number): { text: string; values: Map<string, unknown> } | { error: LiquidError } {
    this.#values = new Map()
    this.#left = MOST_OUTPUT
    try {
      this.#parsed ??= this.#engine.parse(this.marked[0] ?? '')
      const text = this.#engine.renderSync(this.#parsed, scope, { renderLimit: Math.max(1, ms) }) as string
      return { text, values: this.#values }
    } catch (error) {
      return { error: error as LiquidError }
    }
  }

  unmarked(text: string): Pick<Rendering, 'text' | 'origins'> {
    if (this.#isMarked) return unmarked(text, this.parts)
    const part = this.parts[0]!
    return { text, origins: text.split('\n').map((_, index) => ({ part, line: index + 1 })) }
  }

  #standIn(value: unknown): string {
    if (typeof value === 'number' && !Number.isFinite(value))
      throw new Error('a value is no number: it was divided by 0')
    this.#take(typeof value === 'string' ? value.length : plain(value).length)
    const letters = [...randomBytes(8)].flatMap((byte) => [byte >> 4, byte & 15]).map((n) => 'abcdefghijklmnop'[n])
    const word = `rvl${letters.join('')}zq`
    this.#values.set(word, value)
    return word
  }

  #settled(text: string): string {
    const settled = fillIn(this.#isMarked ? text.replace(MARK, '') : text, this.#values, plain)
    this.#take(settled.length)
    return settled
  }

  #take(characters: number): void {
    this.#left -= characters
    if (this.#left < 0) throw new Error(`the values that it puts in are longer than ${MOST_OUTPUT} characters together`)
  }
}

function problemOf(
  error: LiquidError,
  { parts, texts, marked }: Pick<Template, 'parts' | 'texts' | 'marked'>,
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
    message: message
      .replace(/^ENOENT: Failed to lookup "(.*)" in ".*"$/, 'there is no snippet $1')
      .replace(
        /^Maximum call stack size exceeded$/,
        'it is nested too deeply, or snippets include each other without end',
      ),
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
  if (path.length > 1) return names(`${path.slice(0, -1).join('.')} has`, there)
  return `${names('there is', scope)}; one of your own is declared first: --variable ${path[0]}`
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

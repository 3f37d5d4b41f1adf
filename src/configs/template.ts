/** Where something is in a template: the part (or snippet), line and column from 1. `column` `null`: it moved when the line was rendered. */
export type TemplatePlace = Readonly<{ part: string; line: number; column: number | null }>

export type TemplateProblem = Readonly<{ at: TemplatePlace; message: string; hint: string }>

/**
 * A rendered text in which every value is a **stand-in**: a word of plain letters that no text holds by chance. Who knows the language
 * of the text puts the values in their places, so that no value can change its structure.
 */
export type Rendering = Readonly<{
  text: string
  /** What stands for what: strings, numbers, booleans, lists, objects, null. Strings may hold stand-ins themselves. */
  values: ReadonlyMap<string, unknown>
  /** Where line N (from 0) of the text comes from. */
  origins: readonly Readonly<{ part: string; line: number }>[]
  problems: readonly TemplateProblem[]
}>

/** Renders templates. Bounded in time and memory; what goes wrong is a problem, never an exception. */
export interface TemplateEngine {
  /** `scope`: the variables. `snippets`: what can be included, by name. */
  render(
    template: Readonly<{ part: string; content: string }>,
    scope: Scope,
    snippets: ReadonlyMap<string, string>,
  ): Rendering
}

/** Names and their values. Getters are called when a template asks, which tells what it used. */
export type Scope = Readonly<Record<string, unknown>>

/** Stand-ins as they are in texts. */
export const STAND_IN = /rvl[a-p]{16}zq/g

/** Whether a text is nothing but one stand-in. */
export function soleStandIn(text: string): string | undefined {
  return /^rvl[a-p]{16}zq$/.test(text) ? text : undefined
}

/** How deep values may hold stand-ins (a captured text that holds a captured text ...). */
const DEEPEST = 8

/** A text with its stand-ins replaced; `write` says how a value is written there. */
export function fillIn(
  text: string,
  values: ReadonlyMap<string, unknown>,
  write: (value: unknown) => string,
  depth = 0,
): string {
  if (depth > DEEPEST) return text
  return text.replace(STAND_IN, (word) => {
    if (!values.has(word)) return word
    const value = values.get(word)
    return write(typeof value === 'string' ? fillIn(value, values, plain, depth + 1) : value)
  })
}

/** A value as people would write it in a line: lists with commas, nothing for null. */
export function plain(value: unknown): string {
  if (value === null || value === undefined) return ''
  if (Array.isArray(value)) return value.map(plain).join(',')
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

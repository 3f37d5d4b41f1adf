import { fillIn, plain, STAND_IN } from './template.ts'
import type { Filled, Misfit, Values } from './write-values.ts'

/** What every shell takes as it is, within quotes and outside. */
export const HARMLESS = /^[A-Za-z0-9_.,:/@%+=-]+$/

const UNSURE = 'a value that needs quotes stands where no quoting is sure: assign it to a variable in a line of its own'
const ESCAPED = 'a backslash stands right before a value'
const WORD = /rvl[a-p]{16}zq/y

/** What the text at a place is part of; the innermost counts. */
type Frame =
  | { kind: 'code'; end: '' | ')' | '`'; open: number }
  | { kind: 'double' | 'single' | 'ansi' | 'brace' }
  | { kind: 'sum'; open: number }
type HereDocument = Readonly<{ end: string; isQuoted: boolean; tabs: boolean }>

/**
 * A shell script with values quoted for where they stand (POSIX.1-2017 §2.2, §2.7.4): outside of quotes in single quotes, within
 * double ones and here-documents with backslashes, within single ones as they are. Where that is not sure (within backquotes,
 * `${...}`, `$'...'`, arithmetic; behind a construct that cannot be followed; in a script of another language), a value that needs
 * quotes is a misfit.
 */
export function fillShell(text: string, values: Values): Filled {
  return new Script(text, values).fill()
}

class Script {
  readonly #text: string
  readonly #values: Values
  readonly #misfits: Misfit[] = []
  readonly #frames: Frame[] = [{ kind: 'code', end: '', open: 0 }]
  #waiting: HereDocument[] = []
  #at = 0
  #line = 0
  #out: string[] = []
  /** Where the last character behind a backslash ended. */
  #escapedTo = -1
  /** Once lost, the context is lost for the rest. */
  #isLost: boolean

  constructor(text: string, values: Values) {
    this.#text = text
    this.#values = values
    const [, program] = /^#!([^\n]*)/.exec(text) ?? []
    this.#isLost = program !== undefined && !/\b(ba|da|a|k|mk|z)?sh\b|\bbusybox\b/.test(program)
  }

  fill(): Filled {
    while (this.#at < this.#text.length) {
      const word = this.#wordAt(this.#at)
      if (word === undefined) this.#step(this.#frames.at(-1)!)
      else {
        this.#out.push(this.#quoted(this.#value(word), this.#frames.at(-1)!))
        this.#at += word.length
      }
    }
    return { text: this.#out.join(''), misfits: this.#misfits }
  }

  #step(frame: Frame): void {
    const character = this.#text[this.#at]!
    if (character === '\\' && frame.kind !== 'single') {
      if (this.#wordAt(this.#at + 1) !== undefined) this.#misfit(ESCAPED)
      if (frame.kind === 'brace' || (frame.kind === 'code' && frame.end === '`')) this.#isLost = true
      this.#copy(2)
      this.#escapedTo = this.#at
      return
    }
    switch (frame.kind) {
      case 'code':
        this.#code(frame, character)
        return
      case 'single':
      case 'ansi':
        if (character === "'") this.#frames.pop()
        this.#copy(1)
        return
      case 'double':
        if (character === '"') this.#frames.pop()
        else if (this.#opens(character)) return
        this.#copy(1)
        return
      case 'brace':
        if (character === '}') this.#frames.pop()
        else if (/['"`$]/.test(character)) this.#isLost = true
        this.#copy(1)
        return
      case 'sum':
        if (/['"`]/.test(character)) this.#isLost = true
        frame.open += character === '(' ? 1 : character === ')' ? -1 : 0
        if (frame.open === 0) this.#frames.pop()
        this.#copy(1)
    }
  }

  #code(frame: Extract<Frame, { kind: 'code' }>, character: string): void {
    const before = this.#at === 0 ? '\n' : this.#text[this.#at - 1]!
    if (character === '#') {
      if (/[\s;&|(]/.test(before) && this.#at !== this.#escapedTo) {
        this.#comment()
        return
      }
      // Behind `$(...)` it is a part of the word, behind `(...)` it is not.
      if (/[\s;&|()<>`]/.test(before)) this.#isLost = true
    }
    if (frame.end === '`' && /['"]/.test(character)) this.#isLost = true
    if (character === '`' && frame.end === '`') {
      this.#frames.pop()
      this.#copy(1)
      return
    }
    if (this.#opens(character)) return
    if (character === '<' && this.#text.startsWith('<<', this.#at)) {
      this.#announced()
      return
    }
    // Patterns of `case` end with parentheses that nothing opens.
    if (frame.end === ')' && character === 'c' && /^case\s/.test(this.#text.slice(this.#at, this.#at + 5)))
      this.#isLost = true
    if (character === '(' && this.#text.startsWith('((', this.#at) && /[\s;&|]/.test(before)) {
      this.#frames.push({ kind: 'sum', open: 2 })
      this.#copy(2)
      return
    }
    if (character === "'") this.#frames.push({ kind: 'single' })
    else if (character === '"') this.#frames.push({ kind: 'double' })
    else if (character === '(') frame.open += 1
    else if (character === ')' && frame.end === ')' && frame.open === 0) this.#frames.pop()
    else if (character === ')') frame.open = Math.max(0, frame.open - 1)
    this.#copy(1)
    if (character === '\n') this.#bodies()
  }

  /** What begins alike in code and in double quotes. */
  #opens(character: string): boolean {
    const next = this.#text[this.#at + 1]
    if (character === '`') {
      this.#frames.push({ kind: 'code', end: '`', open: 0 })
      this.#copy(1)
      return true
    }
    if (character !== '$') return false
    const isCode = this.#frames.at(-1)?.kind === 'code'
    if (this.#text.startsWith('$((', this.#at)) {
      this.#frames.push({ kind: 'sum', open: 2 })
      this.#copy(3)
    } else if (next === '(') {
      this.#frames.push({ kind: 'code', end: ')', open: 0 })
      this.#copy(2)
    } else if (next === '{') {
      this.#frames.push({ kind: 'brace' })
      this.#copy(2)
    } else if (next === "'" && isCode) {
      this.#frames.push({ kind: 'ansi' })
      this.#copy(2)
    } else if (next === '$' || next === '#') this.#copy(2)
    else return false
    return true
  }

  /** A comment ends with its line, and its quotes are none. */
  #comment(): void {
    const end = this.#text.indexOf('\n', this.#at)
    const comment = this.#text.slice(this.#at, end < 0 ? this.#text.length : end)
    const filled = comment.replace(STAND_IN, (word) => {
      if (!this.#values.has(word)) return word
      const value = this.#value(word)
      if (/[\0\n\r]/.test(value))
        this.#misfit('a value has a line break, which would end the comment that it stands in')
      return value
    })
    this.#out.push(filled)
    this.#at += comment.length
  }

  #announced(): void {
    if (this.#text.startsWith('<<<', this.#at)) {
      this.#copy(3)
      return
    }
    const rest = this.#text.slice(this.#at, this.#at + 200)
    const [all, tabs, single, double, slash, bare] =
      /^<<(-?)[ \t]*(?:'([^'\n]+)'|"([^"\n\\$`]+)"|(\\?)([A-Za-z0-9_.!-]+))(?=[\s;&|)<>]|$)/.exec(rest) ?? []
    const end = single ?? double ?? bare
    if (all === undefined || end === undefined || all.search(STAND_IN) >= 0) {
      this.#isLost = true
      this.#copy(2)
      return
    }
    this.#waiting.push({ end, isQuoted: bare === undefined || slash !== '', tabs: tabs === '-' })
    this.#copy(all.length)
  }

  /** The here-documents that were announced in the line that just ended. */
  #bodies(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const document of waiting) {
      const first = this.#line
      const lines: string[] = []
      const ends = (line: string) => (document.tabs ? line.replace(/^\t+/, '') : line) === document.end
      let isEnded = false
      while (this.#at < this.#text.length && !isEnded) {
        const stop = this.#text.indexOf('\n', this.#at)
        const line = this.#text.slice(this.#at, stop < 0 ? this.#text.length : stop)
        isEnded = ends(line)
        if (!isEnded) lines.push(line)
        else this.#out.push(this.#body(lines, document, first), line, stop < 0 ? '' : '\n')
        // A line that goes on hides an end behind it.
        if (!document.isQuoted && /(^|[^\\])(\\\\)*\\$/.test(line)) this.#isLost = true
        this.#at += line.length + (stop < 0 ? 0 : 1)
        this.#line += stop < 0 ? 0 : 1
      }
      if (!isEnded) {
        const body = this.#body(lines, document, first)
        this.#out.push(this.#text.endsWith('\n') ? body : body.slice(0, -1))
      }
    }
  }

  #body(lines: readonly string[], { end, isQuoted, tabs }: HereDocument, first: number): string {
    const isNested = !isQuoted && lines.some((line) => /\$[({]|`/.test(line))
    const filled = lines.map((line, index) => {
      if (!isQuoted && /(^|[^\\])(\\\\)*\\rvl[a-p]{16}zq/.test(line)) this.#misfit(ESCAPED, first + index)
      return line.replace(STAND_IN, (word) => {
        if (!this.#values.has(word)) return word
        const value = this.#value(word, first + index)
        if (HARMLESS.test(value) || isQuoted) return value
        if (isNested || this.#isLost) this.#misfit(UNSURE, first + index)
        return value.replace(/[\\$`]/g, '\\$&')
      })
    })
    const body = filled.map((line) => `${line}\n`).join('')
    const ends = body.split('\n').some((line) => (tabs ? line.replace(/^\t+/, '') : line) === end)
    if (ends) this.#misfit(`a value has the line ${end}, which ends the text that it stands in`, first)
    return body
  }

  #quoted(value: string, frame: Frame): string {
    if (HARMLESS.test(value)) return value
    const isPlain = frame.kind === 'single' || frame.kind === 'double' || (frame.kind === 'code' && frame.end !== '`')
    // Backquotes take backslashes away, at any depth.
    const isWithin = this.#frames.some((each) => each.kind === 'code' && each.end === '`')
    if (!isPlain || isWithin || this.#isLost) this.#misfit(UNSURE)
    if (frame.kind === 'double') return value.replace(/[\\"$`]/g, '\\$&')
    const inner = value.replaceAll("'", "'\\''")
    return frame.kind === 'single' ? inner : `'${inner}'`
  }

  #value(word: string, line = this.#line): string {
    const value = fillIn(word, this.#values, plain)
    if (value.includes('\0')) this.#misfit('a value has a NUL, which no shell can hold', line)
    return value
  }

  #wordAt(at: number): string | undefined {
    WORD.lastIndex = at
    const word = this.#text[at] === 'r' ? WORD.exec(this.#text)?.[0] : undefined
    return word !== undefined && this.#values.has(word) ? word : undefined
  }

  #copy(length: number): void {
    const piece = this.#text.slice(this.#at, this.#at + length)
    this.#out.push(piece)
    if (piece.includes('\n')) {
      this.#line += 1
      // Announced before quotes that go over lines: its text is somewhere in them.
      if (this.#waiting.length > 0 && (this.#frames.at(-1)?.kind !== 'code' || piece.length > 1)) this.#isLost = true
    }
    this.#at += length
  }

  #misfit(message: string, line = this.#line): void {
    this.#misfits.push({ line, message })
  }
}

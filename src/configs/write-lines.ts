import { fillIn, plain, STAND_IN } from './template.ts'
import { fillShell, HARMLESS } from './write-shell.ts'
import type { Filled, Misfit, Values } from './write-values.ts'

/** What ends a line, for any reader of lines, and what terminals obey. */
const NOT_IN_LINES = /[\x00-\x08\x0a-\x1f\x7f\x85\u2028\u2029]/
const ENDS = 'a value has a line break or a control character, which would end its line'

type Written = { text: string } | { misfit: string }

/** A text of lines: a value is no more than a part of its line. */
export function fillPlainLines(text: string, values: Values): Filled {
  return fillLines(text, values, (value) => (NOT_IN_LINES.test(value) ? { misfit: ENDS } : { text: value }))
}

/**
 * A preseed file: lines, in which a backslash at the end goes on with the next line, and commands (`late_command` and such), which
 * a shell reads.
 */
export function fillPreseed(text: string, values: Values): Filled {
  const misfits: Misfit[] = []
  const lines = text.split('\n')
  const out: string[] = []
  for (let at = 0; at < lines.length; ) {
    const first = at
    while (at < lines.length - 1 && lines[at]!.endsWith('\\') && !lines[at]!.startsWith('#')) at += 1
    at += 1
    const entry = lines.slice(first, at).join('\n')
    const [command = ''] = /^\s*\S+\s+\S*(?:_command|preseed\/run)\s+string\s/.exec(entry) ?? []
    const start = fillPlainLines(command === '' ? entry : command, values)
    const shell = command === '' ? { text: '', misfits: [] } : fillShell(entry.slice(command.length), values)
    const filled = start.text + shell.text
    for (const { line, message } of [...start.misfits, ...shell.misfits]) misfits.push({ line: first + line, message })
    // What a shell may hold within quotes would end the line of the preseed file.
    const isBroken =
      filled.split('\n').length > at - first || /[\x00-\x08\x0b-\x1f\x7f\x85\u2028\u2029]/.test(shell.text)
    if (isBroken) misfits.push({ line: first, message: ENDS })
    if (!entry.endsWith('\\') && filled.endsWith('\\'))
      misfits.push({
        line: at - 1,
        message: 'a value ends with a backslash, which would join its line with the next one',
      })
    out.push(filled)
  }
  return { text: out.join('\n'), misfits }
}

/**
 * A kickstart file: commands, which are split as by a shell without `$` and backquotes (values are quoted for that); sections of
 * scripts; sections of lines.
 */
export function fillKickstart(text: string, values: Values): Filled {
  const misfits: Misfit[] = []
  const out: string[] = []
  const add = ({ text: filled, misfits: found }: Filled, first: number) => {
    misfits.push(...found.map(({ line, message }) => ({ line: first + line, message })))
    out.push(filled)
  }
  const lines = text.split('\n')
  for (let at = 0; at < lines.length; ) {
    const [, section] = /^\s*%([a-z-]+)/.exec(lines[at]!) ?? []
    if (section === undefined || section === 'end' || section.startsWith('include') || section === 'ksappend') {
      add(fillCommand(lines[at]!, values), at)
      at += 1
      continue
    }
    const found = lines.findIndex((line, index) => index > at && /^\s*%end\b/.test(line))
    const end = found < 0 ? lines.length : found
    add(fillCommand(lines[at]!, values), at)
    const isScript = /^(pre|post|preinstall|pre-install|onerror|traceback)$/.test(section)
    const [, program] = /--interpreter[= ]"?([^\s"]+)/.exec(lines[at]!) ?? []
    const body = lines.slice(at + 1, end).join('\n')
    // The line takes the place of the first line of a script.
    const script = () => {
      const { text: filled, misfits: within } = fillShell(`#!${program ?? '/bin/sh'}\n${body}`, values)
      return {
        text: filled.slice(filled.indexOf('\n') + 1),
        misfits: within.map((each) => ({ ...each, line: each.line - 1 })),
      }
    }
    if (end > at + 1) {
      const filled = isScript ? script() : fillPlainLines(body, values)
      add(filled, at + 1)
      if (filled.text.split(/^\s*%end\b/m).length > 1)
        misfits.push({ line: at + 1, message: 'a value makes a line %end, which would end its section' })
    }
    at = end
  }
  return { text: out.join('\n'), misfits }
}

/** As Python's shlex splits (pykickstart does): quotes of both kinds; `\` and `"` are escaped within double ones. */
function fillCommand(line: string, values: Values): Filled {
  let quote = ''
  let before = 0
  const misfits: Misfit[] = []
  const text = line.replace(STAND_IN, (word, at: number) => {
    if (!values.has(word)) return word
    for (; before < at; before += 1) {
      const character = line[before]!
      if (character === '\\' && quote !== "'") before += 1
      else if (quote === '' && /['"]/.test(character)) quote = character
      else if (character === quote) quote = ''
    }
    if (before > at) misfits.push({ line: 0, message: 'a backslash stands right before a value' })
    before = at + word.length
    const value = fillIn(word, values, plain)
    if (NOT_IN_LINES.test(value)) misfits.push({ line: 0, message: ENDS })
    if (HARMLESS.test(value)) return value
    if (quote === '"') return value.replace(/[\\"]/g, '\\$&')
    if (quote === "'" || /^\s*#/.test(line)) {
      if (value.includes("'") && quote !== '') misfits.push({ line: 0, message: 'a value has a quote within quotes' })
      return value
    }
    return `'${value.replaceAll("'", `'"'"'`)}'`
  })
  if (/^\s*%/.test(text) && !/^\s*%/.test(line))
    misfits.push({ line: 0, message: 'a value begins with %, which begins a section' })
  return { text, misfits }
}

function fillLines(text: string, values: Values, write: (value: string) => Written): Filled {
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

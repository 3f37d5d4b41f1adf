import { fillIn, plain, STAND_IN } from './template.ts'
import type { Filled, Misfit, Values } from './write-values.ts'

/** What ends a line, a quotation or the whole script: control characters, and quotes, which cannot be escaped. */
const NEVER = /[\x00-\x1f\x7f\x85\u2028\u2029"]/
/** One word of a command, in which cmd.exe sees nothing of its own. */
const WORD = /^[^\s&|<>^()@,;=!'`]*$/

/**
 * A batch file for cmd.exe, as Windows PE starts it (`startnet.cmd`). A value is part of one word, or of a text within double quotes; a
 * percent sign is doubled, for it would begin a variable. Lines end as Windows ends them.
 */
export function fillCmd(text: string, values: Values): Filled {
  const misfits: Misfit[] = []
  const delayed = /enabledelayedexpansion|\bcmd(\.exe)?\b.*\/v/i.test(text)
  const lines = text.split(/\r?\n/).map((line, index) =>
    line.replace(STAND_IN, (word, at: number) => {
      if (!values.has(word)) return word
      const value = fillIn(word, values, plain)
      const isQuoted = line.slice(0, at).split('"').length % 2 === 0
      const message = misfitOf(value, { isQuoted, delayed, ends: line[at + word.length] === '"' })
      if (message !== undefined) misfits.push({ line: index, message })
      return value.replaceAll('%', '%%')
    }),
  )
  return { text: lines.join('\r\n'), misfits }
}

function misfitOf(
  value: string,
  { isQuoted, delayed, ends }: Readonly<{ isQuoted: boolean; delayed: boolean; ends: boolean }>,
): string | undefined {
  if (NEVER.test(value)) return 'a value has a quote, a line break or a control character, which no batch file can hold'
  if (delayed && /[!^]/.test(value)) return 'a value has ! or ^, which delayed expansion takes for its own'
  if (!isQuoted && !WORD.test(value)) return 'a value is not one plain word: put it within double quotes'
  if (isQuoted && ends && value.endsWith('\\'))
    return 'a value ends with a backslash, which would escape the quote after it'
  return undefined
}

import { fillIn, plain, STAND_IN } from './template.ts'
import type { Filled, Misfit, Values } from './write-values.ts'

/** XML 1.0 §2.2: what no document may hold, even escaped. */
const NOT_XML =
  /[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/
/** XML 1.0 §2.3, the part of it that people use. */
const NAME = /^[A-Za-z_][A-Za-z0-9_.-]*$/

type Within = 'content' | 'tag' | '"' | "'" | 'cdata' | 'comment' | 'instruction'

const ENDS: Readonly<Record<Exclude<Within, 'content' | 'tag'>, string>> = {
  '"': '"',
  "'": "'",
  cdata: ']]>',
  comment: '-->',
  instruction: '?>',
}

/** A text of XML with values escaped for where they stand: content and attributes, CDATA sections (§2.7), comments (§2.5), names. */
export function fillXml(text: string, values: Values): Filled {
  const misfits: Misfit[] = []
  let within: Within = 'content'
  let before = 0
  let line = 0
  const filled = text.replace(STAND_IN, (word, at: number) => {
    if (!values.has(word)) return word
    const passed = text.slice(before, at)
    within = after(within, passed)
    line += passed.split('\n').length - 1
    before = at + word.length
    const value = fillIn(word, values, plain)
    const misfit = misfitIn(within, value)
    if (misfit !== undefined) misfits.push({ line, message: misfit })
    return within === 'cdata' || within === 'comment' ? value : escaped(value)
  })
  return { text: filled, misfits }
}

/** Line breaks too: as they are, they become spaces in attributes (§3.3.3). */
function escaped(value: string): string {
  return value.replace(/[&<>"'\r\n\t]/g, (each) => `&#${each.charCodeAt(0)};`)
}

function misfitIn(within: Within, value: string): string | undefined {
  if (NOT_XML.test(value)) return 'a value has characters that XML cannot hold'
  if (within === 'cdata' && /[\]>]/.test(value))
    return 'a value has ] or >, which could end the CDATA section that it stands in'
  if (within === 'comment' && value.includes('-'))
    return 'a value has a hyphen, which could end the comment that it stands in'
  if ((within === 'tag' || within === 'instruction') && !NAME.test(value))
    return 'a value stands in a tag, outside of quotes, and is no name'
  return undefined
}

/** What a place is within, behind a text that began within something. */
function after(start: Within, text: string): Within {
  let within = start
  for (let at = 0; at < text.length; ) {
    if (within === 'content') {
      const next = text.indexOf('<', at)
      if (next < 0) return within
      const opened = (
        [
          ['<!--', 'comment'],
          ['<![CDATA[', 'cdata'],
          ['<?', 'instruction'],
        ] as const
      ).find(([mark]) => text.startsWith(mark, next))
      within = opened?.[1] ?? 'tag'
      at = next + (opened?.[0].length ?? 1)
    } else if (within === 'tag') {
      const next = /[>"']/g
      next.lastIndex = at
      const found = next.exec(text)
      if (!found) return within
      within = found[0] === '>' ? 'content' : (found[0] as '"' | "'")
      at = found.index + 1
    } else {
      const end: string = ENDS[within]
      const next = text.indexOf(end, at)
      if (next < 0) return within
      within = within === '"' || within === "'" ? 'tag' : 'content'
      at = next + end.length
    }
  }
  return within
}

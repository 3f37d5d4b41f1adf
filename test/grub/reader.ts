/**
 * Splits a script into words the way GRUB does (its manual, "Quoting"), to see what it would run. Written apart from the builder on
 * purpose: what the builder means must be what this finds. A variable is kept as `${name}` behind a character that no text has.
 */
export type GrubWord = string
export type GrubLine = readonly GrubWord[]
/** Stands before the name of an expanded variable. */
export const EXPANDED = '\x01'

/** Commands in their order; `{`, `}`, `;` and the ends of lines separate them. */
export function readScript(text: string): GrubLine[] {
  const lines: string[][] = []
  let line: string[] = []
  let word: string | undefined
  let at = 0
  const endWord = () => {
    if (word !== undefined) line.push(word)
    word = undefined
  }
  const endLine = () => {
    endWord()
    if (line.length > 0) lines.push(line)
    line = []
  }
  const variable = (): string => {
    const found = /^\$(?:\{([A-Za-z0-9_]+)\}|([A-Za-z_][A-Za-z0-9_]*|[0-9?@#*]))/.exec(text.slice(at))
    if (!found) {
      at += 1
      return '$'
    }
    at += found[0].length
    return `${EXPANDED}${found[1] ?? found[2]}${EXPANDED}`
  }
  while (at < text.length) {
    const c = text[at]!
    if (c === '\n' || c === ';' || c === '{' || c === '}' || c === '|' || c === '&') {
      endLine()
      at += 1
    } else if (c === ' ' || c === '\t') {
      endWord()
      at += 1
    } else if (c === '#' && word === undefined) {
      while (at < text.length && text[at] !== '\n') at += 1
    } else if (c === "'") {
      const end = text.indexOf("'", at + 1)
      if (end < 0) throw new Error('a single quote is not closed')
      word = (word ?? '') + text.slice(at + 1, end)
      at = end + 1
    } else if (c === '"') {
      word ??= ''
      at += 1
      while (text[at] !== '"') {
        if (at >= text.length) throw new Error('a double quote is not closed')
        if (text[at] === '\\' && '\\"$'.includes(text[at + 1] ?? ' ')) {
          word += text[at + 1]
          at += 2
        } else if (text[at] === '$') word += variable()
        else word += text[at++]
      }
      at += 1
    } else if (c === '\\') {
      word = (word ?? '') + (text[at + 1] ?? '')
      at += 2
    } else if (c === '$') word = (word ?? '') + variable()
    else {
      word = (word ?? '') + c
      at += 1
    }
  }
  endLine()
  return lines
}

import { Refusal } from '../../../kit/errors.ts'

/** What may stand between braces in a request: variables of the settings, and `token`, `user`, `password`, `mac`, `machine`. */
export type Values = ReadonlyMap<string, string>

/** Where a text stands, which says how values are escaped in it. */
export type Place = 'path' | 'header' | 'json' | 'form' | 'text'

const NAME = /\{([a-z][a-zA-Z0-9]{0,31})\}/g
const JSON_LITERAL = /^(-?(0|[1-9]\d{0,17})(\.\d{1,18})?|true|false|null)$/

/** Names between braces; other braces, such as those of JSON, are text. */
export function namesIn(template: string): string[] {
  return [...template.matchAll(NAME)].map((match) => match[1]!)
}

/**
 * The text with its values, each escaped so that it stays one value where it stands: it can end no path segment, header, form field
 * or JSON string. Refused (`validation-failed`) where that is impossible or a name is not known. Values are in no refusal.
 */
export function render(template: string, values: Values, place: Place): string {
  let text = ''
  let at = 0
  for (const match of template.matchAll(NAME)) {
    const name = match[1]!
    const value = values.get(name)
    if (value === undefined)
      throw new Refusal('validation-failed', `{${name}} stands in a request, but has no value`, {
        next: `set the variable ${name} of the driver; a token or password is a secret of it`,
      })
    const before = template.slice(at, match.index)
    text += before
    at = match.index + match[0].length
    const around = { before: template.slice(0, match.index), after: template.slice(at) }
    text += escaped(name, value, place, around)
  }
  text += template.slice(at)
  if (place === 'header' && /[^\t\x20-\x7e]/.test(text)) throw impossible('a header')
  return text
}

type Around = Readonly<{ before: string; after: string }>

function escaped(name: string, value: string, place: Place, { before, after }: Around): string {
  switch (place) {
    case 'path':
      return inPath(name, value, before, after)
    case 'form':
      return encoded(name, value)
    case 'header':
      if (/[^\x20-\x7e]/.test(value)) throw impossible(`the value of ${name}`)
      return value
    case 'text':
      if (/\p{Cc}/u.test(value)) throw impossible(`the value of ${name}`)
      return value
    case 'json':
      if (insideString(before)) return JSON.stringify(value).slice(1, -1)
      if (JSON_LITERAL.test(value)) return value
      throw impossible(`the value of ${name}, which stands outside quotes in JSON and is no number,`)
  }
}

/** A segment of dots alone would walk up the path. */
function inPath(name: string, value: string, before: string, after: string): string {
  const whole = !before.includes('?') && /\/\.?$/.test(before) && /^\.?([/?]|$)/.test(after)
  if (whole && /^\.{0,2}$/.test(value)) throw impossible(`the value of ${name}`)
  return encoded(name, value)
}

function encoded(name: string, value: string): string {
  try {
    return encodeURIComponent(value)
  } catch {
    // Half a surrogate pair.
    throw impossible(`the value of ${name}`)
  }
}

/** Whether what follows this beginning of a JSON text is inside a string. */
function insideString(before: string): boolean {
  let inside = false
  for (let i = 0; i < before.length; i++) {
    if (inside && before[i] === '\\') i++
    else if (before[i] === '"') inside = !inside
  }
  return inside
}

function impossible(what: string): Refusal {
  return new Refusal('validation-failed', `${what} cannot be written where it stands in the request`, {
    next: 'correct the variable or the request of the driver',
  })
}

/** Answers of systems are foreign text: bounded, and without characters that could steer a terminal. */
const MOST_LINES = 2000
const MOST_LINE = 1000

/** The sections of an answer whose parts begin with lines `== NAME`. A name that comes twice counts once. */
export function sections(text: string): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>()
  let lines: string[] | undefined
  for (const line of linesOf(text)) {
    const name = /^== ([a-z]{1,20})$/.exec(line)?.[1]
    if (name === undefined) lines?.push(line)
    else {
      lines = []
      if (!found.has(name)) found.set(name, lines)
    }
  }
  return found
}

/** The lines of a text, without control characters and carriage returns; later ones than the first 2000 are left out. */
export function linesOf(text: string): string[] {
  return text.split('\n', MOST_LINES).map((line) =>
    line
      .slice(0, MOST_LINE)
      .replaceAll('\t', ' ')
      .replace(/\p{Cc}/gu, ''),
  )
}

/** A field of at most `most` characters without space around it. */
export function field(text: string | undefined, most = 200): string {
  return (text ?? '').trim().slice(0, most)
}

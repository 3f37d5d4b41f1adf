/**
 * Reads a script the way iPXE does (its script, command and settings code of 2010 to today), to see what it would run. Written
 * apart from the builder on purpose: what the builder means must be what this finds.
 */
export type ReadCommand = Readonly<{
  words: readonly string[]
  expansions: readonly string[]
  then: '||' | '&&' | ';' | null
}>
export type ReadLine = Readonly<{ label: string | null; commands: readonly ReadCommand[] }>

const isSpace = (character: string) => ' \t\n\v\f\r'.includes(character)

export function readScript(text: string): ReadLine[] {
  const lines: ReadLine[] = []
  let pending = ''
  for (const piece of text.replace(/\n$/, '').split('\n')) {
    const line = pending + piece.replace(/\r$/, '')
    if (line.endsWith('\\')) {
      pending = line.slice(0, -1)
      continue
    }
    pending = ''
    lines.push(readLine(line))
  }
  return lines
}

function readLine(line: string): ReadLine {
  let rest = line
  while (rest !== '' && isSpace(rest[0]!)) rest = rest.slice(1)
  let label: string | null = null
  if (rest.startsWith(':')) {
    const end = [...rest].findIndex(isSpace)
    label = rest.slice(1, end < 0 ? undefined : end)
    rest = end < 0 ? '' : rest.slice(end + 1)
  }
  return { label, commands: readCommands(splitWords(rest)) }
}

function splitWords(line: string): string[] {
  const words: string[] = []
  let word = ''
  for (const character of line) {
    if (!isSpace(character)) word += character
    else if (word !== '') {
      words.push(word)
      word = ''
    }
  }
  return word === '' ? words : [...words, word]
}

function readCommands(words: readonly string[]): ReadCommand[] {
  const commands: ReadCommand[] = []
  let current: string[] = []
  for (const word of words) {
    if (word.startsWith('#')) break
    if (word === '||' || word === '&&' || word === ';') {
      commands.push(readCommand(current, word))
      current = []
    } else current.push(word)
  }
  return current.length > 0 ? [...commands, readCommand(current, null)] : commands
}

function readCommand(words: readonly string[], then: ReadCommand['then']): ReadCommand {
  return { words, expansions: words.flatMap(expansionsOf), then }
}

/** Names in the order iPXE replaces them: the last `${` before the first `}` behind it. */
function expansionsOf(word: string): string[] {
  const end = word.indexOf('}', word.indexOf('${'))
  const start = word.includes('${') && end >= 0 ? word.lastIndexOf('${', end) : -1
  if (start < 0) return []
  return [word.slice(start + 2, end), ...expansionsOf(word.slice(0, start) + word.slice(end + 1))]
}

export type Token = Readonly<{ text: string; line: number; quoted: boolean }>
/** Words up to `;`, or before a block. */
export type Statement = Readonly<{
  line: number
  words: readonly Token[]
  block: readonly Statement[] | null
}>
export type Note = Readonly<{ line: number; message: string }>

const MOST_BYTES = 4 * 1024 * 1024
const DEEPEST = 64

/** dhcpd.conf(5) as statements. What is not closed ends with the file. Never throws. */
export function readStatements(text: string): { statements: Statement[]; notes: Note[] } {
  const notes: Note[] = []
  if (text.length > MOST_BYTES) notes.push({ line: 1, message: `only the first ${MOST_BYTES} characters are read` })
  const tokens = tokensOf(text.slice(0, MOST_BYTES), notes)
  type Open = { line: number; words: Token[]; statements: Statement[] }
  const root: Open = { line: 1, words: [], statements: [] }
  const open: Open[] = [root]
  let words: Token[] = []
  const here = () => open.at(-1) ?? root
  const end = (block: readonly Statement[] | null) => {
    if (words.length > 0) here().statements.push({ line: words[0]?.line ?? 1, words, block })
    words = []
  }
  for (const token of tokens) {
    if (!token.quoted && token.text === ';') end(null)
    else if (!token.quoted && token.text === '{') {
      if (open.length > DEEPEST) {
        notes.push({ line: token.line, message: `blocks are more than ${DEEPEST} deep; the rest is not read` })
        break
      }
      open.push({ line: token.line, words, statements: [] })
      words = []
    } else if (!token.quoted && token.text === '}') {
      if (words.length > 0) {
        notes.push({ line: token.line, message: 'a ; is missing before this }' })
        end(null)
      }
      if (open.length === 1) notes.push({ line: token.line, message: 'this } closes nothing' })
      else {
        const closed = open.pop() ?? root
        words = closed.words
        end(closed.statements)
      }
    } else words.push(token)
  }
  if (words.length > 0) notes.push({ line: words[0]?.line ?? 1, message: 'the last statement has no ;' })
  end(null)
  while (open.length > 1) {
    const closed = open.pop() ?? root
    notes.push({ line: closed.line, message: 'this { is never closed' })
    words = closed.words
    end(closed.statements)
  }
  return { statements: root.statements, notes }
}

function tokensOf(text: string, notes: Note[]): Token[] {
  const tokens: Token[] = []
  const pattern = /\n|#[^\n]*|"((?:[^"\\]|\\[\s\S]){0,65536})("?)|[{};,]|[^\s{};,"#]+/g
  let line = 1
  for (const match of text.matchAll(pattern)) {
    const [whole, quoted, close] = match
    if (whole === '\n') line += 1
    else if (whole.startsWith('#')) continue
    else if (quoted !== undefined && whole.startsWith('"')) {
      if (close === '') notes.push({ line, message: 'this text in quotes is never closed' })
      tokens.push({ text: quoted.replace(/\\(.)/gs, '$1'), line, quoted: true })
      line += whole.split('\n').length - 1
    } else tokens.push({ text: whole, line, quoted: false })
  }
  return tokens
}

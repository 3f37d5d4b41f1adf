import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'

/** Where the command line writes and asks. Tests give their own. */
export interface Terminal {
  out(text: string): void
  err(text: string): void
  /** Characters in a line; `undefined` when standard output is no terminal: then nothing is shortened. */
  readonly columns: number | undefined
  readonly colour: boolean
  /** Whether progress may be drawn on standard error. */
  readonly progress: boolean
  /** A line that is not shown while typed, or the next line of standard input when that is no terminal. */
  secret(question: string): Promise<string>
}

export type Paint = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan'

const CODES: Readonly<Record<Paint, number>> = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 }

export function paint(terminal: Terminal, colour: Paint, text: string): string {
  return terminal.colour && text !== '' ? `\u001b[${CODES[colour]}m${text}\u001b[0m` : text
}

/** Lines of standard input are kept between questions: a pipe may deliver several at once. */
class PipedLines {
  #lines: AsyncIterator<string> | undefined

  async next(): Promise<string> {
    this.#lines ??= createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY })[
      Symbol.asyncIterator
    ]()
    const { value, done } = await this.#lines.next()
    return done ? '' : value
  }
}

function askHidden(question: string): Promise<string> {
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  const asking = createInterface({ input: process.stdin, output: silent, terminal: true })
  process.stderr.write(question)
  return new Promise((resolve) => {
    asking.once('line', (line) => {
      asking.close()
      process.stderr.write('\n')
      resolve(line)
    })
    asking.once('SIGINT', () => {
      process.stderr.write('\n')
      process.exit(130)
    })
  })
}

/** The terminal of this process. Colour only on a terminal, and not when `NO_COLOR` is set. */
export function processTerminal(environment: NodeJS.ProcessEnv): Terminal {
  const piped = new PipedLines()
  return {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    columns: process.stdout.isTTY ? process.stdout.columns : undefined,
    colour: process.stdout.isTTY && !environment.NO_COLOR && environment.TERM !== 'dumb',
    progress: process.stderr.isTTY,
    secret: (question) => (process.stdin.isTTY ? askHidden(question) : piped.next()),
  }
}

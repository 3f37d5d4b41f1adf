import type { LogLevel } from '../task.ts'

/** What a person in front of the machine, or at its serial port, sees. */
export interface Screen {
  say(level: LogLevel, text: string): void
}

/** What each line begins with, so that it is told from the kernel's own and found in a recording. The init uses the same. */
const AGENT_LINE = 'REVEILLE-AGENT:'

/** Lines on standard output, with the time since the agent started: the machine's clock may be wrong. */
export class LineScreen implements Screen {
  readonly #write: (text: string) => void
  readonly #seconds: () => number

  constructor(
    write: (text: string) => void = (text) => void process.stdout.write(text),
    seconds: () => number = () => performance.now() / 1000,
  ) {
    this.#write = write
    this.#seconds = seconds
  }

  say(level: LogLevel, text: string): void {
    const mark = level === 'error' ? '!! ' : level === 'warn' ? '! ' : ''
    this.#write(`${AGENT_LINE} [${this.#seconds().toFixed(1)}] ${mark}${text}\n`)
  }
}

import type { LogLines } from '../../api/contract/agent.ts'
import type { LogLevel } from '../task.ts'
import type { Screen } from './screen.ts'
import { AskRefused, type Talk } from './talk.ts'

/** Lines kept while the server is away; the oldest go first, and their number is told. */
const MOST_LINES = 5000
const AT_ONCE = 500
const LONGEST = 2000

type Line = LogLines['lines'][number]

/** What the agent says: on the screen at once, to the server in bundles, once a second. */
export class LogStream {
  readonly #talk: Pick<Talk, 'tell'>
  readonly #screen: Screen
  #waiting: Line[] = []
  #lost = 0
  #sending: Promise<void> | undefined

  constructor(talk: Pick<Talk, 'tell'>, screen: Screen) {
    this.#talk = talk
    this.#screen = screen
  }

  say(level: LogLevel, text: string): void {
    if (level !== 'debug') this.#screen.say(level, text)
    if (this.#waiting.length >= MOST_LINES) {
      this.#waiting.shift()
      this.#lost += 1
    }
    this.#waiting.push({ at: Date.now(), level, text: text.slice(0, LONGEST) })
  }

  /** For the screen alone: what the server writes into the log by itself. */
  show(level: LogLevel, text: string): void {
    this.#screen.say(level, text)
  }

  /** Sends what waits. Resolves when nothing waits any more, which takes as long as the server is away. */
  flush(): Promise<void> {
    this.#sending ??= this.#send().finally(() => {
      this.#sending = undefined
    })
    return this.#sending
  }

  async #send(): Promise<void> {
    while (this.#waiting.length > 0) {
      const lines = this.#waiting.slice(0, AT_ONCE)
      const lost = this.#lost
      const note: Line[] =
        lost > 0 ? [{ at: lines[0]!.at, level: 'warn', text: `${lost} lines were lost while the server was away` }] : []
      try {
        await this.#talk.tell('log', { lines: [...note, ...lines].slice(0, AT_ONCE) })
      } catch (error) {
        if (!(error instanceof AskRefused)) throw error
        // It will not take them: they were on the screen.
      }
      // Some of them may have been pushed out meanwhile.
      const sent = new Set(lines.slice(0, AT_ONCE - note.length))
      this.#waiting = this.#waiting.filter((line) => !sent.has(line))
      this.#lost -= lost
    }
  }
}

import { setTimeout as pause } from 'node:timers/promises'
import { ApiProblem } from '../api/client/problem.ts'

const FIRST_WAIT_MS = 500
const LONGEST_WAIT_MS = 15_000
/** How long a server may be away before a transfer is given up; what was sent by then stays there for a day. */
const PATIENCE_MS = 300_000

/** Whether the same call may go well a moment later: nobody answered, a proxy stood alone, or the server asked to wait. */
function mayPass(error: unknown): error is ApiProblem {
  return error instanceof ApiProblem && (error.code === 'unreachable' || [429, 502, 504].includes(error.status))
}

/** Calls again, later and later, while a connection is lost. Several calls may share one, so that it is told once. */
export class Patience {
  readonly #tell: (text: string) => void
  readonly #signal: AbortSignal
  readonly #wait: (ms: number) => Promise<unknown>
  #lost = false

  constructor(
    tell: (text: string) => void,
    { signal, wait }: { signal: AbortSignal; wait?: (ms: number) => Promise<unknown> },
  ) {
    this.#tell = tell
    this.#signal = signal
    this.#wait = wait ?? ((ms) => pause(ms, undefined, { signal }))
  }

  /** `call` is made again from its beginning, so it must do the same each time. */
  async with<T>(call: () => Promise<T>): Promise<T> {
    let waited = 0
    for (let wait = FIRST_WAIT_MS; ; wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
      try {
        const result = await call()
        if (this.#lost) this.#tell('the server answers again')
        this.#lost = false
        return result
      } catch (error) {
        if (this.#signal.aborted || !mayPass(error) || waited >= PATIENCE_MS) throw error
        if (!this.#lost) this.#tell(`${error.detail}; trying again`)
        this.#lost = true
        const pauseMs = (error.retryAfter ?? 0) * 1000 || wait
        await this.#wait(pauseMs)
        waited += pauseMs
      }
    }
  }
}

import type { KyselyPlugin, PluginTransformQueryArgs, PluginTransformResultArgs } from 'kysely'

/** How long statements may follow one another before others have their turn, in milliseconds. */
const MOST_MS = 10

/**
 * Lets the rest of the server work between statements. An engine that answers without waiting keeps whoever awaits one statement after
 * another in one turn of the event loop, however many there are: nobody else would be answered until all of them are done.
 */
export class FairTurns implements KyselyPlugin {
  readonly #mostMs: number
  /** When the first statement of this turn of the event loop was answered. */
  #since: number | undefined

  constructor(mostMs = MOST_MS) {
    this.#mostMs = mostMs
  }

  transformQuery({ node }: PluginTransformQueryArgs) {
    return node
  }

  async transformResult({ result }: PluginTransformResultArgs) {
    const now = performance.now()
    if (this.#since === undefined) {
      this.#since = now
      setImmediate(() => {
        this.#since = undefined
      })
    } else if (now - this.#since >= this.#mostMs) await new Promise((resolve) => setImmediate(resolve))
    return result
  }
}

import type { Clock } from '../kit/clock.ts'
import { Refusal } from '../kit/errors.ts'
import type { Log } from '../kit/log.ts'
import type { Images } from './images.ts'

const DAY_MS = 86_400_000
/** It rests this many times as long as it worked: a fifth of one disk and less of one processor. */
const REST = 4

/** Remembers when all chunks were last read, in milliseconds since 1970. */
export interface ScrubStamp {
  load(): Promise<number | null>
  save(at: number): Promise<void>
}

type Dependencies = Readonly<{
  images: Images
  clock: Clock
  log: Log
  stamp: ScrubStamp
  /** How often everything is read; 0 for never. */
  days: number
  rest: (ms: number) => Promise<void>
}>

/** Reads all chunks again in the background, so that damage is known before somebody needs them. */
export class Scrub {
  readonly #with: Dependencies
  #finishedAt: number | null
  #running: Promise<void> | undefined
  #stopped = false

  private constructor(dependencies: Dependencies, finishedAt: number | null) {
    this.#with = dependencies
    this.#finishedAt = finishedAt
  }

  static async open(dependencies: Dependencies): Promise<Scrub> {
    return new Scrub(dependencies, await dependencies.stamp.load())
  }

  /** When the last full round began that was finished; `null` when there was none yet. */
  finishedAt(): number | null {
    return this.#finishedAt
  }

  /** Starts a round if one is due and none runs. To be called now and then; does not wait for the end. */
  tick(): void {
    const { days, clock, log } = this.#with
    const due = this.#finishedAt === null || clock.now() - this.#finishedAt >= days * DAY_MS
    if (days === 0 || !due || this.#running || this.#stopped) return
    this.#running = this.run()
      .catch((error) => log.error({ error }, 'the chunks could not be read again; it is tried later'))
      .finally(() => {
        this.#running = undefined
      })
  }

  /** One round. */
  async run(): Promise<void> {
    const { images, clock, log, stamp, rest } = this.#with
    const startedAt = clock.now()
    for await (const { sha256 } of images.chunks.list()) {
      if (this.#stopped) return
      const began = performance.now()
      try {
        await images.chunks.read(sha256)
      } catch (error) {
        if (!(error instanceof Refusal) || error.code !== 'corrupt') throw error
        log.error(
          { chunk: sha256, images: await images.withChunk(sha256), reason: error.message },
          'a chunk is damaged',
        )
      }
      await rest((performance.now() - began) * REST)
    }
    await stamp.save(startedAt)
    this.#finishedAt = startedAt
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#running
  }
}

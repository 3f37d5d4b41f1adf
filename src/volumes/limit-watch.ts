import type { Clock } from '../kit/clock.ts'
import type { VolumeLedger } from './ledger.ts'
import type { Volume } from './volume.ts'

/** How often is looked, in milliseconds. */
const LOOK_MS = 10_000

type Dependencies = Readonly<{
  ledger: VolumeLedger
  clock: Clock
  /** Of a pool that cannot refuse what is written beyond a limit, for its engine writes past it. */
  overLimit?: ((ids: readonly string[]) => Promise<readonly string[]>) | undefined
}>

/** Volumes that took more than they may: they are served for reading until they are reset, or their limit is raised. */
export class LimitWatch {
  readonly #with: Dependencies
  #over: ReadonlySet<string> = new Set()
  #lookedAt = Number.NEGATIVE_INFINITY

  constructor(dependencies: Dependencies) {
    this.#with = dependencies
  }

  isOver(volume: string): boolean {
    return this.#over.has(volume)
  }

  /** Looks if it is time to. @returns volumes of which it is otherwise than it was. */
  async changed(): Promise<readonly Volume[]> {
    const { clock, ledger, overLimit } = this.#with
    if (!overLimit || clock.now() - this.#lookedAt < LOOK_MS) return []
    this.#lookedAt = clock.now()
    const before = this.#over
    await this.#look()
    return ledger.volumes().filter(({ id }) => before.has(id) !== this.#over.has(id))
  }

  /** Before these are served: what was over its limit may have been reset since. */
  async settle(volumes: readonly string[]): Promise<void> {
    if (volumes.some((id) => this.#over.has(id))) await this.#look()
  }

  async #look(): Promise<void> {
    const limited = this.#with.ledger.volumes().filter(({ limitBytes }) => limitBytes !== null)
    const ids = limited.map(({ id }) => id)
    this.#over = new Set(ids.length === 0 ? [] : await this.#with.overLimit?.(ids))
  }
}

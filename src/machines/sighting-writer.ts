import type { Log } from '../kit/log.ts'

/** How long sightings are gathered before they are written, in milliseconds. */
const GATHER_MS = 100
/** Pause after a write, as a multiple of the time it took. */
const PAUSE_FACTOR = 9
/** Machines of one commit. Between two commits others have their turn: ten thousand may wait. */
const MOST_AT_ONCE = 200

type Parts = Readonly<{
  /** Writes these machines as they are now, in one commit. */
  save: (ids: readonly string[]) => Promise<void>
  log: Log
}>

/**
 * Writes behind what was seen of known machines: a sighting is not an order, so nobody waits for it. When a whole site powers on,
 * its sightings share a few commits.
 */
export class SightingWriter {
  readonly #parts: Parts
  /** Machines whose sightings are newer than what is on disk, with the time that is on disk. */
  readonly #unsaved = new Map<string, number>()
  #writing: Promise<void> | undefined
  #pauseMs = GATHER_MS

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** Notes that memory is ahead of the disk; `onDisk` is the time of the sighting that the disk has. Returns that time. */
  note(id: string, onDisk: number): number {
    const known = this.#unsaved.get(id) ?? onDisk
    this.#unsaved.set(id, known)
    return known
  }

  forget(id: string): void {
    this.#unsaved.delete(id)
  }

  /** Has everything written soon, one write at a time; what fails is logged and tried with the next. */
  soon(): void {
    this.#writing ??= new Promise((resolve) => setTimeout(resolve, this.#pauseMs))
      .then(async () => {
        const startedAt = performance.now()
        await this.flush()
        this.#pauseMs = Math.max(GATHER_MS, (performance.now() - startedAt) * PAUSE_FACTOR)
      })
      .catch((error: unknown) => this.#parts.log.error({ error: String(error) }, 'sightings could not be saved'))
      .finally(() => {
        this.#writing = undefined
      })
  }

  /** Writes now all that waits now. */
  async flush(): Promise<void> {
    for (let left = this.#unsaved.size; left > 0; left -= MOST_AT_ONCE) {
      const batch = [...this.#unsaved].slice(0, MOST_AT_ONCE)
      for (const [id] of batch) this.#unsaved.delete(id)
      try {
        await this.#parts.save(batch.map(([id]) => id))
      } catch (error) {
        for (const [id, onDisk] of batch) if (!this.#unsaved.has(id)) this.#unsaved.set(id, onDisk)
        throw error
      }
      await new Promise((resolve) => setTimeout(resolve))
    }
  }
}

import { Refusal } from '../../../kit/errors.ts'
import type { PoolUsage } from '../../pool.ts'

/** How old what is known of the pool may be while it is written to. */
const FRESH_MS = 1000

/**
 * Refuses before the thin pool is full. A full one fails writes that were answered long ago, when the page cache is written; so there must
 * be room for a write before it is taken.
 */
export class Room {
  readonly #usage: () => Promise<PoolUsage>
  readonly #percent: number
  #left = 0
  #looked = Number.NEGATIVE_INFINITY
  #looking: Promise<void> | undefined

  constructor(usage: () => Promise<PoolUsage>, refusePercent: number) {
    this.#usage = usage
    this.#percent = refusePercent
  }

  /** Looks, and refuses when the pool is as full as it may be. */
  async check(): Promise<void> {
    await this.#look()
    this.take(0)
  }

  /** Refuses when there is no room for so many bytes. What is known is a second old at most while there are writes. */
  take(bytes: number): void {
    if (performance.now() - this.#looked > FRESH_MS) {
      this.#looking ??= this.#look()
        .catch(() => {})
        .finally(() => {
          this.#looking = undefined
        })
    }
    if (this.#looked !== Number.NEGATIVE_INFINITY && this.#left <= bytes)
      throw new Refusal('no-space', `the thin pool is filled to more than ${this.#percent} percent`, {
        next: 'extend the thin pool, or delete volumes and snapshots',
      })
    this.#left -= bytes
  }

  async #look(): Promise<void> {
    const { totalBytes, usedBytes } = await this.#usage()
    this.#left = Math.floor((totalBytes * this.#percent) / 100) - usedBytes
    this.#looked = performance.now()
  }
}

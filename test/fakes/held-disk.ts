import { Refusal } from '../../src/kit/errors.ts'
import { MemoryDisk } from './memory-disk.ts'

/** Its writes wait while it is told to, and it says how many do. */
export class HeldDisk extends MemoryDisk {
  held = 0
  /** How many writes are left until they fail. */
  failsAfter = Number.POSITIVE_INFINITY
  letGo = () => {}
  #hold: Promise<void> | undefined

  hold(): void {
    this.isSlow = true
    this.#hold = new Promise((resolve) => {
      this.letGo = resolve
    })
  }

  override async write(parts: readonly Uint8Array[], at: number): Promise<void> {
    this.held++
    await this.#hold
    this.held--
    if (this.failsAfter-- <= 0) throw new Refusal('no-space', 'full')
    await super.write(parts, at)
  }
}

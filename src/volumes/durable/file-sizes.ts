import { randomBytes } from 'node:crypto'
import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { errorCode } from '../../images/durable/files.ts'
import { Refusal } from '../../kit/errors.ts'

/** Gives an empty file a size. Fails with EFBIG where the file system keeps none so large. */
export type Stretch = (bytes: number) => Promise<void>

/** What is told of the limit is exact to this, so that it can be asked for as it is written. */
const MIB = 2 ** 20

/**
 * How large a file may be in a directory: its file system is asked, by making an empty one so large (ext4 keeps just below 16 TiB with its usual
 * blocks). What was found possible is not asked again.
 */
export class FileSizes {
  readonly #directory: string
  readonly #ask: <T>(work: (stretch: Stretch) => Promise<T>) => Promise<T>
  #known = 0

  /** `ask` stands for a file in the directory, for tests. */
  constructor(directory: string, ask?: <T>(work: (stretch: Stretch) => Promise<T>) => Promise<T>) {
    this.#directory = directory
    this.#ask = ask ?? ((work) => inFile(directory, work))
  }

  /** Refuses a volume whose end could not be written. */
  async refuseBeyond(bytes: number): Promise<void> {
    if (bytes <= this.#known) return
    await this.#ask(async (stretch) => {
      if (!(await fits(stretch, bytes))) throw this.#tooLarge(bytes, await this.#most(stretch, bytes))
    })
    this.#known = bytes
  }

  /** In MiB. */
  async #most(stretch: Stretch, tooMany: number): Promise<number> {
    let [least, most] = [this.#known, tooMany]
    while (most - least > MIB) {
      const middle = Math.ceil((least + most) / 2 / MIB) * MIB
      if (middle >= most) break
      if (await fits(stretch, middle)) least = middle
      else most = middle
    }
    return Math.floor(least / MIB)
  }

  #tooLarge(bytes: number, mostMiB: number): Refusal {
    return new Refusal(
      'validation-failed',
      `the file system of ${this.#directory} keeps at most ${mostMiB} MiB in a file, and this volume would have ${bytes / MIB}`,
      { next: 'make it smaller, or keep volumes on a file system for larger files, such as XFS, or in LVM' },
    )
  }
}

async function fits(stretch: Stretch, bytes: number): Promise<boolean> {
  try {
    await stretch(bytes)
    return true
  } catch (error) {
    if (errorCode(error) === 'EFBIG') return false
    throw error
  }
}

/** Nothing stays of it, also when the process is killed just then but for an empty file, which the next start sweeps. */
async function inFile<T>(directory: string, work: (stretch: Stretch) => Promise<T>): Promise<T> {
  const path = join(directory, `.size-${randomBytes(6).toString('hex')}`)
  const file = await open(path, 'wx', 0o600)
  try {
    await rm(path, { force: true })
    return await work((bytes) => file.truncate(bytes))
  } finally {
    await file.close()
  }
}

import { open, readFile, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Secret } from '../../kit/secret.ts'
import type { FirstPassword } from '../access.ts'

/** The first password in a file that its owner alone may read (0600), whole or absent whatever is killed when. */
export class PasswordFile implements FirstPassword {
  readonly #path: string

  constructor(path: string) {
    this.#path = path
  }

  async read(): Promise<string | undefined> {
    try {
      return (await readFile(this.#path, 'utf8')).trim()
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
      throw error
    }
  }

  async write(password: Secret): Promise<void> {
    const temporary = `${this.#path}.new`
    // A file left by a killed start may have other permissions: `wx` makes sure that this one is new.
    await rm(temporary, { force: true })
    const file = await open(temporary, 'wx', 0o600)
    try {
      await file.writeFile(`${password.reveal()}\n`)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, this.#path)
    await this.#syncDirectory()
  }

  async remove(): Promise<void> {
    await rm(this.#path, { force: true })
    await this.#syncDirectory()
  }

  /** fsync of a file does not cover its name. */
  async #syncDirectory(): Promise<void> {
    const directory = await open(dirname(this.#path), 'r')
    try {
      await directory.sync()
    } finally {
      await directory.close()
    }
  }
}

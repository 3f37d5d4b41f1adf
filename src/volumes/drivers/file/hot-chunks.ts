import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { errorCode } from '../../../images/durable/files.ts'
import type { VolumeBase } from '../../volume.ts'

/** 4 GiB: more than a system reads while it boots. */
const MOST_CHUNKS = 1024
/** Images of which it is known. */
const MOST_FILES = 256
/** What was learned is kept after so long. */
const SAVE_MS = 30_000

const file = z.object({ version: z.number().int(), chunks: z.array(z.number().int().min(0)).max(MOST_CHUNKS) }).strict()
type Hot = Readonly<z.infer<typeof file>>

/**
 * Which chunks of an image machines read when they boot, in the order of their first use; one small file for each image beside its unpacked
 * content. What another version of the image needed is a good guess. Nothing depends on it: a file that is lost or damaged is learned anew.
 */
export class HotChunks {
  /** Worth fetching before they are asked for. */
  readonly expected: readonly number[]
  readonly #path: string
  readonly #directory: string
  readonly #version: number
  readonly #noted: Uint8Array
  #order: number[] = []
  #saving: NodeJS.Timeout | undefined

  constructor(directory: string, { image, version }: VolumeBase, chunks: number) {
    const name = createHash('sha256').update(image).digest('hex').slice(0, 32)
    this.#directory = directory
    this.#path = join(directory, `${name}.hot`)
    this.#version = version
    this.#noted = new Uint8Array(chunks)
    this.expected = (this.#read()?.chunks ?? []).filter((chunk) => chunk < chunks)
  }

  isNoted(chunk: number): boolean {
    return this.#noted[chunk] === 1
  }

  /** A machine that boots has read it. */
  note(chunk: number): void {
    this.#noted[chunk] = 1
    if (this.#order.length >= MOST_CHUNKS) return
    this.#order.push(chunk)
    this.#saving ??= setTimeout(() => this.save(), SAVE_MS).unref()
  }

  /** Keeps what was learned. A newer version takes the place of an older one. */
  save(): void {
    if (!this.#saving) return
    clearTimeout(this.#saving)
    this.#saving = undefined
    const before = this.#read()
    if (before && before.version > this.#version) return
    const known = before?.version === this.#version ? before.chunks : []
    const chunks = [...new Set([...known, ...this.#order])].slice(0, MOST_CHUNKS)
    if (chunks.length === known.length) return
    try {
      const temporary = `${this.#path}.${process.pid}`
      writeFileSync(temporary, JSON.stringify({ version: this.#version, chunks } satisfies Hot), { mode: 0o600 })
      renameSync(temporary, this.#path)
      if (!before) this.#bound()
    } catch (error) {
      // Without space, or without the directory, nothing is learned.
      if (errorCode(error) === undefined) throw error
    }
  }

  #read(): Hot | undefined {
    try {
      const found = file.safeParse(JSON.parse(readFileSync(this.#path, 'utf8')))
      return found.success ? found.data : undefined
    } catch {
      return undefined
    }
  }

  #bound(): void {
    const files = readdirSync(this.#directory).filter((name) => /\.hot(\.\d+)?$/.test(name))
    if (files.length <= MOST_FILES) return
    const at = (name: string) => statSync(join(this.#directory, name), { throwIfNoEntry: false })?.mtimeMs ?? 0
    const [oldest] = files.sort((a, b) => at(a) - at(b))
    rmSync(join(this.#directory, oldest!), { force: true })
  }
}

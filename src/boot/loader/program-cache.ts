import { createHash } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import type { LoaderFile } from './file.ts'

export type CachedProgram = Readonly<{ bytes: Uint8Array; sha256: string }>

/** Most bytes of one program that are held in memory, and of all. */
const MAX_PROGRAM = 16 * 1024 * 1024
const MAX_TOTAL = 32 * 1024 * 1024

type Entry = Readonly<{ identity: string; program: CachedProgram }>

/** Boot programs in memory with their SHA-256, read again when the file changed. */
export class ProgramCache {
  readonly #entries = new Map<string, Entry>()

  /** Throws what the file system says, and for a file that is larger than 16 MiB. */
  async get(file: LoaderFile): Promise<CachedProgram> {
    if ('bytes' in file) return { bytes: file.bytes, sha256: sha256(file.bytes) }
    const { dev, ino, size, mtimeMs } = await stat(file.path)
    const identity = `${dev}:${ino}:${size}:${mtimeMs}`
    const known = this.#entries.get(file.path)
    if (known?.identity === identity) return known.program
    if (size > MAX_PROGRAM) throw new Error(`${file.path} has ${size} bytes, a boot program has at most ${MAX_PROGRAM}`)
    const bytes = await readFile(file.path)
    const program = { bytes, sha256: sha256(bytes) }
    this.#entries.delete(file.path)
    this.#entries.set(file.path, { identity, program })
    let total = 0
    for (const entry of this.#entries.values()) total += entry.program.bytes.length
    for (const [path, entry] of this.#entries) {
      if (total <= MAX_TOTAL || path === file.path) break
      this.#entries.delete(path)
      total -= entry.program.bytes.length
    }
    return program
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

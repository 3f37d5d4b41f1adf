import { createHash, randomBytes } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Refusal } from '../../kit/errors.ts'
import { absentAsUndefined, asNoSpace, syncDirectory, writeWhole } from '../durable/files.ts'
import type { BlobStat, BlobStore } from '../repository.ts'

const SHA256 = /^[0-9a-f]{64}$/
const INCOMING = 'incoming'

/**
 * Blobs as files: `DIRECTORY/ab/abcd...`, written to `DIRECTORY/incoming/` first. One process owns the directory, so
 * `FileBlobs.open` may delete what a killed upload left in `incoming/`.
 */
export class FileBlobs implements BlobStore {
  readonly #directory: string
  /** A rename and a deletion of the same blob must not overlap. */
  #last: Promise<unknown> = Promise.resolve()

  private constructor(directory: string) {
    this.#directory = directory
  }

  static async open(directory: string): Promise<FileBlobs> {
    const incoming = join(directory, INCOMING)
    await rm(incoming, { recursive: true, force: true })
    await mkdir(incoming, { recursive: true, mode: 0o700 })
    return new FileBlobs(directory)
  }

  async stat(sha256: string): Promise<BlobStat | undefined> {
    const place = this.#place(sha256)
    if (place === undefined) return undefined
    const found = await absentAsUndefined(stat(place))
    return found && { sha256, bytes: found.size, storedAt: Math.floor(found.mtimeMs) }
  }

  async path(sha256: string): Promise<string | undefined> {
    return (await this.stat(sha256)) && this.#place(sha256)
  }

  async read(sha256: string, limit: number): Promise<Uint8Array | undefined> {
    const blob = await this.stat(sha256)
    if (!blob) return undefined
    if (blob.bytes > limit) throw new Refusal('too-large', `${sha256} has ${blob.bytes} bytes, more than ${limit}`)
    const bytes = await absentAsUndefined(readFile(this.#place(sha256)!))
    if (bytes && createHash('sha256').update(bytes).digest('hex') !== sha256)
      throw new Refusal('corrupt', `the stored file ${sha256} is damaged`, {
        next: 'upload it again, or restore the data directory from a backup',
      })
    return bytes
  }

  async put(content: AsyncIterable<Uint8Array>, expected: { sha256?: string; limit: number }): Promise<BlobStat> {
    const temporary = join(this.#directory, INCOMING, randomBytes(12).toString('hex'))
    try {
      const written = await write(temporary, content, expected.limit)
      if (expected.sha256 !== undefined && expected.sha256 !== written.sha256)
        throw new Refusal(
          'checksum-mismatch',
          `the ${written.bytes} bytes received have the SHA-256 ${written.sha256}, not ${expected.sha256}`,
          { next: 'send them again; they changed on the way, or another file was meant' },
        )
      return await this.#inTurn(() => this.#keep(temporary, written.sha256))
    } catch (error) {
      await rm(temporary, { force: true })
      throw asNoSpace(error)
    }
  }

  async list(): Promise<BlobStat[]> {
    const blobs: BlobStat[] = []
    for (const entry of await readdir(this.#directory, { withFileTypes: true })) {
      if (!entry.isDirectory() || !/^[0-9a-f]{2}$/.test(entry.name)) continue
      for (const name of await readdir(join(this.#directory, entry.name))) {
        const blob = name.startsWith(entry.name) ? await this.stat(name) : undefined
        if (blob) blobs.push(blob)
      }
    }
    return blobs
  }

  remove(sha256: string, only?: { storedBefore: number }): Promise<boolean> {
    return this.#inTurn(async () => {
      const blob = await this.stat(sha256)
      if (!blob || (only && blob.storedAt >= only.storedBefore)) return false
      const place = this.#place(sha256)!
      await rm(place, { force: true })
      await syncDirectory(dirname(place))
      return true
    })
  }

  /** The file of a blob; `undefined` for what is no SHA-256, so that no name can leave the directory. */
  #place(sha256: string): string | undefined {
    return SHA256.test(sha256) ? join(this.#directory, sha256.slice(0, 2), sha256) : undefined
  }

  /** Also when the blob is here already: the rename puts the same bytes in its place and renews its time. */
  async #keep(temporary: string, sha256: string): Promise<BlobStat> {
    const place = this.#place(sha256)!
    if (await mkdir(dirname(place), { recursive: true, mode: 0o700 })) await syncDirectory(this.#directory)
    await rename(temporary, place)
    await syncDirectory(dirname(place))
    return (await this.stat(sha256))!
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work)
    this.#last = result.catch(() => undefined)
    return result
  }
}

async function write(path: string, content: AsyncIterable<Uint8Array>, limit: number): Promise<BlobStat> {
  const file = await open(path, 'wx', 0o600)
  try {
    const hash = createHash('sha256')
    let bytes = 0
    for await (const chunk of content) {
      bytes += chunk.length
      if (bytes > limit)
        throw new Refusal('too-large', `the upload is larger than the limit of ${limit} bytes`, {
          next: 'raise images.maxUploadGiB if it is meant to be this large',
        })
      hash.update(chunk)
      await writeWhole(file, chunk)
    }
    // The bytes must be on the disk before the name is: a power cut must not leave a whole name with half the bytes.
    await file.sync()
    return { sha256: hash.digest('hex'), bytes, storedAt: 0 }
  } finally {
    await file.close()
  }
}

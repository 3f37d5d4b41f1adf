import type { FileHandle } from 'node:fs/promises'
import { asNoSpace } from '../../../images/durable/files.ts'
import { Refusal } from '../../../kit/errors.ts'
import type { BlockDevice } from '../../block-device.ts'
import { punchHole } from '../../durable/libc.ts'
import { WriteTurns } from '../../durable/write-turns.ts'

/** A raw file as a disk. */
export class RawDevice implements BlockDevice {
  readonly bytes: number
  readonly readOnly: boolean
  readonly #file: FileHandle
  readonly #turns = new WriteTurns()
  readonly #closed: () => Promise<void>
  #closing: Promise<void> | undefined

  constructor(
    file: FileHandle,
    { bytes, readOnly }: { bytes: number; readOnly: boolean },
    closed: () => Promise<void>,
  ) {
    this.#file = file
    this.bytes = bytes
    this.readOnly = readOnly
    this.#closed = closed
  }

  async read(into: Uint8Array, at: number): Promise<void> {
    for (let done = 0; done < into.length; ) {
      const { bytesRead } = await this.#file.read(into, done, into.length - done, at + done)
      if (bytesRead === 0) throw new Refusal('corrupt', 'the file of the volume is shorter than the volume')
      done += bytesRead
    }
  }

  async write(parts: readonly Uint8Array[], at: number): Promise<void> {
    await this.#change(at, at + parts.reduce((sum, part) => sum + part.length, 0), async () => {
      let to = at
      for (const part of parts)
        for (let done = 0; done < part.length; ) {
          const { bytesWritten } = await this.#file.write(part, done, part.length - done, to)
          done += bytesWritten
          to += bytesWritten
        }
    })
  }

  async zero(at: number, bytes: number): Promise<void> {
    await this.#change(at, at + bytes, async () => {
      if (punchHole(this.#file.fd, at, bytes)) return
      const zeros = new Uint8Array(Math.min(bytes, 1024 * 1024))
      for (let done = 0; done < bytes; done += zeros.length)
        await this.#file.write(zeros, 0, Math.min(zeros.length, bytes - done), at + done)
    })
  }

  async flush(): Promise<void> {
    if (!this.readOnly) await this.#file.datasync()
  }

  /** The file system knows more; this is what is always right. */
  allocation(at: number): Readonly<{ mapped: boolean; bytes: number }> {
    return { mapped: true, bytes: this.bytes - at }
  }

  /** Does something while nothing is written. */
  still<T>(work: () => Promise<T>): Promise<T> {
    return this.#turns.alone(work)
  }

  close(): Promise<void> {
    this.#closing ??= this.#turns.alone(async () => {
      await this.flush()
      await this.drop()
    })
    return this.#closing
  }

  /** Lets go without a flush. */
  async drop(): Promise<void> {
    await this.#file.close()
    await this.#closed()
  }

  async #change(from: number, to: number, work: () => Promise<void>): Promise<void> {
    if (this.readOnly) throw new Refusal('forbidden', 'this volume is only for reading')
    while (!this.#turns.free(from, to)) await this.#turns.wait(from, to)
    try {
      await this.#turns.take(from, to, work)
    } catch (error) {
      if (asNoSpace(error) === error) throw error
      throw new Refusal('no-space', 'the disk that keeps the volumes is full', {
        next: 'delete volumes or snapshots that nobody needs, or give the disk more space',
      })
    }
  }
}

import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { Refusal } from '../../../kit/errors.ts'
import { run } from '../../../processes/run.ts'
import type { BlockDevice } from '../../block-device.ts'

/** Smaller ranges are written as zeros: giving them back takes a program. */
const LEAST_DISCARD = 8 * 1024 * 1024
const MOST_ZEROS = 1024 * 1024

export type PathDeviceOptions = Readonly<{
  /** May be less than the device has. */
  bytes: number
  readOnly: boolean
  /** Blocks that are given back whole; what is given back reads as zeros. */
  blockBytes: number
  /** Refuses (`no-space`) before so many bytes are written. */
  mayWrite?: (bytes: number) => void
  closed?: () => void
}>

/**
 * A disk on a block device, through the page cache. It is opened exclusively for writing, so that no other program that asks for
 * that, a mount or the kernel's target, has it too.
 */
export class PathDevice implements BlockDevice {
  readonly bytes: number
  readonly readOnly: boolean
  readonly #file: FileHandle
  readonly #path: string
  readonly #options: PathDeviceOptions
  #closing: Promise<void> | undefined

  static async open(path: string, options: PathDeviceOptions): Promise<PathDevice> {
    const flags = options.readOnly ? constants.O_RDONLY : constants.O_RDWR | constants.O_EXCL
    try {
      return new PathDevice(await open(path, flags), path, options)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'EBUSY') throw new Refusal('in-use', `another program has ${path} open`)
      throw new Refusal('not-available', `${path} cannot be opened: ${code}`)
    }
  }

  private constructor(file: FileHandle, path: string, options: PathDeviceOptions) {
    this.#file = file
    this.#path = path
    this.#options = options
    this.bytes = options.bytes
    this.readOnly = options.readOnly
  }

  async read(into: Uint8Array, at: number): Promise<void> {
    for (let done = 0; done < into.length; ) {
      const { bytesRead } = await this.#file.read(into, done, into.length - done, at + done)
      if (bytesRead === 0) throw new Refusal('corrupt', `${this.#path} is shorter than the volume`)
      done += bytesRead
    }
  }

  async write(parts: readonly Uint8Array[], at: number): Promise<void> {
    this.#check(parts.reduce((sum, part) => sum + part.length, 0))
    let to = at
    for (const part of parts)
      for (let done = 0; done < part.length; ) {
        const { bytesWritten } = await this.#file.write(part, done, part.length - done, to)
        done += bytesWritten
        to += bytesWritten
      }
  }

  async zero(at: number, bytes: number): Promise<void> {
    this.#check(0)
    const { blockBytes } = this.#options
    const from = Math.ceil(at / blockBytes) * blockBytes
    const to = Math.floor((at + bytes) / blockBytes) * blockBytes
    if (to - from < LEAST_DISCARD || !(await this.#discard(from, to - from))) return this.#zeros(at, bytes)
    await this.#zeros(at, from - at)
    await this.#zeros(to, at + bytes - to)
  }

  async flush(): Promise<void> {
    if (!this.readOnly) await this.#file.datasync()
  }

  allocation(at: number): Readonly<{ mapped: boolean; bytes: number }> {
    return { mapped: true, bytes: this.bytes - at }
  }

  close(): Promise<void> {
    this.#closing ??= this.flush().finally(() => this.drop())
    return this.#closing
  }

  /** Lets go without a flush. */
  async drop(): Promise<void> {
    await this.#file.close()
    this.#options.closed?.()
  }

  /** blkdiscard(8) claims the device exclusively unless forced, and it is ours already. */
  async #discard(at: number, bytes: number): Promise<boolean> {
    const { code } = await run('blkdiscard', ['-f', '-o', String(at), '-l', String(bytes), this.#path])
    return code === 0
  }

  async #zeros(at: number, bytes: number): Promise<void> {
    const zeros = new Uint8Array(Math.min(bytes, MOST_ZEROS))
    for (let done = 0; done < bytes; ) {
      const count = Math.min(zeros.length, bytes - done)
      this.#check(count)
      done += (await this.#file.write(zeros, 0, count, at + done)).bytesWritten
    }
  }

  #check(bytes: number): void {
    if (this.readOnly) throw new Refusal('forbidden', 'this volume is only for reading')
    this.#options.mayWrite?.(bytes)
  }
}
